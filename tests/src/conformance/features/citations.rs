//! Sources of what is said.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const CITATIONS: Feature = Feature {
    name: "citations in the answer",
    script: "text=yes citation=A+book",
    ask: |wire, _| match wire {
        Wire::Completions => TEXT_ALONE,
        _ => Ask::With(json!({})),
    },
    again: None,
    heard: Reach::any,
    expect: Expect::Answer(|told, _| {
        let text = Reach::must(told.text == "yes", told);
        text.and(Reach::of(&told.citations, &vec!["A book".to_owned()]))
    }),
};
