//! `OpenAI`'s legacy completions, for providers that only know chat: the prompt is a user's message, and the answer
//! is its text. What a chat cannot do is refused by name.

mod decode;
mod encode;
mod logprobs;
mod stream;

use super::{Meta, StreamEncoder};
use crate::chat::FinishReason;

pub(super) use decode::decode;
pub(super) use encode::encode;

/// Writes a stream.
pub(super) fn encoder(meta: Meta) -> Box<dyn StreamEncoder> {
    Box::new(stream::Encoder::new(meta))
}

/// How this wire says why an answer ended: it knows no tools.
fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        _ => "stop",
    }
}
