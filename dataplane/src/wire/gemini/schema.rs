//! Google's older schemas, a subset of `OpenAPI`'s, as JSON schemas.
//!
//! Types are in capitals, `nullable` stands beside them, counts may be strings (as protobuf writes 64-bit numbers),
//! and `propertyOrdering` says what a JSON schema's order says.

use crate::{
    body::{self, Body},
    chat::Raw,
    json::{self, Object},
    wire::{BadRequest, fields::bad},
};

/// The schema in JSON schema's words. Members that both have are kept as they are.
pub(super) fn to_json_schema(param: &str, raw: &str) -> Result<Raw, BadRequest> {
    let mut out = Vec::with_capacity(raw.len());
    schema(&mut out, raw).ok_or_else(|| bad(param, "is not a schema"))?;
    std::str::from_utf8(&out).ok().and_then(Raw::parse).ok_or_else(|| bad(param, "is not a schema"))
}

fn object(raw: &str) -> Option<Body> {
    body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes())).ok()
}

/// `None` where it is no object.
fn schema(out: &mut Vec<u8>, raw: &str) -> Option<()> {
    let from = object(raw)?;
    let nullable = from.raw("nullable") == Some("true");
    let mut to = Object::open(out);
    for (name, raw) in from.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "type" => {
                let word: String = serde_json::from_str(raw).ok()?;
                let word = word.to_ascii_lowercase();
                match word.as_str() {
                    "type_unspecified" => {}
                    _ if nullable => {
                        json::list(to.name("type"), [word.as_str(), "null"], |out, word| {
                            json::string(out, word);
                        });
                    }
                    _ => {
                        to.string("type", &word);
                    }
                }
            }
            "properties" | "$defs" | "defs" => {
                let properties = object(raw)?;
                let mut inner = Object::open(to.name(if name == "properties" { name } else { "$defs" }));
                for (property, raw) in properties.members() {
                    let mut value = Vec::new();
                    schema(&mut value, raw)?;
                    inner.foreign(property, std::str::from_utf8(&value).ok()?);
                }
                inner.close();
            }
            "items" => schema(to.name("items"), raw)?,
            "additionalProperties" | "additional_properties" if raw.starts_with('{') => {
                schema(to.name("additionalProperties"), raw)?;
            }
            "anyOf" | "any_of" => any_of(to.name("anyOf"), raw, nullable)?,
            "enum" if nullable => {
                let mut words: Vec<Raw> = serde_json::from_str(raw).ok()?;
                words.extend(Raw::parse("null"));
                json::list(to.name("enum"), words, |out, word| {
                    out.extend_from_slice(word.get().as_bytes());
                });
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties" => {
                to.raw(name, raw.trim_matches('"'));
            }
            "min_items" => drop(to.raw("minItems", raw.trim_matches('"'))),
            "max_items" => drop(to.raw("maxItems", raw.trim_matches('"'))),
            "min_length" => drop(to.raw("minLength", raw.trim_matches('"'))),
            "max_length" => drop(to.raw("maxLength", raw.trim_matches('"'))),
            "ref" => drop(to.raw("$ref", raw)),
            "example" => drop(to.raw("examples", &format!("[{raw}]"))),
            "nullable" | "propertyOrdering" | "property_ordering" => {}
            // Says that there is an `enum`, which there is.
            "format" if raw == r#""enum""# => {}
            other => drop(to.foreign(other, raw)),
        }
    }
    to.close();
    Some(())
}

fn any_of(out: &mut Vec<u8>, raw: &str, nullable: bool) -> Option<()> {
    let choices: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).ok()?;
    let mut whole = Some(());
    let null = nullable.then_some(r#"{"type":"null"}"#);
    json::list(out, choices.iter().map(|choice| choice.get()).chain(null), |out, choice| {
        whole = whole.and(schema(out, choice));
    });
    whole
}
