//! The model declines.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::said::Finish;
use crate::conformance::wire::Wire;

pub(super) const REFUSAL: Feature = Feature {
    name: "refusal",
    script: "refusal=I+will+not",
    ask: |wire, _| match wire {
        Wire::Completions => TEXT_ALONE,
        _ => Ask::With(json!({})),
    },
    again: None,
    heard: Reach::any,
    expect: Expect::Answer(|told, _| {
        let declined = told.finish == Some(Finish::Declined) || told.refusal.is_some();
        // At least in words, where the wire has no sign for it.
        Reach::must(declined || told.text == "I will not", told)
    }),
};
