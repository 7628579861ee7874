//! A stream: events as [`framing::aws`](crate::framing::aws) cuts them, each an object with one member.

use serde::Deserialize;

use super::{
    decode::{Additional, ToolUse, finish},
    error,
    tools::ANSWER,
    usage::RawUsage,
};
use crate::{
    chat::{Event, Raw},
    json,
    provider::{Observed, StreamDecoder, Unreadable, tier::Served},
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
}

impl Decoder {
    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            events.push(Event::Start { id: None, model: None, usage: None });
        }
    }

    fn open(&mut self, start: Start, events: &mut Vec<Event>) {
        let Some(call) = start.start.tool_use else { return };
        if call.name == ANSWER {
            self.answer = Some(start.content_block_index);
            return;
        }
        let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        self.calls.push(start.content_block_index);
        events.push(Event::ToolCall { index, id: call.id, name: call.name, signature: None });
    }

    fn change(&self, delta: Delta, events: &mut Vec<Event>) {
        let block = delta.content_block_index;
        push(events, delta.delta.text, Event::Text);
        if let Some(input) = delta.delta.tool_use {
            let call = self.calls.iter().rposition(|other| *other == block);
            if let Some(index) = call.and_then(|call| u32::try_from(call).ok()) {
                push(events, Some(input.input), |text| Event::ToolArguments { index, text });
            } else if self.answer == Some(block) {
                push(events, Some(input.input), Event::Text);
            }
        }
        if let Some(thought) = delta.delta.reasoning_content {
            push(events, thought.text, Event::Thinking);
            push(events, thought.signature, Event::Signature);
            push(events, thought.redacted_content, Event::RedactedThinking);
        }
        events.extend(delta.delta.citation.map(Event::Citation));
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
        let from = events.len();
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
            let stop_sequence = stop.additional_model_response_fields.unwrap_or_default().stop_sequence;
            events.push(Event::Finish(finish(&stop.stop_reason, stop_sequence, !self.calls.is_empty())));
            self.observed.finish_reason.get_or_insert(stop.stop_reason);
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
        self.observed.output_bytes += events.iter().skip(from).map(Event::output_bytes).sum::<u64>();
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
