//! `OpenAI` chat completions.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod stream;

use serde::Deserialize;

use crate::{
    chat::{Failure, FailureKind, FinishReason},
    json::Object,
    usage::Usage,
};

/// What a client asks of its stream.
#[derive(Deserialize)]
pub(super) struct StreamOptions {
    include_usage: Option<bool>,
}

impl StreamOptions {
    pub(super) fn include_usage(&self) -> bool {
        self.include_usage.unwrap_or(false)
    }
}

/// How this wire says why an answer ended.
fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence | FinishReason::Pause | FinishReason::Error => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// How this wire names a kind of failure.
fn error_type(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Request => "invalid_request_error",
        FailureKind::Throttled => "rate_limit_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Provider => "server_error",
    }
}

/// The whole prompt and the whole completion, with their parts beside them, as `OpenAI` counts.
pub(super) fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out);
    object
        .number("prompt_tokens", usage.prompt())
        .number("completion_tokens", usage.output)
        .number("total_tokens", usage.prompt().saturating_add(usage.output));
    let mut prompt = Object::open(object.name("prompt_tokens_details"));
    prompt.number("cached_tokens", usage.cached_input);
    if usage.cache_write > 0 {
        prompt.number("cache_write_tokens", usage.cache_write);
    }
    prompt.number("audio_tokens", usage.audio_input);
    prompt.close();
    let mut completion = Object::open(object.name("completion_tokens_details"));
    completion.number("reasoning_tokens", usage.reasoning).number("audio_tokens", usage.audio_output);
    completion.close();
    object.close();
}

/// The event that says that a stream has failed.
pub(super) fn error(failure: &Failure, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let mut object = Object::open(out);
    let mut error = Object::open(object.name("error"));
    error.string("message", &failure.message).string("type", error_type(failure.kind)).raw("param", "null");
    match &failure.code {
        Some(code) => error.string("code", code),
        None => error.raw("code", "null"),
    };
    error.close();
    object.close();
    out.extend_from_slice(b"\n\n");
}
