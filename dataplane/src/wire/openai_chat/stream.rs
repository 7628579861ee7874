//! Writes a stream.

use super::{encode::annotation, finish_reason};
use crate::{
    chat::{Citation, Content, Detail, Event, ExtraContent, Finish},
    json::{self, Object},
    usage::Usage,
    wire::{
        Meta, StreamEncoder,
        openai::{error, usage},
    },
};

/// Writes each event as a chunk of its own.
pub(in crate::wire) struct Encoder {
    meta: Meta,
    /// Everything of a chunk up to the delta; made once the id is known.
    head: Vec<u8>,
    /// The role was sent.
    started: bool,
    /// Characters of text that were sent.
    length: u64,
    /// The current piece of thinking, to be repeated with its signature.
    thinking: String,
    /// Pieces of thinking that were sent whole.
    details: usize,
    /// Calls whose arguments have begun.
    arguments: Vec<bool>,
    finish: Option<Finish>,
    usage: Option<Usage>,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self {
            meta,
            head: Vec::new(),
            started: false,
            length: 0,
            thinking: String::new(),
            details: 0,
            arguments: Vec::new(),
            finish: None,
            usage: None,
            failed: false,
        }
    }

    fn start(&mut self, id: Option<&str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.head.extend_from_slice(b"data: ");
        let mut head = Object::open(&mut self.head);
        head.string("id", id.unwrap_or(&self.meta.id))
            .string("object", "chat.completion.chunk")
            .number("created", self.meta.created)
            .string("model", &self.meta.model);
        self.delta(out, |delta| {
            delta.string("role", "assistant").string("content", "");
        });
    }

    /// A chunk with one choice and no finish reason.
    fn delta(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        self.choice(out, write, None);
    }

    fn choice(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>), reason: Option<&str>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[{\"index\":0,\"delta\":");
        let mut delta = Object::open(out);
        write(&mut delta);
        delta.close();
        match reason {
            Some(reason) => {
                out.extend_from_slice(b",\"finish_reason\":");
                json::string(out, reason);
            }
            None => out.extend_from_slice(b",\"finish_reason\":null"),
        }
        out.extend_from_slice(if self.meta.include_usage { b"}],\"usage\":null}\n\n" } else { b"}]}\n\n" });
    }

    fn call(&mut self, index: u32, id: &str, name: &str, signature: Option<&str>, out: &mut Vec<u8>) {
        self.end_bare_calls(out);
        self.delta(out, |delta| {
            json::list(delta.name("tool_calls"), [()], |out, ()| {
                let mut call = Object::open(out);
                call.number("index", index).string("id", id).string("type", "function");
                let mut function = Object::open(call.name("function"));
                function.string("name", name).string("arguments", "");
                function.close();
                if let Some(signature) = signature {
                    ExtraContent::write(&mut call, signature);
                }
                call.close();
            });
        });
        let index = index as usize;
        if self.arguments.len() <= index && index < 4096 {
            self.arguments.resize(index + 1, true);
        }
        if let Some(begun) = self.arguments.get_mut(index) {
            *begun = false;
        }
    }

    /// A call without arguments still needs an object's text.
    fn end_bare_calls(&mut self, out: &mut Vec<u8>) {
        let bare: Vec<u32> =
            (0..).zip(&self.arguments).filter(|(_, begun)| !**begun).map(|(index, _)| index).collect();
        for index in bare {
            self.arguments(index, "{}", out);
        }
    }

    fn arguments(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if let Some(begun) = self.arguments.get_mut(index as usize) {
            *begun = true;
        }
        self.delta(out, |delta| {
            json::list(delta.name("tool_calls"), [()], |out, ()| {
                let mut call = Object::open(out);
                let mut function = Object::open(call.number("index", index).name("function"));
                function.string("arguments", text);
                function.close();
                call.close();
            });
        });
    }

    /// The thinking that ends here, once more and whole, with what lets a client send it back. Clients that gather
    /// lists piece by piece want an index in each.
    fn detail(&mut self, content: &Content, out: &mut Vec<u8>) {
        let index = self.details;
        self.details += 1;
        self.delta(out, |delta| {
            json::list(delta.name("reasoning_details"), [content], |out, content| {
                Detail::write(out, content, index);
            });
        });
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
            Event::Start { id, usage, .. } => {
                self.usage = usage.or(self.usage);
                return self.start(id.as_deref(), out);
            }
            _ => self.start(None, out),
        }
        match event {
            Event::Text(text) => {
                self.length += text.chars().count() as u64;
                self.delta(out, |delta| {
                    delta.string("content", text);
                });
            }
            Event::Citation(raw) => {
                if let Some(citation) = Citation::read(raw) {
                    self.delta(out, |delta| {
                        json::list(delta.name("annotations"), [()], |out, ()| {
                            annotation(out, &citation, self.length);
                        });
                    });
                }
            }
            Event::Refusal(text) => self.delta(out, |delta| {
                delta.string("refusal", text);
            }),
            Event::Thinking(text) => {
                self.thinking.push_str(text);
                self.delta(out, |delta| {
                    delta.string("reasoning_content", text);
                });
            }
            Event::Signature(signature) => {
                let text = std::mem::take(&mut self.thinking);
                self.detail(&Content::Thinking { text, signature: Some(signature.clone()) }, out);
            }
            Event::RedactedThinking(data) => {
                self.detail(&Content::RedactedThinking(data.clone()), out);
            }
            Event::ToolCall { index, id, name, signature } => {
                self.call(*index, id, name, signature.as_deref(), out);
            }
            Event::ToolArguments { index, text } => self.arguments(*index, text, out),
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::Start { .. } | Event::Usage(_) | Event::Error(_) => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.failed {
            self.end_bare_calls(out);
            if let Some(finish) = &self.finish {
                self.choice(out, |_| (), Some(finish_reason(finish.reason)));
            }
            if let Some(counted) = self.usage.filter(|_| self.meta.include_usage && self.started) {
                out.extend_from_slice(&self.head);
                out.extend_from_slice(b",\"choices\":[],\"usage\":");
                usage(out, &counted);
                out.extend_from_slice(b"}\n\n");
            }
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
