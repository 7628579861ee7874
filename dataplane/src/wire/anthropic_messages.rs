//! Anthropic messages.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod stream;

use crate::{
    chat::{FailureKind, FinishReason},
    json::Object,
    usage::Usage,
};

/// How this wire says why an answer ended. Where the model declined in words, others just say that it is done.
fn stop_reason(reason: FinishReason, refused: bool) -> &'static str {
    match reason {
        FinishReason::Stop if refused => "refusal",
        FinishReason::Stop | FinishReason::Error => "end_turn",
        FinishReason::StopSequence => "stop_sequence",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
        FinishReason::Pause => "pause_turn",
    }
}

/// How this wire names a kind of failure.
fn error_type(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Request => "invalid_request_error",
        FailureKind::Throttled => "rate_limit_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Provider => "api_error",
    }
}

/// The prompt in three disjoint counts, as Anthropic counts.
fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out);
    object
        .number("input_tokens", usage.input)
        .number("cache_creation_input_tokens", usage.cache_write)
        .number("cache_read_input_tokens", usage.cached_input)
        .number("output_tokens", usage.output);
    if usage.reasoning > 0 {
        let mut details = Object::open(object.name("output_tokens_details"));
        details.number("thinking_tokens", usage.reasoning);
        details.close();
    }
    object.close();
}
