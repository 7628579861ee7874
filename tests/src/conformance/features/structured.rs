//! An answer of a schema.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Heard;
use crate::conformance::said::Told;
use crate::conformance::wire::Wire;

/// As strict as OpenAI's strict mode wants it.
pub(super) const STRUCTURED: Feature = Feature {
    name: "structured output (JSON schema)",
    script: "",
    ask: |wire, _| {
        let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["age", "name"], "additionalProperties": false});
        asked(wire, &schema, Some(true), json!({ "responseJsonSchema": schema }))
    },
    again: None,
    heard: reached,
    expect: Expect::Answer(|told, _| answered(told)),
};

/// As SDKs make it of a type with a member that may be missing: no provider's strict mode takes all of these.
pub(super) const OPTIONAL: Feature = Feature {
    name: "structured output with an optional property",
    script: "",
    ask: |wire, _| {
        let mut schema = json!({"type": "object", "required": ["age"], "title": "Person",
            "properties": {"age": {"type": "integer"}, "name": {"type": "string"}}});
        if wire == Wire::Messages {
            // Anthropic's own SDK closes objects, since its API takes no others.
            schema["additionalProperties"] = json!(false);
        }
        let geminis = json!({"type": "OBJECT", "required": ["age"], "title": "Person", "propertyOrdering": ["age", "name"],
            "properties": {"age": {"type": "INTEGER"}, "name": {"type": "STRING"}}});
        asked(wire, &schema, None, json!({ "responseSchema": geminis }))
    },
    again: None,
    heard: reached,
    expect: Expect::Answer(|told, _| answered(told)),
};

fn asked(wire: Wire, schema: &Value, strict: Option<bool>, geminis: Value) -> Ask {
    let mut inner = json!({"name": "person", "schema": schema});
    if let Some(strict) = strict {
        inner["strict"] = json!(strict);
    }
    match wire {
        Wire::Chat => Ask::With(json!({"response_format": {"type": "json_schema", "json_schema": inner}})),
        Wire::Responses => {
            inner["type"] = json!("json_schema");
            Ask::With(json!({"text": {"format": inner}}))
        }
        Wire::Messages => {
            Ask::With(json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}))
        }
        Wire::Gemini => {
            let mut config = geminis;
            config["responseMimeType"] = json!("application/json");
            Ask::With(json!({ "generationConfig": config }))
        }
        Wire::Completions => TEXT_ALONE,
    }
}

fn reached(heard: &Heard) -> Reach {
    let mut names = heard.schema.clone().unwrap_or_default();
    names.sort();
    // Where a provider follows no schema, this tool must be called instead.
    let emulated = heard.tools == ["hub_structured_answer"]
        && heard.choice.as_deref().is_some_and(|choice| choice != "auto");
    if emulated { Reach::Whole } else { Reach::of(&names, &vec!["age".to_owned(), "name".to_owned()]) }
}

fn answered(told: &Told) -> Reach {
    let answer: Value = serde_json::from_str(&told.text).unwrap_or_default();
    Reach::must(answer == json!({"age": 7, "name": "sample"}) && told.calls.is_empty(), told)
}
