//! Writes a plain answer.

use super::{finish_reason, logprobs};
use crate::{
    chat::{Content, Part, Response, TokenLogprob},
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
    json::list(answer.name("choices"), response.answers.iter().enumerate(), |out, (index, answer)| {
        let text: String = answer.parts.iter().filter_map(said).collect();
        let piece = Piece { text: &text, logprobs: &answer.logprobs, offset: 0 };
        choice(out, index, piece, Some(finish_reason(answer.reason())));
    });
    if let Some(counted) = &response.usage {
        usage(answer.name("usage"), counted);
    }
    answer.close();
    out
}

fn said(part: &Part) -> Option<&str> {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => Some(text),
        _ => None,
    }
}

/// A piece of a choice's text.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Of its tokens.
    pub(super) logprobs: &'a [TokenLogprob],
    /// Where the first of them begins: characters of the choice's text.
    pub(super) offset: u64,
}

/// A choice, or a piece of it.
pub(super) fn choice(
    out: &mut Vec<u8>,
    index: impl std::fmt::Display,
    piece: Piece<'_>,
    reason: Option<&str>,
) {
    let mut choice = Object::open(out);
    choice.string("text", piece.text).number("index", index);
    logprobs::write(choice.name("logprobs"), piece.logprobs, piece.offset);
    match reason {
        Some(reason) => choice.string("finish_reason", reason),
        None => choice.raw("finish_reason", "null"),
    };
    choice.close();
}
