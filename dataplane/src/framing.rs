//! How a provider's stream is cut into events, whatever the frames' boundaries.

mod aws;
mod ndjson;

use bytes::Bytes;

use crate::sse::{self, Event};

/// A way of framing events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    Sse,
    /// AWS's binary messages.
    AwsEventStream,
    /// Lines of JSON.
    NdJson,
}

impl Framing {
    /// The content type of such a stream, without parameters.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::AwsEventStream => "application/vnd.amazon.eventstream",
            Self::NdJson => "application/x-ndjson",
        }
    }

    /// Cuts such a stream.
    pub fn splitter(self) -> Splitter {
        match self {
            Self::Sse => Splitter::Sse(sse::Splitter::default()),
            Self::AwsEventStream => Splitter::AwsEventStream(aws::Splitter::default()),
            Self::NdJson => Splitter::NdJson(ndjson::Splitter::default()),
        }
    }
}

/// A stream that does not follow its framing: the provider's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// One event is longer than is accepted.
    #[error(transparent)]
    TooLong(#[from] sse::TooLong),
    /// A message of AWS's is not what was sent.
    #[error(transparent)]
    Aws(#[from] aws::Broken),
}

/// Cuts a stream of frames into events.
#[derive(Debug)]
pub enum Splitter {
    /// Server-sent events.
    Sse(sse::Splitter),
    /// AWS's binary messages, each an event whose data is an object with one member.
    AwsEventStream(aws::Splitter),
    /// Lines of JSON, each an event.
    NdJson(ndjson::Splitter),
}

impl Splitter {
    /// Takes the next frame.
    pub fn push(&mut self, frame: Bytes) {
        match self {
            Self::Sse(splitter) => splitter.push(frame),
            Self::AwsEventStream(splitter) => splitter.push(&frame),
            Self::NdJson(splitter) => splitter.push(frame),
        }
    }

    /// The next complete event of what was pushed.
    pub fn next_event(&mut self) -> Result<Option<Event>, Broken> {
        match self {
            Self::Sse(splitter) => Ok(splitter.next_event()?),
            Self::AwsEventStream(splitter) => {
                Ok(splitter.next_event()?.map(|data| Event { raw: data.clone(), data: Some(data) }))
            }
            Self::NdJson(splitter) => Ok(splitter.next_event()?),
        }
    }

    /// What is left when the stream has ended.
    pub fn finish(&mut self) -> Result<Option<Event>, Broken> {
        match self {
            Self::Sse(splitter) => Ok(splitter.finish()?),
            Self::AwsEventStream(splitter) => {
                splitter.finish()?;
                Ok(None)
            }
            Self::NdJson(splitter) => Ok(splitter.finish()?),
        }
    }
}
