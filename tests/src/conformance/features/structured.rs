//! An answer of a schema.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::wire::Wire;

pub(super) const STRUCTURED: Feature = Feature {
    name: "structured output (JSON schema)",
    script: "",
    ask: |wire, _| {
        let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["age", "name"], "additionalProperties": false});
        let named = json!({"type": "json_schema", "name": "person", "schema": schema, "strict": true});
        match wire {
            Wire::Chat => Ask::With(json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "person", "schema": schema, "strict": true}}})),
            Wire::Responses => Ask::With(json!({"text": {"format": named}})),
            Wire::Messages => {
                Ask::With(json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}))
            }
            Wire::Gemini => Ask::With(json!({"generationConfig":
                {"responseMimeType": "application/json", "responseJsonSchema": schema}})),
            Wire::Completions => TEXT_ALONE,
        }
    },
    again: None,
    heard: |heard| {
        let mut names = heard.schema.clone().unwrap_or_default();
        names.sort();
        // Where a provider has no schemas, a tool that must be called stands for it.
        let emulated =
            heard.tools.len() == 1 && heard.choice.as_deref().is_some_and(|choice| choice != "auto");
        if emulated { Reach::Whole } else { Reach::of(&names, &vec!["age".to_owned(), "name".to_owned()]) }
    },
    expect: Expect::Answer(|told, _| {
        let answer: Value = serde_json::from_str(&told.text).unwrap_or_default();
        Reach::must(answer == json!({"age": 7, "name": "sample"}) && told.calls.is_empty(), told)
    }),
};
