//! Writes a stream.

use super::{encode::choice, finish_reason};
use crate::{
    chat::{Event, Finish},
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
    finish: Option<Finish>,
    usage: Option<Usage>,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self { meta, id: None, finish: None, usage: None, failed: false }
    }

    /// A chunk; one without a choice holds the usage.
    fn chunk(&self, piece: Option<(&str, Option<&str>)>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        let mut chunk = Object::open(out);
        chunk
            .string("id", self.id.as_deref().unwrap_or(&self.meta.id))
            .string("object", "text_completion")
            .number("created", self.meta.created)
            .string("model", &self.meta.model);
        json::list(chunk.name("choices"), piece, |out, (text, reason)| choice(out, text, reason));
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
            Event::Text(text) | Event::Refusal(text) => self.chunk(Some((text, None)), out),
            Event::Finish(finish) => self.finish = Some(finish.clone()),
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
            if let Some(finish) = &self.finish {
                self.chunk(Some(("", Some(finish_reason(finish.reason)))), out);
            }
            if self.meta.include_usage && self.usage.is_some() {
                self.chunk(None, out);
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
