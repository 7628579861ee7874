//! Penalties for what was said before.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const PENALTIES: Feature = Feature {
    name: "presence and frequency penalty",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Completions => {
            Ask::With(json!({"presence_penalty": 0.5, "frequency_penalty": 0.25}))
        }
        Wire::Gemini => {
            Ask::With(json!({"generationConfig": {"presencePenalty": 0.5, "frequencyPenalty": 0.25}}))
        }
        Wire::Responses => Ask::Not("the Responses API has no penalties"),
        Wire::Messages => Ask::Not("Anthropic's messages have no penalties"),
    },
    again: None,
    heard: |heard| Reach::of(&heard.penalties, &Some((0.5, 0.25))),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
