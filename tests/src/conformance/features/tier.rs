//! A tier of service.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

/// What the price sheets of all providers say of tiers.
pub(in crate::conformance) fn priced() -> Value {
    json!({"flex": "0.5", "priority": "2"})
}

pub(super) const TIER: Feature = Feature {
    name: "service tier that has a price",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Responses => Ask::With(json!({"service_tier": "flex"})),
        Wire::Messages => Ask::With(json!({"service_tier": "standard_only"})),
        Wire::Gemini => Ask::With(json!({"serviceTier": "flex"})),
        Wire::Completions => TEXT_ALONE,
    },
    again: None,
    heard: |heard| Reach::present(heard.tier.is_some()),
    expect: Expect::Answer(|_, _| Reach::Whole),
};

pub(super) const UNPRICED: Feature = Feature {
    name: "service tier without a price",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Responses => Ask::With(json!({"service_tier": "scale"})),
        Wire::Messages => Ask::With(json!({"service_tier": "priority"})),
        Wire::Gemini => Ask::With(json!({"serviceTier": "scale"})),
        Wire::Completions => TEXT_ALONE,
    },
    again: None,
    heard: |heard| Reach::present(heard.tier.is_some()),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
