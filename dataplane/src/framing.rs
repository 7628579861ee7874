//! How a provider's stream is cut into events, whatever the frames' boundaries.

use bytes::Bytes;

use crate::sse::{self, Event};

/// A way of framing events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    Sse,
}

impl Framing {
    /// The content type of such a stream, without parameters.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
        }
    }

    /// Cuts such a stream.
    pub fn splitter(self) -> Splitter {
        match self {
            Self::Sse => Splitter::Sse(sse::Splitter::default()),
        }
    }
}

/// A stream that does not follow its framing: the provider's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// One event is longer than is accepted.
    #[error(transparent)]
    TooLong(#[from] sse::TooLong),
}

/// Cuts a stream of frames into events.
#[derive(Debug)]
pub enum Splitter {
    /// Server-sent events.
    Sse(sse::Splitter),
}

impl Splitter {
    /// Takes the next frame.
    pub fn push(&mut self, frame: Bytes) {
        match self {
            Self::Sse(splitter) => splitter.push(frame),
        }
    }

    /// The next complete event of what was pushed.
    pub fn next_event(&mut self) -> Result<Option<Event>, Broken> {
        match self {
            Self::Sse(splitter) => Ok(splitter.next_event()?),
        }
    }

    /// What is left when the stream has ended.
    pub fn finish(&mut self) -> Result<Option<Event>, Broken> {
        match self {
            Self::Sse(splitter) => Ok(splitter.finish()?),
        }
    }
}
