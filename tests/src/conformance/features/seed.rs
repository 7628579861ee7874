//! A seed.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const SEED: Feature = Feature {
    name: "seed",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Completions => Ask::With(json!({"seed": 7})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"seed": 7}})),
        Wire::Responses => Ask::Not("the Responses API has no seed"),
        Wire::Messages => Ask::Not("Anthropic's messages have no seed"),
    },
    again: None,
    heard: |heard| Reach::of(&heard.seed, &Some(7)),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
