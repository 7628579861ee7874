//! The bytes that a splitter has still to cut.

use bytes::{Bytes, BytesMut};

/// What was pushed and not yet given out: one frame as it came, or several joined.
#[derive(Debug)]
pub(crate) enum Buffer {
    Whole(Bytes),
    Joined(BytesMut),
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Buffer {
    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }

    /// Appends a frame; it is not copied where nothing was left.
    pub(crate) fn push(&mut self, frame: Bytes) {
        if self.bytes().is_empty() {
            *self = Self::Whole(frame);
            return;
        }
        if let Self::Whole(bytes) = self {
            let mut joined = BytesMut::with_capacity(bytes.len() + frame.len());
            joined.extend_from_slice(bytes);
            *self = Self::Joined(joined);
        }
        if let Self::Joined(bytes) = self {
            bytes.extend_from_slice(&frame);
        }
    }

    /// Takes the first `end` bytes.
    pub(crate) fn split_to(&mut self, end: usize) -> Bytes {
        let end = end.min(self.bytes().len());
        match self {
            Self::Whole(bytes) => bytes.split_to(end),
            Self::Joined(bytes) => bytes.split_to(end).freeze(),
        }
    }
}
