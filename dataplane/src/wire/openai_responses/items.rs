//! The items of an answer's `output`.

use crate::{
    chat::{Answer, Citation, Content, Sealed, TokenLogprob},
    json::{self, Object},
    wire::{
        Meta,
        openai::logprobs::{self, Unknown},
    },
};

/// One item.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Reasoning {
        /// May be empty where it is not shown.
        text: String,
        sealed: Option<Sealed>,
    },
    Message(Vec<Piece>),
    Call {
        id: String,
        name: String,
        arguments: String,
    },
}

/// One piece of a message's content.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(Text),
    Refusal(String),
}

/// A text, and what is told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) said: String,
    pub(super) annotations: Vec<Citation>,
    /// Of its tokens, where they were asked for.
    pub(super) logprobs: Vec<TokenLogprob>,
}

/// An item's id: the same in every event of a stream, and unlike that of any other answer.
pub(super) fn id(meta: &Meta, item: &Item, index: usize) -> String {
    let prefix = match item {
        Item::Reasoning { .. } => "rs",
        Item::Message(_) => "msg",
        Item::Call { .. } => "fc",
    };
    let tail = meta.id.split_once('_').map_or(meta.id.as_str(), |(_, tail)| tail);
    format!("{prefix}_{tail}{index:02}")
}

/// The items that an answer's parts make; its citations and log probabilities belong to the last text.
pub(super) fn of(answer: &Answer) -> Vec<Item> {
    let mut items = Vec::with_capacity(answer.parts.len());
    for part in &answer.parts {
        if let Some(signature) = &part.signature {
            items.push(Item::next(signature));
        }
        match &part.content {
            Content::Thinking { text, signature } => items.push(Item::Reasoning {
                text: text.clone(),
                sealed: signature.clone().map(Sealed::Thinking),
            }),
            Content::RedactedThinking(data) => items.push(Item::redacted(data)),
            Content::ToolCall { id, name, arguments } => {
                items.push(Item::Call { id: id.clone(), name: name.clone(), arguments: arguments.clone() });
            }
            Content::Text(text) => add(&mut items, Piece::text(text)),
            Content::Refusal(text) => add(&mut items, Piece::Refusal(text.clone())),
            // Models write none of these in the formats that are read.
            Content::Image { .. }
            | Content::File { .. }
            | Content::SearchResult { .. }
            | Content::Audio { .. }
            | Content::ToolResult { .. } => {}
        }
    }
    let citations = answer.citations.iter().filter_map(Citation::read);
    let last = items.iter_mut().rev().find_map(|item| match item {
        Item::Message(pieces) => pieces.iter_mut().rev().find_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Refusal(_) => None,
        }),
        _ => None,
    });
    if let Some(last) = last {
        last.annotations.extend(citations);
        last.logprobs.clone_from(&answer.logprobs);
    }
    items
}

/// Adds to the last message, or makes one.
fn add(items: &mut Vec<Item>, piece: Piece) {
    let Some(Item::Message(pieces)) = items.last_mut() else {
        items.push(Item::Message(vec![piece]));
        return;
    };
    match (pieces.last_mut(), &piece) {
        (Some(Piece::Text(Text { said: text, .. })), Piece::Text(Text { said: more, .. }))
        | (Some(Piece::Refusal(text)), Piece::Refusal(more)) => text.push_str(more),
        _ => pieces.push(piece),
    }
}

impl Item {
    /// Carries the signature of the item that follows.
    pub(super) fn next(signature: &str) -> Self {
        Self::Reasoning { text: String::new(), sealed: Some(Sealed::Next(signature.to_owned())) }
    }

    /// Reasoning that only the provider can read.
    pub(super) fn redacted(data: &str) -> Self {
        Self::Reasoning { text: String::new(), sealed: Some(Sealed::Redacted(data.to_owned())) }
    }

    /// The item as it stands.
    pub(super) fn write(&self, out: &mut Vec<u8>, id: &str, status: &str) {
        let mut item = Object::open(out);
        item.string("id", id);
        match self {
            Self::Reasoning { text, sealed } => {
                item.string("type", "reasoning");
                let texts = if text.is_empty() { &[][..] } else { std::slice::from_ref(text) };
                json::list(item.name("summary"), texts, |out, text| summary(out, text));
                if let Some(sealed) = sealed {
                    item.string("encrypted_content", &sealed.seal());
                }
            }
            Self::Message(pieces) => {
                item.string("type", "message").string("role", "assistant").string("status", status);
                json::list(item.name("content"), pieces, |out, piece| piece.write(out));
            }
            Self::Call { id, name, arguments } => {
                item.string("type", "function_call")
                    .string("call_id", id)
                    .string("name", name)
                    .string("arguments", arguments_or_none(arguments))
                    .string("status", status);
            }
        }
        item.close();
    }

    /// The item as it is when it begins.
    pub(super) fn write_begun(&self, out: &mut Vec<u8>, id: &str) {
        let mut item = Object::open(out);
        item.string("id", id);
        match self {
            Self::Reasoning { .. } => {
                item.string("type", "reasoning").raw("summary", "[]");
            }
            Self::Message(_) => {
                item.string("type", "message").string("role", "assistant").string("status", "in_progress");
                item.raw("content", "[]");
            }
            Self::Call { id, name, .. } => {
                item.string("type", "function_call")
                    .string("call_id", id)
                    .string("name", name)
                    .string("arguments", "")
                    .string("status", "in_progress");
            }
        }
        item.close();
    }
}

/// A call without arguments still needs an object's text.
pub(super) fn arguments_or_none(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}

/// A part of a reasoning item's summary.
pub(super) fn summary(out: &mut Vec<u8>, text: &str) {
    let mut part = Object::open(out);
    part.string("type", "summary_text").string("text", text);
    part.close();
}

impl Piece {
    /// Text of which nothing else is told.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Text { said: text.to_owned(), ..Text::default() })
    }

    /// The piece as it stands.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text_piece(out, text),
            Self::Refusal(text) => refusal_piece(out, text),
        }
    }

    /// The piece as it is when it begins.
    pub(super) fn write_begun(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(_) => text_piece(out, &Text::default()),
            Self::Refusal(_) => refusal_piece(out, ""),
        }
    }
}

fn text_piece(out: &mut Vec<u8>, Text { said, annotations, logprobs }: &Text) {
    let mut piece = Object::open(out);
    piece.string("type", "output_text").string("text", said);
    let length = said.chars().count() as u64;
    json::list(piece.name("annotations"), annotations, |out, citation| annotation(out, citation, length));
    logprobs::write(piece.name("logprobs"), logprobs, Unknown::Text);
    piece.close();
}

/// An annotation of a text.
pub(super) fn annotation(out: &mut Vec<u8>, citation: &Citation, length: u64) {
    let mut annotation = Object::open(out);
    annotation.string("type", "url_citation");
    citation.write(&mut annotation, length);
    annotation.close();
}

fn refusal_piece(out: &mut Vec<u8>, text: &str) {
    let mut piece = Object::open(out);
    piece.string("type", "refusal").string("refusal", text);
    piece.close();
}
