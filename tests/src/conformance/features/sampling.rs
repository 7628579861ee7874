//! Temperature, nucleus, and how many tokens may be chosen from.

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

pub(super) const TOP_K: Feature = Feature {
    name: "top_k",
    script: "",
    ask: |wire, _| match wire {
        Wire::Messages => Ask::With(json!({"top_k": 40})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"topK": 40}})),
        Wire::Chat | Wire::Responses | Wire::Completions => {
            Ask::Not("OpenAI's formats have no top_k; one that is sent all the same goes to who takes it")
        }
    },
    again: None,
    heard: |heard| Reach::of(&heard.top_k, &Some(40.0)),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
