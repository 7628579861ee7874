//! `usage` as Converse writes it, normalised.

use serde::Deserialize;

use crate::{provider::count::Count, usage::Usage};

/// `inputTokens` is what was neither read from the cache nor written to it: the sum of all four is `totalTokens`.
/// `cacheDetails` tells writes by their lifetime; there is one only, as only that is priced. Reasoning is part of the output
/// and not told apart.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the format's own names")]
pub(super) struct RawUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_write_input_tokens: Count,
}

impl RawUsage {
    pub(super) fn normalise(self) -> Usage {
        Usage {
            input: self.input_tokens.0,
            cached_input: self.cache_read_input_tokens.0,
            cache_write: self.cache_write_input_tokens.0,
            output: self.output_tokens.0,
            ..Usage::default()
        }
    }
}
