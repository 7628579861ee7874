//! Writes a stream: each event is an answer of its own, and the last one says why it ended.

use std::collections::BTreeMap;

use super::{
    encode::{call, citations, content, pieces, write_text},
    error_status, finish_reason, logprobs, signatures,
};
use crate::{
    chat::{Event, Failure, Finish, FinishReason, Raw, TokenLogprob},
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

/// What is yet to be written of a candidate.
#[derive(Default)]
struct Candidate {
    calls: Vec<Open>,
    citations: Vec<Raw>,
    /// Of the text that comes next.
    logprobs: Vec<TokenLogprob>,
    finish: Option<Finish>,
    /// The model has declined.
    refused: bool,
}

pub(in crate::wire) struct Encoder {
    meta: Meta,
    id: Option<String>,
    /// The one that is spoken of.
    current: u32,
    candidates: BTreeMap<u32, Candidate>,
    usage: Option<Usage>,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self { meta, id: None, current: 0, candidates: BTreeMap::new(), usage: None, failed: false }
    }

    fn candidate(&mut self) -> &mut Candidate {
        self.candidates.entry(self.current).or_default()
    }

    /// An event with these candidates.
    fn write<T>(
        &self,
        out: &mut Vec<u8>,
        candidates: impl IntoIterator<Item = (u32, T)>,
        write: impl FnMut(&mut Object<'_>, T),
    ) {
        out.extend_from_slice(b"data: ");
        let id = self.id.as_deref().unwrap_or(&self.meta.id);
        pieces(out, &self.meta, id, self.usage.as_ref(), candidates, write);
        out.extend_from_slice(b"\n\n");
    }

    fn text(&mut self, out: &mut Vec<u8>, text: &str, thought: bool, signature: Option<&str>) {
        let candidate = self.candidate();
        let tokens = if thought { Vec::new() } else { std::mem::take(&mut candidate.logprobs) };
        self.write(out, [(self.current, text)], |candidate, text| {
            content(candidate, |out| {
                json::list(out, [text], |out, text| write_text(out, text, thought, signature));
            });
            logprobs::result(candidate, &tokens);
        });
    }

    /// Calls are whole once anything else comes.
    fn end_calls(&mut self, index: u32, out: &mut Vec<u8>) {
        let calls = self.candidates.get_mut(&index).map(|open| std::mem::take(&mut open.calls));
        let Some(calls) = calls.filter(|calls| !calls.is_empty()) else { return };
        self.write(out, [(index, calls)], |candidate, calls| {
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
                return self.candidate().calls.push(Open {
                    index: *index,
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    signature: signature.clone(),
                });
            }
            Event::ToolArguments { index, text } => {
                if let Some(open) = self.candidate().calls.iter_mut().rfind(|open| open.index == *index) {
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
            Event::Answer(index) => return self.current = *index,
            Event::Logprobs(tokens) => return self.candidate().logprobs.extend_from_slice(tokens),
            Event::Citation(raw) => return self.candidate().citations.push(raw.clone()),
            Event::Finish(finish) => return self.candidate().finish = Some(finish.clone()),
            Event::Error(failure) => {
                self.failed = true;
                return Self::error(failure, out);
            }
            _ => self.end_calls(self.current, out),
        }
        if matches!(event, Event::Refusal(_)) {
            self.candidate().refused = true;
        }
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
        // A stream without an answer ends as one with an empty one does.
        if self.candidates.is_empty() {
            self.candidate();
        }
        let indexes: Vec<u32> = self.candidates.keys().copied().collect();
        for index in indexes {
            self.end_calls(index, out);
        }
        let candidates = self.candidates.iter().map(|(index, ended)| (*index, ended));
        self.write(out, candidates, |candidate, ended| {
            let reason = ended.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason);
            content(candidate, |out| json::list(out, [""], |out, text| write_text(out, text, false, None)));
            candidate.string("finishReason", finish_reason(reason, ended.refused));
            citations(candidate, &ended.citations);
            logprobs::result(candidate, &ended.logprobs);
        });
    }
}
