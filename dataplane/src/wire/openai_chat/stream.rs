//! Writes a stream.

mod choice;

use std::collections::BTreeMap;

use super::{encode::annotation, finish_reason};
use crate::{
    chat::{Citation, Event},
    json::{self, Object},
    usage::Usage,
    wire::{
        Meta, StreamEncoder,
        openai::{error, usage},
    },
};
use choice::Choice;

/// Writes each event as a chunk of its own.
pub(in crate::wire) struct Encoder {
    meta: Meta,
    /// Everything of a chunk up to the choices; made once the id is known.
    head: Vec<u8>,
    /// The one that is spoken of.
    current: u32,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self { meta, head: Vec::new(), current: 0, choices: BTreeMap::new(), usage: None, failed: false }
    }

    fn start(&mut self, id: Option<&str>) {
        if !self.head.is_empty() {
            return;
        }
        self.head.extend_from_slice(b"data: ");
        let mut head = Object::open(&mut self.head);
        head.string("id", id.unwrap_or(&self.meta.id))
            .string("object", "chat.completion.chunk")
            .number("created", self.meta.created)
            .string("model", &self.meta.model);
    }

    /// The choice that is spoken of, which its role begins.
    fn choice(&mut self, out: &mut Vec<u8>) -> (&mut Choice, Chunk<'_>) {
        let chunk = Chunk { head: &self.head, index: self.current, usage: self.meta.include_usage };
        let choice = self.choices.entry(self.current).or_insert_with(|| {
            chunk.delta(out, |delta| {
                delta.string("role", "assistant").string("content", "");
            });
            Choice::default()
        });
        (choice, chunk)
    }
}

/// How a choice's chunks begin and end.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    head: &'a [u8],
    index: u32,
    usage: bool,
}

impl Chunk<'_> {
    /// A chunk with no finish reason.
    fn delta(self, out: &mut Vec<u8>, delta: impl FnOnce(&mut Object<'_>)) {
        self.write(out, delta, |choice| {
            choice.raw("finish_reason", "null");
        });
    }

    /// A chunk with whatever stands beside the delta.
    fn write(
        self,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut Object<'_>),
        beside: impl FnOnce(&mut Object<'_>),
    ) {
        out.extend_from_slice(self.head);
        out.extend_from_slice(b",\"choices\":[");
        let mut choice = Object::open(out);
        let mut inner = Object::open(choice.number("index", self.index).name("delta"));
        delta(&mut inner);
        inner.close();
        beside(&mut choice);
        choice.close();
        out.extend_from_slice(if self.usage { b"],\"usage\":null}\n\n" } else { b"]}\n\n" });
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Error(failure) => {
                self.failed = true;
                return error(failure, out);
            }
            Event::Usage(usage) => return self.usage = Some(*usage),
            Event::Answer(index) => return self.current = *index,
            Event::Start { id, usage, .. } => {
                self.usage = usage.or(self.usage);
                self.start(id.as_deref());
            }
            _ => self.start(None),
        }
        let (choice, chunk) = self.choice(out);
        match event {
            Event::Logprobs(tokens) => choice.logprobs.extend_from_slice(tokens),
            Event::Text(text) => choice.text(text, chunk, out),
            Event::Refusal(text) => choice.refusal(text, chunk, out),
            Event::Citation(raw) => {
                if let Some(citation) = Citation::read(raw) {
                    chunk.delta(out, |delta| {
                        json::list(delta.name("annotations"), [()], |out, ()| {
                            annotation(out, &citation, choice.length);
                        });
                    });
                }
            }
            Event::Thinking(text) => choice.thinking(text, chunk, out),
            Event::Signature(signature) => choice.signature(signature, chunk, out),
            Event::RedactedThinking(data) => choice.redacted(data, chunk, out),
            Event::ToolCall { index, id, name, signature } => {
                choice.call(*index, id, name, signature.as_deref(), chunk, out);
            }
            Event::ToolArguments { index, text } => choice.arguments(*index, text, chunk, out),
            Event::Finish(finish) => choice.finish = Some(finish.clone()),
            Event::Start { .. } | Event::Answer(_) | Event::Usage(_) | Event::Error(_) => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.failed {
            for (index, choice) in &mut self.choices {
                let chunk = Chunk { head: &self.head, index: *index, usage: self.meta.include_usage };
                choice.end(chunk, out);
            }
            if let Some(counted) = self.usage.filter(|_| self.meta.include_usage && !self.head.is_empty()) {
                out.extend_from_slice(&self.head);
                out.extend_from_slice(b",\"choices\":[],\"usage\":");
                usage(out, &counted);
                out.extend_from_slice(b"}\n\n");
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
