//! Translated: a stream.

use serde::Deserialize;

use super::{
    decode::{Block, StopDetails, finish},
    error::{self, Inner},
    usage::RawUsage,
};
use crate::{
    chat::{Event, Raw},
    json,
    provider::{Observed, StreamDecoder, Unreadable, failure::failure},
};

/// Any event of the stream.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Piece {
    r#type: String,
    message: Option<Begun>,
    index: Option<u64>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<RawUsage>,
    error: Option<Inner>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Begun {
    id: Option<String>,
    model: Option<String>,
    usage: Option<RawUsage>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Delta {
    r#type: String,
    text: Option<String>,
    partial_json: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    citation: Option<Raw>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
}

#[derive(Debug, Default)]
pub(super) struct Decoder {
    usage: RawUsage,
    observed: Observed,
    /// The block of each tool call, in our order.
    calls: Vec<u64>,
}

impl Decoder {
    fn take(&mut self, usage: Option<&RawUsage>) {
        if let Some(usage) = usage {
            self.usage.update(usage);
            self.observed.usage = Some(self.usage.normalise());
            self.observed.service_tier = self.usage.service_tier.0;
        }
    }

    fn block(&mut self, index: u64, block: Block, events: &mut Vec<Event>) {
        match block.r#type.as_str() {
            "text" => push(events, block.text, Event::Text),
            "thinking" => {
                push(events, block.thinking, Event::Thinking);
                push(events, block.signature, Event::Signature);
            }
            "redacted_thinking" => push(events, block.data, Event::RedactedThinking),
            "tool_use" => {
                let call = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                self.calls.push(index);
                let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
                events.push(Event::ToolCall { index: call, id, name, signature: None });
                // Normally empty, with the input to follow in pieces.
                let whole = block.input.map(|input| input.get().to_owned()).filter(|input| input.len() > 2);
                push(events, whole, |text| Event::ToolArguments { index: call, text });
            }
            _ => {}
        }
    }

    fn delta(&self, index: u64, delta: Delta, events: &mut Vec<Event>) {
        match delta.r#type.as_str() {
            "text_delta" => push(events, delta.text, Event::Text),
            "thinking_delta" => push(events, delta.thinking, Event::Thinking),
            "signature_delta" => push(events, delta.signature, Event::Signature),
            "citations_delta" => events.extend(delta.citation.map(Event::Citation)),
            "input_json_delta" => {
                // The pieces of a tool that Anthropic runs itself belong to no call of ours.
                if let Some(call) = self.calls.iter().rposition(|block| *block == index) {
                    let call = u32::try_from(call).unwrap_or(u32::MAX);
                    push(events, delta.partial_json, |text| Event::ToolArguments { index: call, text });
                }
            }
            _ => {}
        }
    }
}

/// An event of the text, unless there is none.
fn push(events: &mut Vec<Event>, text: Option<String>, event: impl FnOnce(String) -> Event) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}

impl StreamDecoder for Decoder {
    fn event(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let mut scratch = Vec::new();
        let piece: Piece = json::parse(data, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
        let from = events.len();
        let index = piece.index.unwrap_or_default();
        match piece.r#type.as_str() {
            "message_start" => {
                let begun = piece.message.unwrap_or_default();
                self.take(begun.usage.as_ref());
                events.push(Event::Start { id: begun.id, model: begun.model, usage: self.observed.usage });
            }
            "content_block_start" => self.block(index, piece.content_block.unwrap_or_default(), events),
            "content_block_delta" => self.delta(index, piece.delta.unwrap_or_default(), events),
            "message_delta" => {
                let delta = piece.delta.unwrap_or_default();
                push(events, delta.stop_details.and_then(|details| details.explanation), Event::Refusal);
                if let Some(reason) = delta.stop_reason {
                    events.push(Event::Finish(finish(&reason, delta.stop_sequence)));
                    self.observed.finish_reason.get_or_insert(reason);
                }
                self.take(piece.usage.as_ref());
                self.observed.usage_complete |= piece.usage.is_some();
                events.extend(self.observed.usage.map(Event::Usage));
            }
            "message_stop" => self.observed.terminated = true,
            "error" => {
                let error = error::inside(piece.error.unwrap_or_default());
                events.push(Event::Error(failure(&error)));
                self.observed.error.get_or_insert(error);
            }
            // `ping`, `content_block_stop`, and whatever comes later.
            _ => {}
        }
        self.observed.output_bytes += events.iter().skip(from).map(Event::output_bytes).sum::<u64>();
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
