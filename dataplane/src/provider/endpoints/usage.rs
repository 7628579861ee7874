//! `usage` beside chat, as those who speak `OpenAI`'s format write it.

use serde::Deserialize;

use crate::{
    chat::Raw,
    provider::{charged, count::Count},
    usage::Usage,
};

/// All spellings together; what is absent is 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawUsage {
    #[serde(alias = "prompt_tokens")]
    input_tokens: Count,
    #[serde(alias = "completion_tokens")]
    output_tokens: Count,
    #[serde(alias = "prompt_tokens_details", alias = "input_token_details")]
    input_tokens_details: Option<Details>,
    #[serde(alias = "completion_tokens_details", alias = "output_token_details")]
    output_tokens_details: Option<Details>,
    /// Of sound, where it is what is charged by.
    seconds: Option<Seconds>,
    /// Doubao.
    pub(super) generated_images: Option<Count>,
    /// `OpenRouter`.
    cost: Option<Raw>,
    /// xAI.
    cost_in_usd_ticks: Option<Raw>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the format's own names")]
struct Details {
    cached_tokens: Count,
    image_tokens: Count,
    audio_tokens: Count,
}

/// A length of time: a number, or the same in quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seconds(f64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
            Other(serde::de::IgnoredAny),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Number(seconds) => seconds,
            Written::Text(text) => text.parse().unwrap_or(0.0),
            Written::Other(_) => 0.0,
        }))
    }
}

impl Seconds {
    pub(super) fn millis(self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let millis = (self.0.max(0.0) * 1000.0).round() as u64;
        millis
    }
}

impl RawUsage {
    /// Tokens and seconds.
    pub(super) fn normalise(&self) -> Usage {
        let prompt = self.input_tokens.0;
        let input = self.input_tokens_details.clone().unwrap_or_default();
        let output = self.output_tokens_details.clone().unwrap_or_default();
        let cached = input.cached_tokens.0.min(prompt);
        Usage {
            input: prompt - cached,
            cached_input: cached,
            output: self.output_tokens.0,
            audio_input: input.audio_tokens.0,
            image_input: input.image_tokens.0,
            audio_output: output.audio_tokens.0,
            image_output: output.image_tokens.0,
            millis: self.seconds.map_or(0, Seconds::millis),
            reported_cost_nanos: charged::nanos(self.cost.as_ref(), self.cost_in_usd_ticks.as_ref()),
            ..Usage::default()
        }
    }
}
