//! Writes a stream.

use super::{
    encode::{citation, stop},
    error_type, usage,
};
use crate::{
    chat::{Event, Failure, Finish, signature},
    json::{self, Object},
    usage::Usage,
    wire::{Meta, StreamEncoder},
};

/// What the block that is open holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
    Call,
}

/// Writes one block after the other, each opened when its first piece comes.
pub(in crate::wire) struct Encoder {
    meta: Meta,
    started: bool,
    open: Open,
    /// Blocks that were opened so far.
    blocks: usize,
    /// The block of each call.
    calls: Vec<(u32, usize)>,
    /// The model declined in words.
    refused: bool,
    finish: Option<Finish>,
    usage: Usage,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self {
            meta,
            started: false,
            open: Open::Nothing,
            blocks: 0,
            calls: Vec::new(),
            refused: false,
            finish: None,
            usage: Usage::default(),
            failed: false,
        }
    }

    fn start(&mut self, id: Option<&str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        write(out, "message_start", |event| {
            let mut message = Object::open(event.name("message"));
            message
                .string("id", id.unwrap_or(&self.meta.id))
                .string("type", "message")
                .string("role", "assistant")
                .string("model", &self.meta.model)
                .raw("content", "[]")
                .raw("stop_reason", "null")
                .raw("stop_sequence", "null");
            usage(message.name("usage"), &self.usage);
            message.close();
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.open, Open::Nothing) != Open::Nothing {
            let index = self.blocks - 1;
            write(out, "content_block_stop", |event| {
                event.number("index", index);
            });
        }
    }

    /// Opens a block of this kind, unless it is the one that is open.
    fn open(&mut self, kind: Open, out: &mut Vec<u8>, block: impl FnOnce(&mut Object<'_>)) {
        if self.open == kind && kind != Open::Call {
            return;
        }
        self.close(out);
        self.open = kind;
        let index = self.blocks;
        self.blocks += 1;
        write(out, "content_block_start", |event| {
            let mut object = Object::open(event.number("index", index).name("content_block"));
            block(&mut object);
            object.close();
        });
    }

    fn delta(index: usize, kind: &str, name: &str, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        json::number(out, index);
        out.extend_from_slice(b",\"delta\":");
        let mut delta = Object::open(out);
        delta.string("type", kind).string(name, text);
        delta.close();
        out.extend_from_slice(b"}\n\n");
    }

    fn piece(&self, kind: &str, name: &str, text: &str, out: &mut Vec<u8>) {
        Self::delta(self.blocks.saturating_sub(1), kind, name, text, out);
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        self.open(Open::Text, out, |block| {
            block.string("type", "text").string("text", "");
        });
        self.piece("text_delta", "text", text, out);
    }

    fn thinking(&mut self, out: &mut Vec<u8>) {
        self.open(Open::Thinking, out, |block| {
            block.string("type", "thinking").string("thinking", "").string("signature", "");
        });
    }

    fn error(failure: &Failure, out: &mut Vec<u8>) {
        write(out, "error", |event| {
            let mut error = Object::open(event.name("error"));
            error.string("type", error_type(failure.kind)).string("message", &failure.message);
            error.close();
        });
    }
}

/// A whole event.
fn write(out: &mut Vec<u8>, name: &str, members: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut event = Object::open(out);
    event.string("type", name);
    members(&mut event);
    event.close();
    out.extend_from_slice(b"\n\n");
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Error(failure) => {
                self.failed = true;
                return Self::error(failure, out);
            }
            Event::Usage(usage) => {
                self.usage = *usage;
                return;
            }
            Event::Start { id, usage, .. } => {
                self.usage = usage.unwrap_or(self.usage);
                return self.start(id.as_deref(), out);
            }
            _ => self.start(None, out),
        }
        match event {
            Event::Text(text) => self.text(text, out),
            Event::Refusal(text) => {
                self.refused = true;
                self.text(text, out);
            }
            Event::Citation(raw) if self.open == Open::Text => {
                let index = self.blocks - 1;
                if let Some(citation) = citation(raw) {
                    write(out, "content_block_delta", |event| {
                        let mut delta = Object::open(event.number("index", index).name("delta"));
                        delta.string("type", "citations_delta").raw("citation", &citation);
                        delta.close();
                    });
                }
            }
            Event::Thinking(text) => {
                self.thinking(out);
                self.piece("thinking_delta", "thinking", text, out);
            }
            Event::Signature(signature) => {
                self.thinking(out);
                self.piece("signature_delta", "signature", signature, out);
                self.close(out);
            }
            Event::RedactedThinking(data) => {
                self.open(Open::Call, out, |block| {
                    block.string("type", "redacted_thinking").string("data", data);
                });
                self.close(out);
            }
            Event::ToolCall { index, id, name, signature } => {
                if let Some(signature) = signature {
                    // Thinking without text before the call, as in a plain answer.
                    self.close(out);
                    self.thinking(out);
                    self.piece("signature_delta", "signature", &signature::of_gemini(signature), out);
                }
                self.open(Open::Call, out, |block| {
                    block.string("type", "tool_use").string("id", id).string("name", name).raw("input", "{}");
                });
                self.calls.push((*index, self.blocks - 1));
            }
            Event::ToolArguments { index, text } => {
                // Also for a block that was closed since: clients gather the pieces by index.
                if let Some((_, block)) = self.calls.iter().rfind(|(call, _)| call == index) {
                    Self::delta(*block, "input_json_delta", "partial_json", text, out);
                }
            }
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            // No place for the last two: neither is ever asked for in this format.
            Event::Citation(_)
            | Event::Start { .. }
            | Event::Usage(_)
            | Event::Error(_)
            | Event::Answer(_)
            | Event::Logprobs(_) => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.start(None, out);
        self.close(out);
        write(out, "message_delta", |event| {
            let mut delta = Object::open(event.name("delta"));
            match &self.finish {
                Some(finish) => stop(&mut delta, finish, self.refused),
                None => {
                    delta.raw("stop_reason", "null").raw("stop_sequence", "null");
                }
            }
            delta.close();
            usage(event.name("usage"), &self.usage);
        });
        write(out, "message_stop", |_| ());
    }
}
