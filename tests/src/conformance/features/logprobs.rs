//! Log probabilities.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const LOGPROBS: Feature = Feature {
    name: "log probabilities",
    script: "chunks=3",
    ask: |wire, _| match wire {
        Wire::Chat => Ask::With(json!({"logprobs": true})),
        Wire::Completions => Ask::With(json!({"logprobs": 1})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"responseLogprobs": true}})),
        Wire::Responses => Ask::With(json!({"include": ["message.output_text.logprobs"], "top_logprobs": 1})),
        Wire::Messages => Ask::Not("Anthropic's messages have no log probabilities"),
    },
    again: None,
    heard: |heard| Reach::of(&heard.logprobs, &true),
    expect: Expect::Answer(|told, _| Reach::of(&told.logprobs, &vec![-0.5; 3])),
};
