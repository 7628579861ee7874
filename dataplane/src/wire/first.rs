//! Streams in formats that have one answer.

use super::StreamEncoder;
use crate::chat::Event;

/// Hands on what is said of the first answer. No other is ever asked for in such a format.
pub(super) struct First<E> {
    encoder: E,
    other: bool,
}

impl<E> First<E> {
    pub(super) fn new(encoder: E) -> Self {
        Self { encoder, other: false }
    }
}

impl<E: StreamEncoder> StreamEncoder for First<E> {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Answer(index) => self.other = *index != 0,
            Event::Start { .. } | Event::Usage(_) | Event::Error(_) => self.encoder.event(event, out),
            _ if self.other => {}
            _ => self.encoder.event(event, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.encoder.finish(out);
    }
}
