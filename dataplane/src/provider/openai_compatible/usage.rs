//! `usage` as the providers write it, normalised.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::Dialect;
use crate::{chat::Raw, provider::count::Count, usage::Usage};

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
    /// `OpenRouter`: credits, which are US dollars.
    pub(super) cost: Option<Raw>,
    /// xAI: 10¹⁰ ticks make a US dollar (docs.x.ai, cost tracking).
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
            reported_cost_nanos: self.reported_cost(),
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

    fn reported_cost(&self) -> Option<i64> {
        const NANOS: i64 = 1_000_000_000;
        const TICKS_PER_NANO: i64 = 10;
        let dollars = self.cost.as_ref().and_then(decimal).map(|cost| cost.checked_mul(NANOS.into()));
        let ticks = self
            .cost_in_usd_ticks
            .as_ref()
            .and_then(decimal)
            .map(|ticks| ticks.checked_div(TICKS_PER_NANO.into()));
        let nanos = dollars.or(ticks)??;
        i64::try_from(nanos.round()).ok()
    }
}

fn decimal(raw: &Raw) -> Option<Decimal> {
    let text = raw.get();
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}
