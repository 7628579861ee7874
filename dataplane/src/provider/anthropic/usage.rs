//! `usage` as Anthropic writes it, normalised.

use serde::Deserialize;

use crate::{
    provider::{count::Count, tier::Served},
    usage::Usage,
};

/// What is known so far. A stream tells the prompt's counts first and the output's last; each later number
/// replaces the earlier one, as all are cumulative.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawUsage {
    input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    output_tokens: Option<Count>,
    output_tokens_details: Option<Details>,
    /// `standard`, `priority` or `batch`.
    pub(super) service_tier: Served,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Option<Count>,
}

impl RawUsage {
    /// Takes over what the later one says.
    pub(super) fn update(&mut self, later: &Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.service_tier = Served(later.service_tier.0.or(self.service_tier.0));
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    pub(super) fn normalise(&self) -> Usage {
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        let reasoning = count(self.output_tokens_details.unwrap_or_default().thinking_tokens);
        Usage {
            input: count(self.input_tokens),
            cached_input: count(self.cache_read_input_tokens),
            cache_write: count(self.cache_creation_input_tokens),
            output: count(self.output_tokens),
            reasoning: reasoning.min(count(self.output_tokens)),
            ..Usage::default()
        }
    }
}
