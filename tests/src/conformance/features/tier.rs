//! A tier of service.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const TIER: Feature = Feature {
    name: "service tier",
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
