//! How much to think.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const EFFORT: Feature = Feature {
    name: "reasoning effort or budget",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat => Ask::With(json!({"reasoning_effort": "low"})),
        Wire::Responses => Ask::With(json!({"reasoning": {"effort": "low"}})),
        Wire::Messages => Ask::With(json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024}}})),
        Wire::Completions => TEXT_ALONE,
    },
    again: None,
    heard: |heard| match heard.effort.as_deref() {
        None => Reach::Absent,
        // `enabled`: it can be told no more.
        Some("low" | "LOW" | "1024" | "enabled") => Reach::Whole,
        Some(other) => Reach::must(other.parse().is_ok_and(|budget| (1024..=4096).contains(&budget)), &other),
    },
    expect: Expect::Answer(|_, _| Reach::Whole),
};
