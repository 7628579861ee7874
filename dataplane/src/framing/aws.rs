//! AWS event streams (`application/vnd.amazon.eventstream`): an incremental splitter over `Bytes`.
//!
//! A message is a prelude (its own length, that of its headers, a checksum of both), headers, a payload and a
//! checksum of it all. Whatever the frames' boundaries, the events are the same; a wrong checksum ends the stream.

#[cfg(test)]
mod tests;

use aws_smithy_eventstream::frame;
use bytes::{Bytes, BytesMut};

use crate::{json, sse::MAX_EVENT};

/// Length of the message, length of the headers, checksum.
const PRELUDE: usize = 12;
/// A message without headers and payload: its prelude and its checksum.
const LEAST: usize = PRELUDE + 4;

/// What no event stream may hold: the provider's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A message is longer than is accepted.
    #[error("a message of the provider's stream is longer than {0} bytes")]
    TooLong(usize),
    /// The lengths are not those that were sent, or make no message.
    #[error("a message of the provider's stream begins with a prelude that is damaged")]
    Prelude,
    /// The rest is not what was sent.
    #[error("a message of the provider's stream is damaged: {0}")]
    Message(String),
    /// The stream ended inside a message.
    #[error("the provider's stream ended inside a message")]
    Cut,
}

/// Cuts a stream of frames into events.
///
/// An event is one JSON object with one member: its name is the event's type (`contentBlockDelta`), or the
/// exception's (`throttlingException`), its value the payload. What AWS calls an error, which has a code and no type,
/// becomes `{"error":{"code":…,"message":…}}`.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    /// The length of the message that has begun, once its prelude was read.
    length: Option<usize>,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(MAX_EVENT)
    }
}

impl Splitter {
    /// A splitter that accepts messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), length: None, limit }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &Bytes) {
        self.buffer.extend_from_slice(frame);
    }

    /// The next complete event of what was pushed. Messages that are no events (a type that is not known) are passed over.
    pub fn next_event(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let Some(length) = self.length()? else { return Ok(None) };
            if self.buffer.len() < length {
                return Ok(None);
            }
            let message = self.buffer.split_to(length).freeze();
            self.length = None;
            if let Some(event) = event(message)? {
                return Ok(Some(event));
            }
        }
    }

    /// The stream has ended: nothing may be left.
    pub fn finish(&self) -> Result<(), Broken> {
        if self.buffer.is_empty() { Ok(()) } else { Err(Broken::Cut) }
    }

    /// The length of the message that the buffer begins with, as soon as its prelude is there: nothing is waited for that
    /// will not come.
    fn length(&mut self) -> Result<Option<usize>, Broken> {
        if self.length.is_none() {
            let Some((prelude, _)) = self.buffer.split_first_chunk::<PRELUDE>() else { return Ok(None) };
            let word = |at: usize| {
                let bytes = prelude.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                u32::from_be_bytes(bytes.unwrap_or_default())
            };
            if crc32fast::hash(&prelude[..PRELUDE - 4]) != word(PRELUDE - 4) {
                return Err(Broken::Prelude);
            }
            let length = word(0) as usize;
            if length < LEAST {
                return Err(Broken::Prelude);
            }
            if length > self.limit {
                return Err(Broken::TooLong(self.limit));
            }
            self.length = Some(length);
        }
        Ok(self.length)
    }
}

fn event(message: Bytes) -> Result<Option<Bytes>, Broken> {
    let message = frame::read_message_from(message).map_err(|error| Broken::Message(error.to_string()))?;
    let header = |name: &str| {
        let found = message.headers().iter().find(|header| header.name().as_str() == name)?;
        Some(found.value().as_string().ok()?.as_str())
    };
    let payload = message.payload();
    let mut out = Vec::with_capacity(payload.len() + 40);
    out.push(b'{');
    match header(":message-type") {
        Some("event" | "exception") | None => {
            let Some(name) = header(":event-type").or_else(|| header(":exception-type")) else {
                return Ok(None);
            };
            json::string(&mut out, name);
            out.push(b':');
            out.extend_from_slice(if payload.is_empty() { b"{}" } else { payload });
        }
        Some("error") => {
            let mut error = json::Object::open({
                out.extend_from_slice(b"\"error\":");
                &mut out
            });
            error.string("code", header(":error-code").unwrap_or_default());
            error.string("message", header(":error-message").unwrap_or_default());
            error.close();
        }
        Some(_) => return Ok(None),
    }
    out.push(b'}');
    Ok(Some(out.into()))
}
