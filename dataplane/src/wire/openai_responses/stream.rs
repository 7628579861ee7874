//! Writes a stream.
//!
//! Items of text and reasoning end when the next item begins. Calls end together at the end, as a provider may
//! write the arguments of several in turn.

use super::{
    Status, error_code,
    items::{self, Item, Piece, Text},
    response,
};
use crate::{
    chat::{Citation, Event, Failure, Finish, FinishReason, Sealed, TokenLogprob},
    json::Object,
    usage::Usage,
    wire::{
        Meta, StreamEncoder,
        openai::logprobs::{self, Unknown},
    },
};

/// Writes each event with its number.
pub(in crate::wire) struct Encoder {
    meta: Meta,
    /// Of the next event.
    sequence: u64,
    started: bool,
    items: Vec<Item>,
    /// The item of text or reasoning that has begun and not ended.
    open: Option<usize>,
    /// The item of each call.
    calls: Vec<(u32, usize)>,
    /// Of the text that comes next.
    logprobs: Vec<TokenLogprob>,
    finish: Option<Finish>,
    usage: Option<Usage>,
    failed: bool,
}

impl Encoder {
    pub(in crate::wire) fn new(meta: Meta) -> Self {
        Self {
            meta,
            sequence: 0,
            started: false,
            items: Vec::new(),
            open: None,
            calls: Vec::new(),
            logprobs: Vec::new(),
            finish: None,
            usage: None,
            failed: false,
        }
    }

    /// A whole event.
    fn write(&mut self, out: &mut Vec<u8>, name: &str, members: impl FnOnce(&Self, &mut Object<'_>)) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut event = Object::open(out);
        event.string("type", name).number("sequence_number", self.sequence);
        members(self, &mut event);
        event.close();
        out.extend_from_slice(b"\n\n");
        self.sequence += 1;
    }

    /// An event with the whole answer.
    fn answer(&mut self, name: &str, status: Status<'_>, out: &mut Vec<u8>) {
        self.write(out, name, |this, event| {
            let usage = if matches!(status, Status::InProgress) { None } else { this.usage.as_ref() };
            response(event.name("response"), &this.meta, status, &this.items, usage);
        });
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            self.answer("response.created", Status::InProgress, out);
            self.answer("response.in_progress", Status::InProgress, out);
        }
    }

    fn id(&self, index: usize) -> String {
        self.items.get(index).map(|item| items::id(&self.meta, item, index)).unwrap_or_default()
    }

    /// Begins an item.
    fn add(&mut self, item: Item, out: &mut Vec<u8>) -> usize {
        let index = self.items.len();
        self.items.push(item);
        self.write(out, "response.output_item.added", |this, event| {
            event.number("output_index", index);
            if let Some(item) = this.items.get(index) {
                item.write_begun(event.name("item"), &this.id(index));
            }
        });
        index
    }

    /// Ends an item.
    fn done(&mut self, index: usize, out: &mut Vec<u8>) {
        self.write(out, "response.output_item.done", |this, event| {
            event.number("output_index", index);
            if let Some(item) = this.items.get(index) {
                item.write(event.name("item"), &this.id(index), "completed");
            }
        });
    }

    /// An event within an item.
    fn within(
        &mut self,
        index: usize,
        name: &str,
        out: &mut Vec<u8>,
        members: impl FnOnce(&Self, &mut Object<'_>),
    ) {
        self.write(out, name, |this, event| {
            event.string("item_id", &this.id(index)).number("output_index", index);
            members(this, event);
        });
    }

    /// Ends the item of text or reasoning that is open.
    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(index) = self.open.take() else { return };
        match self.items.get(index).cloned() {
            Some(Item::Reasoning { text, .. }) if !text.is_empty() => {
                self.within(index, "response.reasoning_summary_text.done", out, |_, event| {
                    event.number("summary_index", 0).string("text", &text);
                });
                self.within(index, "response.reasoning_summary_part.done", out, |_, event| {
                    items::summary(event.number("summary_index", 0).name("part"), &text);
                });
            }
            Some(Item::Message(_)) => self.close_piece(index, out),
            _ => {}
        }
        self.done(index, out);
    }

