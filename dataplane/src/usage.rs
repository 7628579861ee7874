//! What was used: tokens, images, seconds, characters; normalised so that every provider's numbers mean the same.

mod word;

use serde::{Deserialize, Serialize};

pub use self::word::Word;

/// What one attempt consumed.
///
/// `input`, `cached_input` and `cache_write` are disjoint: their sum is the prompt. `output` is everything
/// that was generated, reasoning included; `reasoning` is a part of it. Providers count differently
/// (`OpenAI` includes cached tokens in the prompt, Anthropic counts them outside `input_tokens`; xAI and Gemini
/// count reasoning outside the completion, `OpenAI` and `DeepSeek` inside): adapters translate.
///
/// What is no token stands beside them, and tokens beside that: a provider that charges by the image and counts tokens
/// too has both in it, and the price sheet says which of them cost.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Uncached prompt tokens.
    #[serde(rename = "i", skip_serializing_if = "is_zero")]
    pub input: u64,
    /// Prompt tokens read from the provider's cache.
    #[serde(rename = "c", skip_serializing_if = "is_zero")]
    pub cached_input: u64,
    /// Prompt tokens written to the provider's cache.
    #[serde(rename = "w", skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Generated tokens, reasoning included.
    #[serde(rename = "o", skip_serializing_if = "is_zero")]
    pub output: u64,
    /// The part of `output` that was reasoning.
    #[serde(rename = "r", skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// The part of `input` that was audio.
    #[serde(rename = "ai", skip_serializing_if = "is_zero")]
    pub audio_input: u64,
    /// The part of `output` that was audio.
    #[serde(rename = "ao", skip_serializing_if = "is_zero")]
    pub audio_output: u64,
    /// The part of `input` that was images.
    #[serde(rename = "ii", skip_serializing_if = "is_zero")]
    pub image_input: u64,
    /// The part of `output` that was images.
    #[serde(rename = "io", skip_serializing_if = "is_zero")]
    pub image_output: u64,
    /// Images that were made.
    #[serde(rename = "n", skip_serializing_if = "is_zero")]
    pub images: u64,
    /// Of which kind: as made, else as asked for.
    #[serde(rename = "k", skip_serializing_if = "ImageKind::is_unstated")]
    pub image: ImageKind,
    /// Milliseconds of audio or video, whichever way it went.
    #[serde(rename = "ms", skip_serializing_if = "is_zero")]
    pub millis: u64,
    /// Characters of text that were spoken.
    #[serde(rename = "ch", skip_serializing_if = "is_zero")]
    pub characters: u64,
    /// What the provider itself says that it charged, in nano-dollars (`OpenRouter`, xAI).
    #[serde(rename = "rc", skip_serializing_if = "Option::is_none")]
    pub reported_cost_nanos: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// The whole prompt: uncached, cached and cache-written tokens.
    pub fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cached_input).saturating_add(self.cache_write)
    }

    /// What is no token.
    pub fn units(&self) -> Units {
        Units { images: self.images, image: self.image, millis: self.millis, characters: self.characters }
    }

    /// The same tokens with these units.
    #[must_use]
    pub fn with_units(self, units: Units) -> Self {
        let Units { images, image, millis, characters } = units;
        Self { images, image, millis, characters, ..self }
    }
}

impl std::fmt::Debug for Usage {
    /// Most attempts have tokens of text and nothing else: what else there is is shown where there is any.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Usage");
        for (name, count) in [
            ("input", self.input),
            ("cached_input", self.cached_input),
            ("cache_write", self.cache_write),
            ("output", self.output),
            ("reasoning", self.reasoning),
            ("audio_input", self.audio_input),
            ("audio_output", self.audio_output),
        ] {
            shown.field(name, &count);
        }
        for (name, count) in [
            ("image_input", self.image_input),
            ("image_output", self.image_output),
            ("images", self.images),
            ("millis", self.millis),
            ("characters", self.characters),
        ] {
            if count > 0 {
                shown.field(name, &count);
            }
        }
        if !self.image.is_unstated() {
            shown.field("image", &self.image);
        }
        shown.field("reported_cost_nanos", &self.reported_cost_nanos).finish()
    }
}

/// What is no token: of an answer, or, as a request says it, the most that its answer can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Images.
    pub images: u64,
    /// Of which kind.
    pub image: ImageKind,
    /// Milliseconds of audio or video.
    pub millis: u64,
    /// Characters of text to speak.
    pub characters: u64,
}

impl Units {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.images == 0 && self.millis == 0 && self.characters == 0
    }
}

/// Which images: what their price depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageKind {
    /// For example `1024x1024`; empty where nobody said.
    #[serde(rename = "s", skip_serializing_if = "Word::is_empty")]
    pub size: Word,
    /// For example `high`; empty where nobody said.
    #[serde(rename = "q", skip_serializing_if = "Word::is_empty")]
    pub quality: Word,
}

impl ImageKind {
    /// `auto` leaves it to the provider, as saying nothing does.
    pub fn new(size: &str, quality: &str) -> Self {
        let stated = |text: &str| if text == "auto" { Word::default() } else { Word::new(text) };
        Self { size: stated(size), quality: stated(quality) }
    }

    /// What this leaves open, as the other says it.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let or = |own: Word, other: Word| if own.is_empty() { other } else { own };
        Self { size: or(self.size, other.size), quality: or(self.quality, other.quality) }
    }

    /// Whether nothing is said.
    pub fn is_unstated(&self) -> bool {
        self.size.is_empty() && self.quality.is_empty()
    }
}

/// Where the numbers of a usage row come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// The provider's own count.
    Provider,
    /// Counted by the hub from what it relayed.
    Estimated,
    /// The most that the request can have used: its outcome was never learned.
    Bound,
}

impl Source {
    /// As stores and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Estimated => "Estimated",
            Self::Bound => "Bound",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nothing_is_not_written() {
        assert_eq!(serde_json::to_string(&Usage::default()).unwrap(), "{}");
        let image = ImageKind::new("1024x1024", "auto");
        let usage = Usage { image_output: 3, images: 2, image, millis: 4, characters: 5, ..Usage::default() };
        let json = serde_json::to_string(&usage).unwrap();
        assert_eq!(json, r#"{"io":3,"n":2,"k":{"s":"1024x1024"},"ms":4,"ch":5}"#);
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), usage);
    }

    #[test]
    fn units_come_and_go() {
        let units = Units { images: 1, image: ImageKind::new("", "hd"), millis: 2, characters: 3 };
        let usage = Usage { input: 7, ..Usage::default() }.with_units(units);
        assert_eq!((usage.input, usage.units()), (7, units));
        assert!(!units.is_none() && Units::default().is_none());
    }
}
