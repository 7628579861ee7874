//! A system prompt.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

const PROMPT: &str = "Be brief.";

pub(super) const SYSTEM: Feature = Feature {
    name: "system prompt",
    script: "",
    ask: |wire, text| match wire {
        Wire::Chat => Ask::With(json!({"messages":
            [{"role": "system", "content": PROMPT}, {"role": "user", "content": text}]})),
        Wire::Responses => Ask::With(json!({"instructions": PROMPT})),
        Wire::Messages => Ask::With(json!({"system": PROMPT})),
        Wire::Gemini => Ask::With(json!({"systemInstruction": {"parts": [{"text": PROMPT}]}})),
        Wire::Completions => TEXT_ALONE,
    },
    again: None,
    heard: |heard| Reach::of(&heard.system, &vec![PROMPT.to_owned()]),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
