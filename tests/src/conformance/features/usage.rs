//! Counts, as far as the provider makes them and the client's wire has a place for them.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::provider::Provider;
use crate::scripted::Tokens;

pub(in crate::conformance) const USAGE: Feature = Feature {
    name: "usage, with cache and reasoning",
    script: "reasoning=1 text=yes input=25 cached=100 cache_write=50 output=15 reasoning_tokens=5",
    ask: |_, _| Ask::With(json!({})),
    again: None,
    heard: Reach::any,
    expect: Expect::Answer(|told, provider| {
        let Some(told) = &told.tokens else { return Reach::Absent };
        Reach::must(possible(provider).contains(told), told)
    }),
};

/// What a client may be told, and what must stand in the ledger.
pub(in crate::conformance) fn possible(provider: &Provider) -> [Tokens; 3] {
    let counts = provider.counts;
    let (cached, written) = (if counts.cached { 100 } else { 0 }, if counts.written { 50 } else { 0 });
    let reasoning = if counts.reasoning { 5 } else { 0 };
    let whole = |cached, written, reasoning| Tokens {
        input: 175 - cached - written,
        cached,
        cache_write: written,
        output: 15,
        reasoning,
        cost: None,
    };
    // Gemini's own format has no place for what is written to a cache; who is asked for responses counts as OpenAI does.
    [whole(cached, written, reasoning), whole(cached, 0, reasoning), whole(100, 50, 5)]
}
