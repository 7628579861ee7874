//! `usage` as the providers write it, normalised.

use serde::Deserialize;

use super::Dialect;
use crate::{
    chat::Raw,
    provider::{charged, count::Count},
    usage::Usage,
};

/// All spellings together; what is absent is 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawUsage {
    pub(super) prompt_tokens: Count,
    pub(super) completion_tokens: Count,
    pub(super) total_tokens: Count,
    pub(super) prompt_tokens_details: Option<PartDetails>,
    pub(super) completion_tokens_details: Option<PartDetails>,
    /// `DeepSeek`.
    pub(super) prompt_cache_hit_tokens: Count,
    /// `OpenRouter`.
    pub(super) cost: Option<Raw>,
    /// xAI.
    pub(super) cost_in_usd_ticks: Option<Raw>,
}

/// What the prompt, or the completion, consists of.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the format's own names")]
pub(super) struct PartDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

impl RawUsage {
    pub(super) fn normalise(&self, dialect: &Dialect) -> Usage {
        let prompt = self.prompt_tokens.0;
        let details = self.prompt_tokens_details.unwrap_or_default();
        let cached = details.cached_tokens.0.max(self.prompt_cache_hit_tokens.0).min(prompt);
        let written = details.cache_write_tokens.0.min(prompt - cached);
        let completion = self.completion_tokens_details.unwrap_or_default();
        let reasoning = completion.reasoning_tokens.0;
        Usage {
            input: prompt - cached - written,
            cached_input: cached,
            cache_write: written,
            output: self.output(reasoning, dialect),
            reasoning,
            audio_input: details.audio_tokens.0,
            audio_output: completion.audio_tokens.0,
            image_input: details.image_tokens.0,
            image_output: completion.image_tokens.0,
            reported_cost_nanos: charged::nanos(self.cost.as_ref(), self.cost_in_usd_ticks.as_ref()),
            ..Usage::default()
        }
    }

    /// All generated tokens. Where reasoning is an addend the total says so itself, model by model.
    fn output(&self, reasoning: u64, dialect: &Dialect) -> u64 {
        let completion = self.completion_tokens.0;
        let within = self.prompt_tokens.0.saturating_add(completion);
        let addend =
            dialect.reasoning_is_addend && (self.total_tokens.0 == 0 || self.total_tokens.0 > within);
        let output = if addend { completion.saturating_add(reasoning) } else { completion };
        output.max(reasoning)
    }
}
