//! Translated: a stream.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Dialect, decode::finish, error, logprobs, text::Text, usage::RawUsage};
use crate::{
    chat::{Content, Detail, Event, ExtraContent, Raw},
    json,
    provider::{Observed, StreamDecoder, Unreadable, UpstreamError, failure::failure, ids, tier::Served},
};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Chunk {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<RawUsage>,
    service_tier: Served,
    error: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Choice {
    index: u32,
    delta: Option<Delta>,
    finish_reason: Option<String>,
    logprobs: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Delta {
    content: Text,
    refusal: Text,
    reasoning_content: Text,
    reasoning: Text,
    reasoning_details: Option<Vec<Detail>>,
    tool_calls: Option<Vec<Call>>,
    annotations: Option<Vec<Raw>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Call {
    index: Option<u32>,
    id: Option<String>,
    function: Option<Function>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Function {
    name: Option<String>,
    arguments: Text,
}

#[derive(Debug)]
pub(super) struct Decoder {
    dialect: Dialect,
    observed: Observed,
    started: bool,
    /// The provider's id.
    id: String,
    /// The one that was spoken of last.
    current: u32,
    answers: BTreeMap<u32, Answer>,
}

/// What has come of one answer.
#[derive(Debug, Default)]
struct Answer {
    number: u32,
    /// The provider's index (or, without one, id) of each call that began, in our order.
    calls: Vec<(Option<u32>, Option<String>)>,
    finished: bool,
}

impl Decoder {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            observed: Observed::default(),
            started: false,
            id: String::new(),
            current: 0,
            answers: BTreeMap::new(),
        }
    }

    /// What a choice of a chunk says; an error where it says that the provider gave up.
    fn choice(&mut self, choice: Choice, failed: bool, events: &mut Vec<Event>) -> Option<UpstreamError> {
        if choice.index != self.current {
            self.current = choice.index;
            events.push(Event::Answer(choice.index));
        }
        let answer = self.answers.entry(choice.index).or_default();
        answer.number = choice.index;
        let tokens = logprobs::read(choice.logprobs.as_ref());
        if !tokens.is_empty() {
            events.push(Event::Logprobs(tokens));
        }
        answer.delta(choice.delta.unwrap_or_default(), &self.id, events);
        let reason = choice.finish_reason.filter(|_| !std::mem::replace(&mut answer.finished, true))?;
        let gave_up = error::gave_up(&reason);
        if !failed && gave_up.is_none() {
            events.push(Event::Finish(finish(&reason, !answer.calls.is_empty())));
        }
        self.observed.finish_reason.get_or_insert(reason);
        gave_up
    }
}

impl Answer {
    fn delta(&mut self, delta: Delta, id: &str, events: &mut Vec<Event>) {
        let from = events.len();
        for content in delta.reasoning_details.into_iter().flatten().filter_map(Detail::content) {
            match content {
                Content::Thinking { text, signature } => {
                    events.extend(Some(text).filter(|text| !text.is_empty()).map(Event::Thinking));
                    events.extend(signature.map(Event::Signature));
                }
                Content::RedactedThinking(data) => events.push(Event::RedactedThinking(data)),
                _ => {}
            }
        }
        // The same text stands beside its details.
        let told = events.iter().skip(from).any(|event| matches!(event, Event::Thinking(_)));
        let thinking = delta.reasoning_content.take().or(delta.reasoning.take()).filter(|_| !told);
        events.extend(thinking.map(Event::Thinking));
        events.extend(delta.content.take().map(Event::Text));
        events.extend(delta.refusal.take().map(Event::Refusal));
        events.extend(delta.annotations.into_iter().flatten().map(Event::Citation));
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call, id, events);
        }
    }

    fn call(&mut self, call: Call, response: &str, events: &mut Vec<Event>) {
        let function = call.function.unwrap_or_default();
        let id = call.id.filter(|id| !id.is_empty());
        let known = match (call.index, &id) {
            (Some(index), _) => self.calls.iter().rposition(|(other, _)| *other == Some(index)),
            (None, Some(_)) => self.calls.iter().rposition(|(_, other)| *other == id),
            (None, None) => self.calls.len().checked_sub(1),
        };
        // A provider that numbers all its calls 0 still gives each its own id and name.
        let known = known.filter(|known| {
            let (_, other) = &self.calls[*known];
            id.is_none() || other.is_none() || *other == id || function.name.is_none()
        });
        let index = known.unwrap_or_else(|| {
            self.calls.push((call.index, id.clone()));
            let index = self.calls.len() - 1;
            let id = id.unwrap_or_else(|| ids::made(response.as_bytes(), self.number, index));
            events.push(Event::ToolCall {
                signature: call.extra_content.and_then(ExtraContent::signature),
                index: number(index),
                id,
                name: function.name.unwrap_or_default(),
            });
            index
        });
        events.extend(
            function.arguments.take().map(|text| Event::ToolArguments { index: number(index), text }),
        );
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl StreamDecoder for Decoder {
    fn event(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        if data.trim_ascii() == b"[DONE]" {
            self.observed.terminated = true;
            return Ok(());
        }
        let mut scratch = Vec::new();
        let chunk: Chunk = json::parse(data, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
        let from = events.len();
        if !self.started && chunk.error.is_none() {
            self.started = true;
            self.id = chunk.id.clone().unwrap_or_default();
            events.push(Event::Start { id: chunk.id, model: chunk.model, usage: None });
        }
        chunk.service_tier.update(&mut self.observed.service_tier);
        let mut gave_up = None;
        for choice in chunk.choices.into_iter().flatten() {
            gave_up = gave_up.or(self.choice(choice, chunk.error.is_some(), events));
        }
        if let Some(usage) = chunk.usage {
            let usage = usage.normalise(&self.dialect);
            self.observed.usage = Some(usage);
            // Some count along from the first chunk.
            self.observed.usage_complete =
                !self.answers.is_empty() && self.answers.values().all(|answer| answer.finished);
            events.push(Event::Usage(usage));
        }
        if let Some(error) = chunk.error.as_ref().and_then(error::inside).or(gave_up) {
            events.push(Event::Error(failure(&error)));
            self.observed.error.get_or_insert(error);
        }
        self.observed.output_bytes += events.iter().skip(from).map(Event::output_bytes).sum::<u64>();
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
