//! What real providers refuse of a request that scripted ones would otherwise take.

use serde_json::Value;

use super::ask::list;

/// Words that Anthropic does not follow in a schema.
const BOUNDS: [&str; 10] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// What is wrong with a request; nothing where its provider takes it.
pub(super) fn wrong(body: &Value) -> Option<String> {
    let formats = [&body["response_format"]["json_schema"], &body["text"]["format"]];
    let functions = list(&body["tools"])
        .iter()
        .map(|tool| if tool["function"].is_object() { &tool["function"] } else { tool });
    for strict in formats.into_iter().chain(functions).filter(|asked| asked["strict"] == true) {
        let openais =
            [&strict["schema"], &strict["parameters"]].into_iter().find_map(|schema| open(schema, true));
        let claudes = || not_followed(&strict["input_schema"]);
        if let Some(why) = openais.or_else(claudes) {
            return Some(why);
        }
    }
    not_followed(&body["output_config"]["format"]["schema"])
        .or_else(|| beside_thinking(body))
        .or_else(|| blank(body))
}

/// Why a schema is not closed; `all`: every property must be required.
fn open(schema: &Value, all: bool) -> Option<String> {
    let properties = schema["properties"].as_object();
    if schema["type"] == "object" || properties.is_some() {
        if schema["additionalProperties"] != false {
            return Some("'additionalProperties' is required to be supplied and to be false".into());
        }
        let required = list(&schema["required"]);
        let mut names = properties.into_iter().flat_map(|properties| properties.keys());
        if let Some(name) = names.find(|name| all && !required.iter().any(|one| one == *name)) {
            return Some(format!(
                "'required' is required to include every key in properties: missing '{name}'"
            ));
        }
    }
    inner(schema).find_map(|schema| open(schema, all))
}

/// The schemas within a schema.
fn inner(schema: &Value) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs"].into_iter().filter_map(move |name| schema[name].as_object());
    let lists = ["anyOf", "allOf"].into_iter().flat_map(move |name| list(&schema[name]));
    named.flat_map(serde_json::Map::values).chain(lists).chain(schema.get("items"))
}

/// Why Anthropic does not follow a schema.
fn not_followed(schema: &Value) -> Option<String> {
    fn bound(schema: &Value) -> Option<String> {
        let word = BOUNDS.iter().find(|word| schema.get(**word).is_some());
        word.map(|word| format!("property '{word}' is not supported"))
            .or_else(|| inner(schema).find_map(bound))
    }
    open(schema, false).or_else(|| bound(schema))
}

/// What Anthropic does not take beside thinking.
fn beside_thinking(body: &Value) -> Option<String> {
    let thinking = &body["thinking"];
    // Who has the word too counts no budget.
    if body["max_tokens"].is_null() || !(thinking["budget_tokens"].is_u64() || thinking["type"] == "adaptive")
    {
        return None;
    }
    let budget = thinking["budget_tokens"].as_u64().unwrap_or(1024);
    let wrong = [
        (budget < 1024, "thinking.budget_tokens must be at least 1024"),
        (
            budget >= body["max_tokens"].as_u64().unwrap_or(u64::MAX),
            "max_tokens must be greater than the budget",
        ),
        (
            body["temperature"].as_f64().is_some_and(|value| value < 1.0),
            "temperature may only be 1 with thinking",
        ),
        (
            body["top_p"].as_f64().is_some_and(|value| value < 0.95),
            "top_p must be at least 0.95 with thinking",
        ),
        (!body["top_k"].is_null(), "top_k must be unset with thinking"),
    ];
    wrong.into_iter().find(|(wrong, _)| *wrong).map(|(_, why)| why.to_owned())
}

/// Anthropic takes no blank text; only its format has a list of blocks with a system prompt beside it.
fn blank(body: &Value) -> Option<String> {
    let is_anthropics = body["max_tokens"].is_u64() && body.get("system").is_some();
    let blocks = list(&body["system"])
        .iter()
        .chain(list(&body["messages"]).iter().flat_map(|message| list(&message["content"])));
    let mut texts = blocks.filter_map(|block| block["text"].as_str());
    (is_anthropics && texts.any(|text| text.trim().is_empty()))
        .then(|| "text content blocks must contain non-whitespace text".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strict_schemas_are_closed_and_whole() {
        let asked = |schema: Value, strict: bool| {
            wrong(&json!({"response_format": {"json_schema": {"schema": schema, "strict": strict}}}))
        };
        let optional = json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false});
        assert!(asked(optional.clone(), true).unwrap().contains("missing 'a'"));
        assert_eq!(asked(optional.clone(), false), None);
        assert!(asked(json!({"type": "object"}), true).unwrap().contains("additionalProperties"));
        let format = |schema: &Value| wrong(&json!({"output_config": {"format": {"schema": schema}}}));
        assert_eq!(format(&optional), None);
        assert!(format(&json!({"type": "array", "items": {"type": "object"}})).is_some());
        assert!(format(&json!({"type": "integer", "minimum": 1})).is_some());
        assert!(wrong(&json!({"tools": [{"input_schema": {"type": "object"}, "strict": true}]})).is_some());
    }

    #[test]
    fn thinking_has_its_bounds() {
        let asked = |more: Value| {
            let mut body =
                json!({"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}});
            super::super::usage::merge(&mut body, more);
            wrong(&body)
        };
        assert_eq!(asked(json!({"temperature": 1, "top_p": 0.95})), None);
        for refused in [
            json!({"temperature": 0.2}),
            json!({"top_p": 0.9}),
            json!({"top_k": 5}),
            json!({"max_tokens": 2048}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 512}}),
            json!({"thinking": {"type": "adaptive"}, "top_k": 5}),
        ] {
            assert!(asked(refused.clone()).is_some(), "{refused}");
        }
    }
}
