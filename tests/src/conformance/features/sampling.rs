//! Temperature and nucleus.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const SAMPLING: Feature = Feature {
    name: "temperature, top_p",
    script: "",
    ask: |wire, _| match wire {
        Wire::Gemini => Ask::With(json!({"generationConfig": {"temperature": 0.25, "topP": 0.5}})),
        _ => Ask::With(json!({"temperature": 0.25, "top_p": 0.5})),
    },
    again: None,
    heard: |heard| Reach::of(&heard.temperature.zip(heard.top_p), &Some((0.25, 0.5))),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
