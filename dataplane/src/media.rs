//! What is asked for and answered beside chat: one model that clients' wires and providers' dialects both speak.

pub mod embedding;
pub mod image;
pub mod speech;
pub mod transcription;
pub mod video;

use crate::usage::{Units, Usage};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Vectors of texts.
    Embedding(embedding::Request),
    /// Pictures.
    Image(image::Request),
    /// Sound.
    Speech(speech::Request),
    /// Text from sound.
    Transcription(transcription::Request),
    /// A moving picture.
    Video(video::Request),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Vectors of texts.
    Embedding(embedding::Answer),
    /// Pictures.
    Image(image::Answer),
    /// Sound.
    Speech(speech::Answer),
    /// A moving picture that is being made.
    Video(video::Job),
    /// The provider kept it back: by what was asked for.
    Refused(Refused),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In the provider's words.
    pub reason: String,
    /// Tokens that were used all the same, where the provider counts them.
    pub usage: Option<Usage>,
}

/// A file that came with a request, or bytes that came in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// For example `image/png`; empty where nobody said.
    pub media_type: String,
    /// The bytes themselves.
    pub data: bytes::Bytes,
}

/// What a request can use at most, as far as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Images, seconds, characters.
    pub units: Units,
    /// Bytes of text that is read: a token is at least one. `None` where something else than text is read too.
    pub text: Option<u64>,
    /// Milliseconds that there probably are.
    pub likely_millis: u64,
}

impl Request {
    /// Whether the answer is to come as a stream of events.
    pub fn streams(&self) -> bool {
        match self {
            Self::Embedding(_) | Self::Video(_) => false,
            Self::Image(request) => request.stream,
            Self::Speech(request) => request.events,
            Self::Transcription(request) => request.stream,
        }
    }

    /// What it can use at most.
    pub fn demand(&self) -> Demand {
        match self {
            Self::Embedding(request) => request.demand(),
            Self::Image(request) => request.demand(),
            Self::Speech(request) => request.demand(),
            Self::Transcription(request) => request.demand(),
            Self::Video(request) => request.demand(),
        }
    }
}
