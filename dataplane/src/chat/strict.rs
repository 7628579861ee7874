//! `OpenAI`'s strict mode, which takes fewer schemas than it follows: all members of an object are required, and it has
//! no others (platform.openai.com/docs/guides/structured-outputs).

use serde_json::{Map, Value};

use super::Raw;

/// Words whose values are no schemas. What is not among them is not taken.
const WORDS: [&str; 17] = [
    "$ref",
    "additionalProperties",
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "title",
    "type",
];

/// What `format` may say.
const FORMATS: [&str; 9] =
    ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Whether strict mode takes the schema as it is. Other schemas are followed too, but without a guarantee.
pub fn fits(schema: &Raw) -> bool {
    schema.read::<Value>().is_some_and(|schema| is_of(&schema, "object") && is_taken(&schema))
}

fn is_taken(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return false };
    let says_what = ["type", "$ref", "anyOf"].iter().any(|word| members.contains_key(*word));
    says_what
        && (!is_of(schema, "object") || is_closed(members))
        && (!is_of(schema, "array") || members.contains_key("items"))
        // Beside a reference stands nothing else.
        && (!members.contains_key("$ref") || members.len() == 1)
        && members.iter().all(|(name, value)| match name.as_str() {
            "properties" | "$defs" | "definitions" => {
                value.as_object().is_some_and(|schemas| schemas.values().all(is_taken))
            }
            "anyOf" => value.as_array().is_some_and(|schemas| schemas.iter().all(is_taken)),
            "items" => is_taken(value),
            "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
            word => WORDS.contains(&word),
        })
}

/// Whether values may be of this type.
fn is_of(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    }
}

fn is_closed(members: &Map<String, Value>) -> bool {
    let properties = members.get("properties").and_then(Value::as_object);
    let required = members.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|names| names.iter().any(|one| one == name));
    members.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_some_and(|properties| properties.keys().all(is_required))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(property: &Value) -> Value {
        json!({"type": "object", "properties": {"a": property}, "required": ["a"], "additionalProperties": false})
    }

    #[test]
    fn what_strict_mode_takes_fits() {
        let fits = |schema: &Value| fits(&Raw::parse(&schema.to_string()).unwrap());
        for taken in [
            json!({"type": ["string", "null"], "description": "d", "enum": ["a", null]}),
            json!({"anyOf": [{"type": "integer", "minimum": 1}, {"$ref": "#/$defs/D"}]}),
            json!({"type": "array", "minItems": 1, "items": {"type": "string", "format": "date"}}),
            object(&json!({"type": "boolean"})),
        ] {
            assert!(fits(&object(&taken)), "{taken}");
        }
        for refused in [
            json!({}),
            json!({"type": "string", "default": "x"}),
            json!({"type": "string", "format": "uri-template"}),
            json!({"type": "array"}),
            json!({"type": "object"}),
            json!({"$ref": "#/$defs/D", "description": "d"}),
            json!({"oneOf": [{"type": "string"}]}),
            json!({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": false}),
            json!({"type": ["object", "null"], "properties": {}, "additionalProperties": true}),
            json!({"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}),
        ] {
            assert!(!fits(&object(&refused)), "{refused}");
        }
        let mut with_definitions = object(&json!({"$ref": "#/$defs/D"}));
        with_definitions["$defs"] = json!({"D": {"type": "string"}});
        assert!(fits(&with_definitions));
        with_definitions["$defs"] = json!({"D": {"type": "object"}});
        assert!(!fits(&with_definitions));
        assert!(!fits(&json!({"type": "array", "items": {"type": "string"}})), "the whole must be an object");
    }
}