    /// Ends the last piece of a message.
    fn close_piece(&mut self, index: usize, out: &mut Vec<u8>) {
        let Some(Item::Message(pieces)) = self.items.get_mut(index) else { return };
        if let Some(Piece::Text(text)) = pieces.last_mut() {
            // Of tokens that have no text.
            text.logprobs.append(&mut self.logprobs);
        }
        let Some(piece) = pieces.last().cloned() else { return };
        let content = pieces.len() - 1;
        match &piece {
            Piece::Text(Text { said, logprobs, .. }) => {
                self.within(index, "response.output_text.done", out, |_, event| {
                    event.number("content_index", content).string("text", said);
                    logprobs::write(event.name("logprobs"), logprobs, Unknown::Text);
                });
            }
            Piece::Refusal(text) => self.within(index, "response.refusal.done", out, |_, event| {
                event.number("content_index", content).string("refusal", text);
            }),
        }
        self.within(index, "response.content_part.done", out, |_, event| {
            piece.write(event.number("content_index", content).name("part"));
        });
    }

    /// The message that is open, or a new one.
    fn message(&mut self, out: &mut Vec<u8>) -> usize {
        if let Some(index) =
            self.open.filter(|index| matches!(self.items.get(*index), Some(Item::Message(_))))
        {
            return index;
        }
        self.close(out);
        let index = self.add(Item::Message(Vec::new()), out);
        self.open = Some(index);
        index
    }

    /// Text or refusal goes on, in a piece of its kind.
    fn piece(&mut self, more: &Piece, out: &mut Vec<u8>) {
        let index = self.message(out);
        let Some(Item::Message(pieces)) = self.items.get_mut(index) else { return };
        let (name, delta) = match more {
            Piece::Text(Text { said, .. }) => ("response.output_text.delta", said),
            Piece::Refusal(text) => ("response.refusal.delta", text),
        };
        match (pieces.last_mut(), more) {
            (Some(Piece::Text(open)), Piece::Text(more)) => {
                open.said.push_str(delta);
                open.logprobs.extend_from_slice(&more.logprobs);
            }
            (Some(Piece::Refusal(text)), Piece::Refusal(_)) => text.push_str(delta),
            _ => {
                self.close_piece(index, out);
                if let Some(Item::Message(pieces)) = self.items.get_mut(index) {
                    pieces.push(more.clone());
                }
                let content = self.last_piece(index);
                self.within(index, "response.content_part.added", out, |_, event| {
                    more.write_begun(event.number("content_index", content).name("part"));
                });
            }
        }
        let content = self.last_piece(index);
        self.within(index, name, out, |_, event| {
            event.number("content_index", content).string("delta", delta);
            if let Piece::Text(more) = more {
                logprobs::write(event.name("logprobs"), &more.logprobs, Unknown::Text);
            }
        });
    }

    /// Belongs to the text that is open; elsewhere it has no place.
    fn citation(&mut self, mut citation: Citation, out: &mut Vec<u8>) {
        let Some(index) = self.open else { return };
        let content = self.last_piece(index);
        let Some(Item::Message(pieces)) = self.items.get_mut(index) else { return };
        let Some(Piece::Text(Text { said, annotations, .. })) = pieces.last_mut() else { return };
        citation.range.get_or_insert((0, said.chars().count() as u64));
        let number = annotations.len();
        annotations.push(citation.clone());
        self.within(index, "response.output_text.annotation.added", out, |_, event| {
            event.number("content_index", content).number("annotation_index", number);
            items::annotation(event.name("annotation"), &citation, 0);
        });
    }

    fn last_piece(&self, index: usize) -> usize {
        match self.items.get(index) {
            Some(Item::Message(pieces)) => pieces.len().saturating_sub(1),
            _ => 0,
        }
    }

    fn thinking(&mut self, more: &str, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        let open = self.open.filter(|index| matches!(self.items.get(*index), Some(Item::Reasoning { .. })));
        let index = open.unwrap_or_else(|| {
            self.close(out);
            let index = self.add(Item::Reasoning { text: String::new(), sealed: None }, out);
            self.open = Some(index);
            self.within(index, "response.reasoning_summary_part.added", out, |_, event| {
                items::summary(event.number("summary_index", 0).name("part"), "");
            });
            index
        });
        if let Some(Item::Reasoning { text, .. }) = self.items.get_mut(index) {
            text.push_str(more);
        }
        self.within(index, "response.reasoning_summary_text.delta", out, |_, event| {
            event.number("summary_index", 0).string("delta", more);
        });
    }

