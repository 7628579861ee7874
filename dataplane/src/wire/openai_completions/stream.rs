//! Writes a stream.

use std::collections::BTreeMap;

use super::{
    encode::{Piece, choice},
    finish_reason, logprobs,
};
use crate::{
    chat::{Event, Finish, TokenLogprob},
    json::{self, Object},
    usage::Usage,
    wire::{
        Meta, StreamEncoder,
        openai::{error, usage},
    },
};

/// Writes each piece of text as a chunk of its own.
pub(in crate::wire) struct Encoder {
    meta: Meta,
    /// The provider's.
    id: Option<String>,
    /// The one that is spoken of.
    current: u32,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    failed: bool,
}

#[derive(Default)]
struct Choice {
    /// Of the text that comes next.
    logprobs: Vec<TokenLogprob>,
    /// Characters of the tokens that were told of.
    offset: u64,
    finish: Option<Finish>,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self { meta, id: None, current: 0, choices: BTreeMap::new(), usage: None, failed: false }
    }

    fn choice(&mut self) -> &mut Choice {
        self.choices.entry(self.current).or_default()
    }

    /// A chunk of a choice's text, with the log probabilities that came for it.
    fn said(&mut self, index: u32, text: &str, reason: Option<&str>, out: &mut Vec<u8>) {
        let choice = self.choices.entry(index).or_default();
        let tokens = std::mem::take(&mut choice.logprobs);
        let offset = choice.offset;
        choice.offset += tokens.iter().map(logprobs::length).sum::<u64>();
        let piece = Piece { text, logprobs: &tokens, offset };
        self.chunk(Some((index, piece, reason)), out);
    }

    /// A chunk; one without a choice holds the usage.
    fn chunk(&self, piece: Option<(u32, Piece<'_>, Option<&str>)>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        let mut chunk = Object::open(out);
        chunk
            .string("id", self.id.as_deref().unwrap_or(&self.meta.id))
            .string("object", "text_completion")
            .number("created", self.meta.created)
            .string("model", &self.meta.model);
        json::list(chunk.name("choices"), piece, |out, (index, piece, reason)| {
            choice(out, index, piece, reason);
        });
        match (piece, &self.usage) {
            (None, Some(counted)) => usage(chunk.name("usage"), counted),
            _ if self.meta.include_usage => {
                chunk.raw("usage", "null");
            }
            _ => {}
        }
        chunk.close();
        out.extend_from_slice(b"\n\n");
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Start { id, usage, .. } => {
                self.id.clone_from(id);
                self.usage = usage.or(self.usage);
            }
            Event::Answer(index) => self.current = *index,
            Event::Logprobs(tokens) => self.choice().logprobs.extend_from_slice(tokens),
            Event::Text(text) | Event::Refusal(text) => self.said(self.current, text, None, out),
            Event::Finish(finish) => self.choice().finish = Some(finish.clone()),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(failure) => {
                self.failed = true;
                error(failure, out);
            }
            // No place for thinking, and no tools were offered.
            Event::Citation(_)
            | Event::Thinking(_)
            | Event::Signature(_)
            | Event::RedactedThinking(_)
            | Event::ToolCall { .. }
            | Event::ToolArguments { .. } => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.failed {
            let ended: Vec<(u32, Finish)> = self
                .choices
                .iter()
                .filter_map(|(index, choice)| Some((*index, choice.finish.clone()?)))
                .collect();
            for (index, finish) in ended {
                self.said(index, "", Some(finish_reason(finish.reason)), out);
            }
            if self.meta.include_usage && self.usage.is_some() {
                self.chunk(None, out);
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
