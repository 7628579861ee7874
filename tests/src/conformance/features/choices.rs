//! Several answers at once.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const CHOICES: Feature = Feature {
    name: "several answers (n)",
    script: "text=yes",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Completions => Ask::With(json!({"n": 2})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"candidateCount": 2}})),
        Wire::Responses => Ask::Not("the Responses API gives one answer"),
        Wire::Messages => Ask::Not("Anthropic's messages give one answer"),
    },
    again: None,
    heard: |heard| Reach::of(&heard.choices, &Some(2)),
    expect: Expect::Answer(|told, _| {
        let same = told.text == "yes" && told.others == "yes";
        Reach::must(told.choices == 2 && same, told)
    }),
};
