//! Server-sent events: an incremental splitter over `Bytes`.
//!
//! Lenient as the format asks for: lines end in LF, CRLF or CR; comments, unknown fields and a byte order mark
//! are skipped; `data:` needs no space; several data lines are joined by LF; the last block may lack its blank
//! line. A block of bare JSON is taken for data: so some providers end a stream that fails (Google). Whatever the
//! frames' boundaries, the events are the same.

mod buffer;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

pub(crate) use self::buffer::Buffer;

/// The longest block that is accepted by default, in bytes: a picture in base64 fits, an endless line does not.
pub const MAX_EVENT: usize = 8 << 20;

/// One block of the stream, up to and including its blank line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The block's bytes as they came; a slice of the frame where the block lies within one.
    pub raw: Bytes,
    /// The joined `data:` lines; `None` where there are none (a comment, a stray blank line).
    pub data: Option<Bytes>,
}

impl Event {
    /// The block as it came; bare JSON as an event of this format.
    pub fn framed(self) -> Bytes {
        match self.data {
            Some(data) if data.len() == self.raw.trim_ascii().len() => {
                let mut framed = Vec::with_capacity(data.len() + 16);
                for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
                    framed.extend_from_slice(b"data: ");
                    framed.extend_from_slice(line);
                    framed.push(b'\n');
                }
                framed.push(b'\n');
                framed.into()
            }
            _ => self.raw,
        }
    }
}

/// A block is longer than is accepted: the provider's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the provider's stream is longer than {0} bytes")]
pub struct TooLong(pub usize);

/// Cuts a stream of frames into events.
#[derive(Debug)]
pub struct Splitter {
    buffer: Buffer,
    /// Where the current line starts.
    line: usize,
    /// No line end lies between `line` and this.
    searched: usize,
    /// The data lines of the current block.
    data: Option<Range<usize>>,
    further: Vec<Range<usize>>,
    /// Nothing was given out yet: a byte order mark may come.
    first: bool,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(MAX_EVENT)
    }
}

impl Splitter {
    /// A splitter that accepts blocks of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Buffer::default(),
            line: 0,
            searched: 0,
            data: None,
            further: Vec::new(),
            first: true,
            limit,
        }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: Bytes) {
        self.buffer.push(frame);
    }

    /// The next complete event of what was pushed. A lone CR at the end of a frame waits for the next byte, as it
    /// may be half of a CRLF.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLong> {
        loop {
            let bytes = self.buffer.bytes();
            let rest = bytes.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.searched = bytes.len();
                return self.pending();
            };
            let end = self.searched + found;
            let next = match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'\r'), None) => {
                    self.searched = end;
                    return self.pending();
                }
                (Some(b'\r'), Some(b'\n')) => end + 2,
                _ => end + 1,
            };
            if self.take_line(end) {
                self.line = next;
                self.searched = next;
            } else if next > self.limit {
                return Err(TooLong(self.limit));
            } else {
                return Ok(Some(self.take_block(next)));
            }
        }
    }

    /// What is left when the stream has ended: a block without its blank line.
    pub fn finish(&mut self) -> Result<Option<Event>, TooLong> {
        let bytes = self.buffer.bytes();
        let all = bytes.len();
        if all == 0 {
            return Ok(None);
        }
        if all > self.limit {
            return Err(TooLong(self.limit));
        }
        let end = if bytes.last() == Some(&b'\r') { all - 1 } else { all };
        if self.line < end {
            self.take_line(end);
        }
        Ok(Some(self.take_block(all)))
    }

    fn pending(&self) -> Result<Option<Event>, TooLong> {
        if self.buffer.bytes().len() > self.limit { Err(TooLong(self.limit)) } else { Ok(None) }
    }

    /// Notes the current line, which ends at `end`; false where it is blank.
    fn take_line(&mut self, end: usize) -> bool {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let bytes = self.buffer.bytes();
        let mut start = self.line;
        if self.first && start == 0 && bytes.starts_with(MARK) {
            start = MARK.len();
        }
        let line = bytes.get(start..end).unwrap_or_default();
        if let Some(rest) = line.strip_prefix(b"data") {
            let value = match rest {
                [] => Some(end),
                [b':', b' ', ..] => Some(start + 6),
                [b':', ..] => Some(start + 5),
                _ => None,
            };
            if let Some(value) = value.map(|value| value..end) {
                if self.data.is_none() {
                    self.data = Some(value);
                } else {
                    self.further.push(value);
                }
            }
        }
        !line.is_empty()
    }

    /// Gives out everything up to `end`.
    fn take_block(&mut self, end: usize) -> Event {
        let raw = self.buffer.split_to(end);
        self.line = 0;
        self.searched = 0;
        self.first = false;
        let data = self.data.take().map(|first| {
            if self.further.is_empty() {
                return raw.slice(first);
            }
            let mut joined = raw.slice(first).to_vec();
            for range in self.further.drain(..) {
                joined.push(b'\n');
                joined.extend_from_slice(raw.get(range).unwrap_or_default());
            }
            joined.into()
        });
        let data = data.or_else(|| bare(&raw));
        Event { raw, data }
    }
}

/// A block that is JSON and has no field of the format.
fn bare(raw: &Bytes) -> Option<Bytes> {
    let text = raw.trim_ascii();
    matches!(text.first(), Some(b'{' | b'[')).then(|| raw.slice_ref(text))
}