    /// Ends the reasoning that is open with its signature; a signature alone is an item of its own.
    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) {
        let signed = Some(Sealed::Thinking(signature.to_owned()));
        let open = self.open.and_then(|index| self.items.get_mut(index));
        if let Some(Item::Reasoning { sealed, .. }) = open {
            *sealed = signed;
            return self.close(out);
        }
        self.whole(Item::Reasoning { text: String::new(), sealed: signed }, out);
    }

    /// An item without anything to tell piece by piece.
    fn whole(&mut self, item: Item, out: &mut Vec<u8>) {
        self.close(out);
        let index = self.add(item, out);
        self.done(index, out);
    }

    fn arguments(&mut self, call: u32, more: &str, out: &mut Vec<u8>) {
        let Some((_, index)) = self.calls.iter().rfind(|(other, _)| *other == call).copied() else { return };
        if more.is_empty() {
            return;
        }
        if let Some(Item::Call { arguments, .. }) = self.items.get_mut(index) {
            arguments.push_str(more);
        }
        self.within(index, "response.function_call_arguments.delta", out, |_, event| {
            event.string("delta", more);
        });
    }

    fn end_calls(&mut self, out: &mut Vec<u8>) {
        for (_, index) in std::mem::take(&mut self.calls) {
            let Some(Item::Call { arguments, .. }) = self.items.get(index).cloned() else { continue };
            let whole = items::arguments_or_none(&arguments);
            self.within(index, "response.function_call_arguments.done", out, |_, event| {
                event.string("arguments", whole);
            });
            self.done(index, out);
        }
    }

    /// The words stand in the event itself and within `error`: clients look for either.
    fn error(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        let words = |object: &mut Object<'_>| {
            let code = failure.code.as_deref().unwrap_or(error_code(failure.kind));
            object.string("code", code).string("message", &failure.message).raw("param", "null");
        };
        self.write(out, "error", |_, event| {
            words(event);
            let mut error = Object::open(event.name("error"));
            words(error.string("type", error_code(failure.kind)));
            error.close();
        });
        self.answer("response.failed", Status::Failed(failure.kind, &failure.message), out);
        self.failed = true;
    }
}

impl StreamEncoder for Encoder {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        match event {
            Event::Usage(usage) => return self.usage = Some(*usage),
            Event::Start { usage, .. } => self.usage = usage.or(self.usage),
            _ => {}
        }
        self.start(out);
        match event {
            Event::Logprobs(tokens) => self.logprobs.extend_from_slice(tokens),
            Event::Text(text) => {
                let logprobs = std::mem::take(&mut self.logprobs);
                self.piece(&Piece::Text(Text { said: text.clone(), logprobs, ..Text::default() }), out);
            }
            Event::Refusal(text) => self.piece(&Piece::Refusal(text.clone()), out),
            Event::Citation(raw) => {
                if let Some(citation) = Citation::read(raw) {
                    self.citation(citation, out);
                }
            }
            Event::Thinking(text) => self.thinking(text, out),
            Event::Signature(signature) => self.signature(signature, out),
            Event::RedactedThinking(data) => self.whole(Item::redacted(data), out),
            Event::ToolCall { index, id, name, signature } => {
                if let Some(signature) = signature {
                    self.whole(Item::next(signature), out);
                }
                self.close(out);
                let call = Item::Call { id: id.clone(), name: name.clone(), arguments: String::new() };
                let item = self.add(call, out);
                self.calls.push((*index, item));
            }
            Event::ToolArguments { index, text } => self.arguments(*index, text, out),
            Event::Finish(finish) => self.finish = Some(finish.clone()),
            Event::Error(failure) => self.error(failure, out),
            Event::Start { .. } | Event::Answer(_) | Event::Usage(_) => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        self.start(out);
        self.close(out);
        self.end_calls(out);
        let status = Status::of(self.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason));
        match status {
            Status::Incomplete(_) => self.answer("response.incomplete", status, out),
            Status::Failed(..) => self.answer("response.failed", status, out),
            _ => self.answer("response.completed", status, out),
        }
    }
}
