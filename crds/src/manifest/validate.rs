//! A value against a schema, as the API server would: nulls and defaults first, then every error, not the first alone.

use serde_json::{Map, Value};

use super::{
    error::Violation,
    format,
    place::{child, item},
    schema::{List, Schema, Type},
};
use crate::v1alpha1::schema::in_words;

/// Whether values may be shown in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Values,
    /// They are secret.
    Nothing,
}

/// Takes away nulls that stand for "not given", and fills in defaults.
pub(super) fn prepare(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|name, value| {
                !value.is_null() || schema.properties.get(name).is_none_or(|property| property.nullable)
            });
            for (name, property) in &schema.properties {
                if let Some(default) = &property.default {
                    entries.entry(name.clone()).or_insert_with(|| default.clone());
                }
            }
            for (name, value) in entries {
                if let Some(schema) = schema.properties.get(name).or(schema.additional.as_deref()) {
                    prepare(schema, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for value in items {
                    prepare(schema, value);
                }
            }
        }
        _ => {}
    }
}

/// Everything that is wrong with `value` by its structure.
pub(super) fn check(schema: &Schema, value: &Value, path: &str, show: Show, found: &mut Vec<Violation>) {
    if value.is_null() && schema.nullable {
        return;
    }
    if let Some(r#type) = schema.r#type
        && !has_type(r#type, value)
    {
        let quotable = r#type == Type::String && (value.is_number() || value.is_boolean());
        let hint = if quotable { ": put it in quotes" } else { "" };
        let message = format!("must be {}, not {}{hint}", r#type.article(), shown(value, show));
        found.push(Violation::new(path, message));
        return;
    }
    if !schema.one_of.is_empty() && !schema.one_of.contains(value) {
        let known: Vec<_> = schema.one_of.iter().map(|value| value.as_str().unwrap_or_default()).collect();
        let message = format!("must be one of {}, not {}", known.join(", "), shown(value, show));
        found.push(Violation::new(path, message));
    }
    match value {
        Value::Object(entries) => check_object(schema, entries, path, show, found),
        Value::Array(items) => check_array(schema, items, path, show, found),
        Value::String(text) => check_text(schema, text, path, show, found),
        Value::Number(_) => check_number(schema, value, path, found),
        _ => {}
    }
}

fn has_type(r#type: Type, value: &Value) -> bool {
    match r#type {
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    }
}

fn check_object(
    schema: &Schema,
    entries: &Map<String, Value>,
    path: &str,
    show: Show,
    found: &mut Vec<Violation>,
) {
    for name in schema.required.iter().filter(|name| !entries.contains_key(*name)) {
        found.push(Violation::new(child(path, name), "is required"));
    }
    check_size(schema, entries.len(), "entries", path, found);
    for (name, value) in entries {
        let path = child(path, name);
        match schema.properties.get(name).or(schema.additional.as_deref()) {
            Some(schema) => check(schema, value, &path, show, found),
            None if schema.open => {}
            None => found.push(Violation::new(path, unknown(name, schema))),
        }
    }
}

/// An unknown field is most often a known one in another spelling.
fn unknown(name: &str, schema: &Schema) -> String {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let meant = schema.properties.keys().find(|known| {
        let (known, name) = (plain(known), plain(name));
        known == name || known.trim_end_matches('s') == name.trim_end_matches('s')
    });
    match meant {
        Some(meant) => format!("there is no such field: {meant} is meant, perhaps"),
        None => "there is no such field".to_owned(),
    }
}

fn check_array(schema: &Schema, items: &[Value], path: &str, show: Show, found: &mut Vec<Violation>) {
    check_size(schema, items.len(), "items", path, found);
    // A list that is too long is refused already, and comparing its items would take too long.
    let comparable = schema.max_size.is_none_or(|maximum| items.len() as u64 <= maximum);
    for (index, value) in items.iter().enumerate() {
        if let Some(schema) = &schema.items {
            check(schema, value, &item(path, index), show, found);
        }
        let same = |other: &Value| match &schema.list {
            List::Atomic => false,
            List::Set => other == value,
            List::Map(keys) => {
                keys.iter().all(|key| value.get(key).is_some() && other.get(key) == value.get(key))
            }
        };
        if comparable && let Some(first) = items[..index].iter().position(same) {
            let (field, what) = match &schema.list {
                List::Map(keys) => (child(&item(path, index), &keys[0]), keys.join(" and ")),
                _ => (item(path, index), "value".to_owned()),
            };
            found.push(Violation::new(field, format!("item {first} of the list has the same {what}")));
        }
    }
}

fn check_text(schema: &Schema, text: &str, path: &str, show: Show, found: &mut Vec<Violation>) {
    check_size(schema, text.chars().count(), "characters", path, found);
    let shown = || shown(&Value::String(text.to_owned()), show);
    if let Some(pattern) = &schema.pattern
        && !pattern.is_match(text)
    {
        let pattern = pattern.as_str();
        let right = in_words(pattern)
            .map_or_else(|| format!("match {pattern}"), |words| format!("be {}", words.says));
        found.push(Violation::new(path, format!("{} must {right}", shown())));
    } else if let Some(expected) = schema.format.as_deref().and_then(|format| format::expects(format, text)) {
        found.push(Violation::new(path, format!("{} must be {expected}", shown())));
    }
}

fn check_number(schema: &Schema, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let Some(number) = value.as_f64() else { return };
    if let Some(minimum) = schema.minimum.filter(|minimum| number < *minimum) {
        found.push(Violation::new(path, format!("must be at least {minimum}, not {value}")));
    }
    if let Some(maximum) = schema.maximum.filter(|maximum| number > *maximum) {
        found.push(Violation::new(path, format!("must be at most {maximum}, not {value}")));
    }
}

fn check_size(schema: &Schema, size: usize, what: &str, path: &str, found: &mut Vec<Violation>) {
    let size = size as u64;
    if let Some(minimum) = schema.min_size.filter(|minimum| size < *minimum) {
        found.push(Violation::new(path, format!("must have at least {minimum} {what}, not {size}")));
    }
    if let Some(maximum) = schema.max_size.filter(|maximum| size > *maximum) {
        found.push(Violation::new(path, format!("must have at most {maximum} {what}, not {size}")));
    }
}

fn shown(value: &Value, show: Show) -> String {
    const MOST: usize = 64;
    match (value, show) {
        (Value::Object(_), _) => "a map".to_owned(),
        (Value::Array(_), _) => "a list".to_owned(),
        (Value::Null, _) => "nothing".to_owned(),
        (_, Show::Nothing) => "what is written".to_owned(),
        (Value::Bool(flag), _) => flag.to_string(),
        (Value::Number(number), _) => format!("the number {number}"),
        (Value::String(text), _) if text.chars().count() > MOST => {
            format!("{:?} and so on", text.chars().take(MOST).collect::<String>())
        }
        (Value::String(text), _) => format!("{text:?}"),
    }
}
