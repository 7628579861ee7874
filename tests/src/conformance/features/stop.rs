//! Texts that end the answer.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::said::Finish;
use crate::conformance::wire::Wire;

pub(super) const STOP: Feature = Feature {
    name: "stop sequences",
    script: "text=good+END+more",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Completions => Ask::With(json!({"stop": ["END"]})),
        Wire::Responses => Ask::Not("the Responses API has no stop sequences"),
        Wire::Messages => Ask::With(json!({"stop_sequences": ["END"]})),
        Wire::Gemini => Ask::With(json!({"generationConfig": {"stopSequences": ["END"]}})),
    },
    again: None,
    heard: |heard| Reach::of(&heard.stop, &vec!["END".to_owned()]),
    expect: Expect::Answer(|told, _| {
        Reach::must(told.text == "good " && told.finish == Some(Finish::Done), told)
    }),
};
