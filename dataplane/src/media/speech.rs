//! Sound from a text.

use bytes::Bytes;

use super::Demand;
use crate::usage::{Units, Usage};

/// A text to be spoken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The text.
    pub input: String,
    /// Who speaks.
    pub voice: Option<String>,
    /// How: words for the speaker.
    pub instructions: Option<String>,
    /// `mp3`, `opus`, `aac`, `flac`, `wav`, `pcm`.
    pub format: Option<String>,
    /// As events, with what was used at the end.
    pub events: bool,
    /// Names of fields that mean nothing here.
    pub others: Vec<String>,
}

/// Sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For example `audio/wav`.
    pub media_type: String,
    /// The sound itself.
    pub data: Bytes,
    /// Tokens that were used, where the provider counts them.
    pub usage: Option<Usage>,
}

impl Request {
    /// Characters, as providers that charge by them count: Unicode scalar values.
    pub fn characters(&self) -> u64 {
        self.input.chars().count() as u64
    }

    /// Bytes that a second of the sound takes, about: 16 bits and 24,000 samples where it is plain, MP3 at 128 kbit/s where
    /// nothing is said.
    pub fn bytes_a_second(&self) -> u64 {
        match self.format.as_deref() {
            Some("wav" | "pcm") => 48_000,
            Some("flac") => 24_000,
            Some("opus" | "aac") => 8_000,
            _ => 16_000,
        }
    }

    pub(super) fn demand(&self) -> Demand {
        let units = Units { characters: self.characters(), ..Units::default() };
        let instructions = self.instructions.as_deref().map_or(0, str::len);
        let text = (self.input.len() + instructions) as u64;
        Demand { units, text: Some(text), likely_millis: 0 }
    }
}
