//! A conversation.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::{Said, Turn};
use crate::conformance::wire::Wire;

pub(super) const TURNS: Feature = Feature {
    name: "several turns",
    script: "",
    ask: |wire, _| {
        let turn = |role: &str, text: &str| json!({"role": role, "content": text});
        let turns = json!([turn("user", "one"), turn("assistant", "two"), turn("user", "three")]);
        match wire {
            Wire::Chat | Wire::Messages => Ask::With(json!({ "messages": turns })),
            Wire::Responses => Ask::With(json!({ "input": turns })),
            Wire::Gemini => {
                let turn = |role: &str, text: &str| json!({"role": role, "parts": [{ "text": text }]});
                Ask::With(
                    json!({"contents": [turn("user", "one"), turn("model", "two"), turn("user", "three")]}),
                )
            }
            Wire::Completions => TEXT_ALONE,
        }
    },
    again: None,
    heard: |heard| {
        let turn = |model, text: &str| Turn { model, said: vec![Said::Text(text.into())] };
        let wanted = vec![turn(false, "one"), turn(true, "two"), turn(false, "three")];
        Reach::must(heard.turns == wanted, &heard.turns)
    },
    expect: Expect::Answer(|_, _| Reach::Whole),
};
