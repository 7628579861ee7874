//! Writes a plain answer.

use super::finish_reason;
use crate::{
    chat::{Content, FinishReason, Response},
    json::{self, Object},
    wire::{Meta, openai::usage},
};

pub(in crate::wire) fn encode(response: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut answer = Object::open(&mut out);
    answer
        .string("id", response.id.as_deref().unwrap_or(&meta.id))
        .string("object", "text_completion")
        .number("created", meta.created)
        .string("model", &meta.model);
    let text: String = response
        .parts
        .iter()
        .filter_map(|part| match &part.content {
            Content::Text(text) | Content::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let reason = response.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason);
    json::list(answer.name("choices"), [()], |out, ()| choice(out, &text, Some(finish_reason(reason))));
    if let Some(counted) = &response.usage {
        usage(answer.name("usage"), counted);
    }
    answer.close();
    out
}

/// The only choice, or a piece of it.
pub(super) fn choice(out: &mut Vec<u8>, text: &str, reason: Option<&str>) {
    let mut choice = Object::open(out);
    choice.string("text", text).number("index", 0).raw("logprobs", "null");
    match reason {
        Some(reason) => choice.string("finish_reason", reason),
        None => choice.raw("finish_reason", "null"),
    };
    choice.close();
}
