//! Lines of JSON (`application/x-ndjson`): an incremental splitter over `Bytes`.
//!
//! A line ends in LF or CRLF and is one event; a blank one carries no data; the last may lack its end. Whatever the
//! frames' boundaries, the events are the same.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::sse::{Buffer, Event, MAX_EVENT, TooLong};

/// Cuts a stream of frames into events.
#[derive(Debug)]
pub struct Splitter {
    buffer: Buffer,
    /// No line end lies before this.
    searched: usize,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(MAX_EVENT)
    }
}

impl Splitter {
    /// A splitter that accepts lines of up to `limit` bytes, their end included.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Buffer::default(), searched: 0, limit }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: Bytes) {
        self.buffer.push(frame);
    }

    /// The next complete line of what was pushed.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLong> {
        let bytes = self.buffer.bytes();
        let found = memchr::memchr(b'\n', bytes.get(self.searched..).unwrap_or_default());
        let end = found.map_or(bytes.len(), |found| self.searched + found + 1);
        if end > self.limit {
            return Err(TooLong(self.limit));
        }
        self.searched = if found.is_some() { 0 } else { end };
        Ok(found.map(|_| self.take(end)))
    }

    /// What is left when the stream has ended: a line without its end.
    pub fn finish(&mut self) -> Result<Option<Event>, TooLong> {
        let all = self.buffer.bytes().len();
        if all > self.limit {
            return Err(TooLong(self.limit));
        }
        Ok((all > 0).then(|| self.take(all)))
    }

    fn take(&mut self, end: usize) -> Event {
        let raw = self.buffer.split_to(end);
        let line = raw.trim_ascii();
        let data = (!line.is_empty()).then(|| raw.slice_ref(line));
        Event { raw, data }
    }
}
