//! Schemas as Anthropic's models follow them, for answers and for strict tools: every object is closed, and few words
//! are known (platform.claude.com/docs/en/build-with-claude/structured-outputs; the official SDKs change schemas alike
//! before they send them).

use serde_json::{Value, value::RawValue};

use crate::{
    body::{self, Body},
    chat::Raw,
    json::{self, Object},
};

/// Bounds that are not seen to, and words about values: the model is told them in the description.
const TOLD: [&str; 20] = [
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "discriminator",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "uniqueItems",
];

/// What `format` may say.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Words about a schema itself.
const ABOUT: [&str; 3] = ["$schema", "$id", "$comment"];

/// The schema as it can be followed; `None` where that would be another one.
pub(in crate::provider) fn followed(schema: &Raw) -> Option<String> {
    let mut out = Vec::with_capacity(schema.get().len() + 64);
    write(&mut out, schema.get())?;
    String::from_utf8(out).ok()
}

fn object(raw: &str) -> Option<Body> {
    body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes())).ok()
}

fn write(out: &mut Vec<u8>, raw: &str) -> Option<()> {
    let from = object(raw)?;
    let has = |name: &str| from.raw(name).is_some();
    let is_object = has("properties") || is_of(&from, "object");
    let is_choice = ["anyOf", "oneOf", "allOf"].into_iter().any(has);
    let is_anything = !is_object && !is_choice && !["type", "$ref", "enum", "const"].into_iter().any(has);
    // What is closed on its own cannot be put together again.
    if is_anything || (is_choice && (is_object || has("$ref"))) {
        return None;
    }
    let mut description: Option<String> = None;
    let mut told = Vec::new();
    let mut to = Object::open(out);
    for (name, raw) in from.members() {
        match name {
            "$defs" | "definitions" => schemas(to.name(name), raw)?,
            _ if ABOUT.contains(&name) => {}
            "$ref" if raw.starts_with("\"#") => drop(to.raw(name, raw)),
            // Beside a reference stands nothing else; words change nothing.
            "title" | "description" | "default" | "examples" | "deprecated" if has("$ref") => {}
            _ if has("$ref") => return None,
            "properties" => schemas(to.name(name), raw)?,
            "items" => write(to.name(name), raw)?,
            "anyOf" | "oneOf" => list(to.name("anyOf"), raw)?,
            "allOf" if one(raw) => list(to.name(name), raw)?,
            "additionalProperties" if raw == "false" => drop(to.raw(name, raw)),
            "enum" | "const" if is_plain(raw) => drop(to.raw(name, raw)),
            "type" | "required" | "title" => drop(to.raw(name, raw)),
            "description" => description = Some(serde_json::from_str(raw).ok()?),
            "format" if FORMATS.iter().any(|format| raw == json::quoted(format)) => drop(to.raw(name, raw)),
            "minItems" if matches!(raw, "0" | "1") => drop(to.raw(name, raw)),
            _ if TOLD.contains(&name) => told.push((name, raw)),
            _ => return None,
        }
    }
    if is_object && !has("additionalProperties") {
        to.raw("additionalProperties", "false");
    }
    if let Some(text) = described(description, &told) {
        to.string("description", &text);
    }
    to.close();
    Some(())
}

/// The description, and below it what the model is told.
fn described(description: Option<String>, told: &[(&str, &str)]) -> Option<String> {
    if told.is_empty() {
        return description;
    }
    let mut words = Vec::new();
    let mut object = Object::open(&mut words);
    for (name, raw) in told {
        object.raw(name, raw);
    }
    object.close();
    let words = String::from_utf8(words).ok()?;
    Some(description.map_or_else(|| words.clone(), |text| format!("{text}\n\n{words}")))
}

/// Schemas by name.
fn schemas(out: &mut Vec<u8>, raw: &str) -> Option<()> {
    let from = object(raw)?;
    let mut to = Object::open(out);
    for (name, raw) in from.members() {
        let mut schema = Vec::new();
        write(&mut schema, raw)?;
        to.foreign(name, std::str::from_utf8(&schema).ok()?);
    }
    to.close();
    Some(())
}

fn list(out: &mut Vec<u8>, raw: &str) -> Option<()> {
    let schemas: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let mut whole = Some(());
    json::list(out, schemas, |out, schema| whole = whole.and_then(|()| write(out, schema.get())));
    whole
}

fn one(list: &str) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(list).is_ok_and(|schemas| schemas.len() == 1)
}

/// Whether values may be of this type.
fn is_of(schema: &Body, kind: &str) -> bool {
    match schema.get::<Value>("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        one => one.is_some_and(|one| one == kind),
    }
}

/// Neither an object nor a list, or a list of such.
fn is_plain(raw: &str) -> bool {
    let compound = |value: &Value| value.is_object() || value.is_array();
    match serde_json::from_str(raw) {
        Ok(Value::Array(values)) => !values.iter().any(compound),
        Ok(value) => !compound(&value),
        Err(_) => false,
    }
}
