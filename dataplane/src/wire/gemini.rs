//! Google Gemini: `generateContent` and `streamGenerateContent`.
//!
//! The model and whether to stream stand in the path. Every name may be written in `camelCase` or `snake_case`, as
//! Google reads both.

mod config;
mod contents;
pub(super) mod decode;
pub mod embeddings;
pub(super) mod encode;
mod schema;
mod signatures;
pub(super) mod stream;
#[cfg(test)]
mod tests;

use crate::{
    chat::{FailureKind, FinishReason},
    json::{self, Object},
    usage::Usage,
};

/// How this wire says why an answer ended.
fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        // There is no reason of its own for calls: the calls are what says so.
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::ToolCalls => "STOP",
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "SAFETY",
        FinishReason::Pause | FinishReason::Error => "OTHER",
    }
}

/// Code and status of a kind of failure (google/rpc/code.proto).
fn error_status(kind: FailureKind) -> (u16, &'static str) {
    match kind {
        FailureKind::Request => (400, "INVALID_ARGUMENT"),
        FailureKind::Throttled => (429, "RESOURCE_EXHAUSTED"),
        FailureKind::Overloaded => (503, "UNAVAILABLE"),
        FailureKind::Timeout => (504, "DEADLINE_EXCEEDED"),
        FailureKind::Provider => (500, "INTERNAL"),
    }
}

/// The prompt with its cached part, the answer without what was thought.
fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out);
    let said = usage.output.saturating_sub(usage.reasoning);
    object.number("promptTokenCount", usage.prompt());
    if usage.cached_input > 0 {
        object.number("cachedContentTokenCount", usage.cached_input);
    }
    object.number("candidatesTokenCount", said);
    if usage.reasoning > 0 {
        object.number("thoughtsTokenCount", usage.reasoning);
    }
    object.number("totalTokenCount", usage.prompt().saturating_add(usage.output));
    for (name, all, audio) in [
        ("promptTokensDetails", usage.prompt(), usage.audio_input),
        ("candidatesTokensDetails", said, usage.audio_output),
    ] {
        if audio > 0 {
            let details = [("TEXT", all.saturating_sub(audio)), ("AUDIO", audio)];
            json::list(object.name(name), details, |out, (modality, count)| {
                let mut detail = Object::open(out);
                detail.string("modality", modality).number("tokenCount", count);
                detail.close();
            });
        }
    }
    object.close();
}
