//! Token counts, normalised so that every provider's numbers mean the same.

use serde::{Deserialize, Serialize};

/// What one attempt consumed.
///
/// `input`, `cached_input` and `cache_write` are disjoint: their sum is the prompt. `output` is everything
/// that was generated, reasoning included; `reasoning` is a part of it. Providers count differently
/// (`OpenAI` includes cached tokens in the prompt, Anthropic counts them outside `input_tokens`; xAI and Gemini
/// count reasoning outside the completion, `OpenAI` and `DeepSeek` inside): adapters translate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
