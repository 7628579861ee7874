//! A stream: lines, each of the form of a whole answer, the last of which says that it is `done` and counts.

use super::answer::{finish, read};
use crate::{
    chat::{Content, Event},
    provider::{Observed, StreamDecoder, Unreadable, failure::failure},
};

#[derive(Debug, Default)]
pub(super) struct Decoder {
    observed: Observed,
    begun: bool,
    /// What ids are made of: when the first line was written.
    answer: String,
    calls: u32,
}

impl Decoder {
    fn content(&mut self, content: Content, events: &mut Vec<Event>) {
        match content {
            Content::Thinking { text, .. } => events.push(Event::Thinking(text)),
            Content::Text(text) => events.push(Event::Text(text)),
            Content::ToolCall { id, name, arguments } => {
                let index = self.calls;
                self.calls += 1;
                events.push(Event::ToolCall { index, id, name, signature: None });
                if !arguments.is_empty() {
                    events.push(Event::ToolArguments { index, text: arguments });
                }
            }
            _ => {}
        }
    }
}

impl StreamDecoder for Decoder {
    fn event(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let line = read(data)?;
        if let Some(error) = line.error() {
            events.push(Event::Error(failure(&error)));
            self.observed.error.get_or_insert(error);
            return Ok(());
        }
        let from = events.len();
        let usage = line.usage();
        if !std::mem::replace(&mut self.begun, true) {
            self.answer = line.created_at.unwrap_or_default();
            events.push(Event::Start { id: None, model: line.model, usage: None });
        }
        if let Some(message) = line.message {
            for content in message.contents(&self.answer, self.calls as usize) {
                self.content(content, events);
            }
        }
        if line.done == Some(true) && !self.observed.terminated {
            self.observed.terminated = true;
            events.push(Event::Finish(finish(line.done_reason.as_deref(), self.calls > 0)));
            self.observed.finish_reason = line.done_reason;
            self.observed.usage = usage;
            self.observed.usage_complete = usage.is_some();
            events.extend(usage.map(Event::Usage));
        }
        self.observed.output_bytes += events.iter().skip(from).map(Event::output_bytes).sum::<u64>();
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
