//! A stream: events as [`framing::aws`](crate::framing::aws) cuts them, each an object with one member.

use serde::Deserialize;

use super::{
    decode::{Additional, Silence, ToolUse, finish, silence},
    error,
    tools::{self, ANSWER},
    usage::RawUsage,
};
use crate::{
    chat::{Event, Raw},
    json,
    provider::{Observed, StreamDecoder, Unreadable, failure::failure, tier::Served},
};

/// One member is set: the event's type. Whatever else comes is an exception, or new.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Piece {
    message_start: Option<serde::de::IgnoredAny>,
    content_block_start: Option<Start>,
    content_block_delta: Option<Delta>,
    message_stop: Option<Stop>,
    metadata: Option<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Start {
    start: Opened,
    content_block_index: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Opened {
    tool_use: Option<ToolUse>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Delta {
    delta: Change,
    content_block_index: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Change {
    text: Option<String>,
    tool_use: Option<Input>,
    reasoning_content: Option<Thought>,
    citation: Option<Raw>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    input: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Thought {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Stop {
    stop_reason: String,
    additional_model_response_fields: Option<Additional>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    usage: Option<RawUsage>,
    service_tier: Served,
}

#[derive(Debug, Default)]
pub(super) struct Decoder {
    observed: Observed,
    begun: bool,
    /// The block of each tool call, in our order.
    calls: Vec<u64>,
    /// The block of the tool that stands for the answer.
    answer: Option<u64>,
    words: Words,
    /// Something for the client has come.
    said: bool,
}

/// What becomes of the model's words, which spoil an answer that has a form.
#[derive(Debug, Default)]
enum Words {
    #[default]
    Given,
    /// Until a tool is called: only then it shows whether the answer comes as a call of [`ANSWER`].
    Held(Vec<Event>),
    LeftOut,
}

impl Decoder {
    /// Reads what answers `sent`.
    pub(super) fn of(sent: &[u8]) -> Self {
        let words = if tools::answers(sent) { Words::Held(Vec::new()) } else { Words::Given };
        Self { words, ..Self::default() }
    }

    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            events.push(Event::Start { id: None, model: None, usage: None });
        }
    }

    fn open(&mut self, start: Start, events: &mut Vec<Event>) {
        let Some(call) = start.start.tool_use else { return };
        let first = self.calls.is_empty() && self.answer.is_none();
        if call.name == ANSWER {
            // As in a plain answer, see `decode::answered`.
            if first {
                self.answer = Some(start.content_block_index);
                self.words = Words::LeftOut;
            }
            return;
        }
        if first {
            self.release(events);
        }
        let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(start.content_block_index);
        self.said = true;
        self.count(&call.name);
        events.push(Event::ToolCall { index, id: call.id, name: call.name, signature: None });
    }

    fn change(&mut self, delta: Delta, events: &mut Vec<Event>) {
        let block = delta.content_block_index;
        if let Some(text) = delta.delta.text.filter(|text| !text.is_empty()) {
            self.count(&text);
            self.say(Event::Text(text), events);
        }
        if let Some(input) = delta.delta.tool_use {
            self.count(&input.input);
            let call = self.calls.iter().rposition(|other| *other == block);
            if let Some(index) = call.and_then(|call| u32::try_from(call).ok()) {
                push(events, Some(input.input), |text| Event::ToolArguments { index, text });
            } else if self.answer == Some(block) {
                self.said |= !input.input.is_empty();
                push(events, Some(input.input), Event::Text);
            }
        }
        if let Some(thought) = delta.delta.reasoning_content {
            self.count(thought.text.as_deref().unwrap_or_default());
            push(events, thought.text, Event::Thinking);
            push(events, thought.signature, Event::Signature);
            push(events, thought.redacted_content, Event::RedactedThinking);
        }
        if let Some(citation) = delta.delta.citation {
            self.say(Event::Citation(citation), events);
        }
    }

    /// Text, or what belongs to it.
    fn say(&mut self, event: Event, events: &mut Vec<Event>) {
        match &mut self.words {
            Words::Given => {
                self.said |= matches!(event, Event::Text(_));
                events.push(event);
            }
            Words::Held(held) => held.push(event),
            Words::LeftOut => {}
        }
    }

    /// Nothing will come that the words could spoil.
    fn release(&mut self, events: &mut Vec<Event>) {
        if let Words::Held(held) = &mut self.words {
            self.said |= !held.is_empty();
            events.append(held);
            self.words = Words::Given;
        }
    }

    fn stop(&mut self, stop: Stop, events: &mut Vec<Event>) {
        self.release(events);
        let stop_sequence = stop.additional_model_response_fields.unwrap_or_default().stop_sequence;
        let finish = finish(&stop.stop_reason, stop_sequence, !self.calls.is_empty());
        match silence(&stop.stop_reason).filter(|_| !self.said) {
            Some(Silence::Error(error)) => {
                events.push(Event::Error(failure(&error)));
                self.observed.error.get_or_insert(error);
            }
            Some(Silence::Refusal(words)) => events.extend([Event::Refusal(words), Event::Finish(finish)]),
            None => events.push(Event::Finish(finish)),
        }
        self.observed.finish_reason.get_or_insert(stop.stop_reason);
    }

    /// Bytes that the model wrote, whatever becomes of them.
    fn count(&mut self, text: &str) {
        self.observed.output_bytes += text.len() as u64;
    }
}

/// An event of the text, unless there is none.
fn push(events: &mut Vec<Event>, text: Option<String>, event: impl FnOnce(String) -> Event) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}

impl StreamDecoder for Decoder {
    fn event(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        if let Some(error) = error::inside(data) {
            events.push(Event::Error(error::failure(&error)));
            self.observed.error.get_or_insert(error);
            return Ok(());
        }
        let mut scratch = Vec::new();
        let piece: Piece = json::parse(data, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
        if piece.message_start.is_some()
            || piece.content_block_start.is_some()
            || piece.content_block_delta.is_some()
        {
            self.begin(events);
        }
        if let Some(start) = piece.content_block_start {
            self.open(start, events);
        }
        if let Some(delta) = piece.content_block_delta {
            self.change(delta, events);
        }
        if let Some(stop) = piece.message_stop {
            self.stop(stop, events);
        }
        if let Some(metadata) = piece.metadata {
            // The last event, after the message's own end.
            self.observed.terminated = true;
            metadata.service_tier.update(&mut self.observed.service_tier);
            if let Some(usage) = metadata.usage {
                self.observed.usage = Some(usage.normalise());
                self.observed.usage_complete = true;
                events.extend(self.observed.usage.map(Event::Usage));
            }
        }
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
