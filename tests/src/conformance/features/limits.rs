//! The most tokens to generate.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::said::Finish;
use crate::conformance::wire::Wire;

pub(super) const LIMIT: Feature = Feature {
    name: "token limit, and its finish reason",
    script: "chunks=40",
    ask: |wire, _| match wire {
        Wire::Chat => Ask::With(json!({"max_completion_tokens": 20})),
        Wire::Responses => Ask::With(json!({"max_output_tokens": 20})),
        Wire::Messages | Wire::Completions => Ask::With(json!({"max_tokens": 20})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"maxOutputTokens": 20}})),
    },
    again: None,
    heard: |heard| Reach::of(&heard.max_tokens, &Some(20)),
    expect: Expect::Answer(|told, _| Reach::of(&told.finish, &Some(Finish::Length))),
};
