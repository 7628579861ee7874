//! Marks up to which the prompt may be cached.

use serde_json::json;

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const MARKERS: Feature = Feature {
    name: "prompt-cache marks",
    script: "",
    ask: |wire, text| {
        let marked = json!([{"role": "user", "content":
            [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]}]);
        match wire {
            Wire::Chat | Wire::Messages => Ask::With(json!({ "messages": marked })),
            Wire::Responses => Ask::Not("OpenAI caches by itself; `prompt_cache_key` is a hint"),
            Wire::Gemini => Ask::Not("Gemini caches by itself, or under a name of its own"),
            Wire::Completions => TEXT_ALONE,
        }
    },
    again: None,
    heard: |heard| Reach::of(&heard.cache_marks, &1),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
