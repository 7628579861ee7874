//! Writes a stream: each event is an answer of its own, and the last one says why it ended.

use super::{
    encode::{answer, call, citations, content, write_text},
    error_status, finish_reason, signatures,
};
use crate::{
    chat::{Event, Failure, Finish, FinishReason, Raw},
    json::{self, Object},
    usage::Usage,
    wire::{Meta, StreamEncoder},
};

/// A call whose arguments are still coming: this format has only whole ones.
struct Open {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

pub(in crate::wire) struct Encoder {
    meta: Meta,
    id: Option<String>,
    calls: Vec<Open>,
    citations: Vec<Raw>,
    finish: Option<Finish>,
    usage: Option<Usage>,
    failed: bool,
    /// The model has declined.
    refused: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self {
            meta,
            id: None,
            calls: Vec::new(),
            citations: Vec::new(),
            finish: None,
            usage: None,
            failed: false,
            refused: false,
        }
    }

    fn piece(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(b"data: ");
        let id = self.id.as_deref().unwrap_or(&self.meta.id);
        answer(out, &self.meta, id, self.usage.as_ref(), write);
        out.extend_from_slice(b"\n\n");
    }

    fn text(&self, out: &mut Vec<u8>, text: &str, thought: bool, signature: Option<&str>) {
        self.piece(out, |candidate| {
            content(candidate, |out| {
                json::list(out, [text], |out, text| write_text(out, text, thought, signature));
            });
        });
    }

    /// Calls are whole once anything else comes.
    fn end_calls(&mut self, out: &mut Vec<u8>) {
        let calls = std::mem::take(&mut self.calls);
        if calls.is_empty() {
            return;
        }
        self.piece(out, |candidate| {
            content(candidate, |out| {
                json::list(out, calls, |out, open| {
                    call(out, &open.id, &open.name, &open.arguments, open.signature.as_deref());
                });
            });
        });
    }

    fn error(failure: &Failure, out: &mut Vec<u8>) {
        let (code, status) = error_status(failure.kind);
        out.extend_from_slice(b"data: ");
        let mut object = Object::open(out);
        let mut error = Object::open(object.name("error"));
        error.number("code", code).string("message", &failure.message).string("status", status);
        error.close();
        object.close();
        out.extend_from_slice(b"\n\n");
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::ToolCall { index, id, name, signature } => {
                return self.calls.push(Open {
                    index: *index,
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    signature: signature.clone(),
                });
            }
            Event::ToolArguments { index, text } => {
                if let Some(open) = self.calls.iter_mut().rfind(|open| open.index == *index) {
                    open.arguments.push_str(text);
                }
                return;
            }
            Event::Usage(usage) => return self.usage = Some(*usage),
            Event::Start { id, usage, .. } => {
                self.id.clone_from(id);
                self.usage = usage.or(self.usage);
                return;
            }
            Event::Citation(raw) => return self.citations.push(raw.clone()),
            Event::Finish(finish) => return self.finish = Some(finish.clone()),
            Event::Error(failure) => {
                self.failed = true;
                return Self::error(failure, out);
            }
            _ => self.end_calls(out),
        }
        self.refused |= matches!(event, Event::Refusal(_));
        match event {
            Event::Text(text) | Event::Refusal(text) => self.text(out, text, false, None),
            Event::Thinking(text) => self.text(out, text, true, None),
            Event::Signature(signed) => self.text(out, "", true, Some(&signatures::written(signed))),
            Event::RedactedThinking(data) => self.text(out, "", true, Some(&signatures::redacted(data))),
            _ => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.end_calls(out);
        let reason = self.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason);
        self.piece(out, |candidate| {
            content(candidate, |out| json::list(out, [""], |out, text| write_text(out, text, false, None)));
            candidate.string("finishReason", finish_reason(reason, self.refused));
            citations(candidate, &self.citations);
        });
    }
}
