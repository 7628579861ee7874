//! `OpenAI` responses.
//!
//! The hub stores no answers, so a conversation is always sent whole. What a client keeps and sends back of a
//! translated answer's reasoning is in `encrypted_content`, see [`Sealed`](crate::chat::Sealed).

mod decode;
mod encode;
mod input;
mod items;
mod stream;

use crate::{
    chat::{FailureKind, FinishReason},
    json::{self, Object},
    usage::Usage,
    wire::{Meta, StreamEncoder, first::First},
};
use items::Item;

pub(super) use decode::decode;
pub(super) use encode::encode;

/// Writes a stream.
pub(super) fn encoder(meta: Meta) -> Box<dyn StreamEncoder> {
    Box::new(First::new(stream::Encoder::new(meta)))
}

/// How this wire names a kind of failure.
fn error_code(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Request => "invalid_prompt",
        FailureKind::Throttled => "rate_limit_exceeded",
        FailureKind::Overloaded | FailureKind::Timeout | FailureKind::Provider => "server_error",
    }
}

/// How an answer stands.
#[derive(Clone, Copy, Debug)]
enum Status<'a> {
    InProgress,
    Completed,
    /// Why.
    Incomplete(&'static str),
    /// What kind of failure, in a sentence.
    Failed(FailureKind, &'a str),
}

impl Status<'_> {
    /// How this wire says why an answer ended.
    fn of(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Length => Self::Incomplete("max_output_tokens"),
            FinishReason::ContentFilter => Self::Incomplete("content_filter"),
            FinishReason::Stop
            | FinishReason::StopSequence
            | FinishReason::ToolCalls
            | FinishReason::Pause => Self::Completed,
            FinishReason::Error => {
                Self::Failed(FailureKind::Provider, "the model gave up before its answer was complete")
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(..) => "failed",
        }
    }
}

/// The whole `response` object. Members that repeat the request have the format's defaults, as clients rely on
/// their being there.
fn response(out: &mut Vec<u8>, meta: &Meta, status: Status<'_>, items: &[Item], counted: Option<&Usage>) {
    let mut answer = Object::open(out);
    answer
        .string("id", &meta.id)
        .string("object", "response")
        .number("created_at", meta.created)
        .string("status", status.name())
        .raw("background", "false");
    let error = answer.name("error");
    match status {
        Status::Failed(kind, message) => {
            let mut error = Object::open(error);
            error.string("code", error_code(kind)).string("message", message);
            error.close();
        }
        _ => error.extend_from_slice(b"null"),
    }
    let details = answer.name("incomplete_details");
    match status {
        Status::Incomplete(reason) => {
            let mut details = Object::open(details);
            details.string("reason", reason);
            details.close();
        }
        _ => details.extend_from_slice(b"null"),
    }
    answer
        .raw("instructions", "null")
        .raw("max_output_tokens", "null")
        .raw("metadata", "{}")
        .string("model", &meta.model);
    let last = items.len().saturating_sub(1);
    let whole = matches!(status, Status::Completed | Status::InProgress);
    json::list(answer.name("output"), items.iter().enumerate(), |out, (index, item)| {
        let status = if whole || index < last { "completed" } else { "incomplete" };
        item.write(out, &items::id(meta, item, index), status);
    });
    answer
        .raw("parallel_tool_calls", "true")
        .raw("previous_response_id", "null")
        .raw("reasoning", r#"{"effort":null,"summary":null}"#)
        .raw("store", "false")
        .raw("temperature", "null")
        .raw("text", r#"{"format":{"type":"text"}}"#)
        .raw("tool_choice", r#""auto""#)
        .raw("tools", "[]")
        .raw("top_p", "null")
        .raw("truncation", r#""disabled""#);
    let place = answer.name("usage");
    match counted {
        Some(counted) => usage(place, counted),
        None => place.extend_from_slice(b"null"),
    }
    answer.close();
}

/// The whole prompt and the whole output, with their parts beside them.
fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out);
    let mut input = Object::open(object.number("input_tokens", usage.prompt()).name("input_tokens_details"));
    input.number("cached_tokens", usage.cached_input).number("cache_write_tokens", usage.cache_write);
    input.close();
    let mut output = Object::open(object.number("output_tokens", usage.output).name("output_tokens_details"));
    output.number("reasoning_tokens", usage.reasoning);
    output.close();
    object.number("total_tokens", usage.prompt().saturating_add(usage.output));
    object.close();
}
