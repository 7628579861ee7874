//! `OpenAI` chat completions.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod stream;

use crate::chat::FinishReason;

/// How this wire says why an answer ended.
fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::Pause | FinishReason::Error => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}
