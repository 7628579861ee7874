//! The reference page: every field with its type, default, bounds and description, from the schema alone.

use std::fmt::Write;

use aigne_hub_crds::v1alpha1::{
    API_VERSION,
    conditions::{TYPES, reasons},
    crd::Definition,
    schema::in_words,
};
use serde_json::Value;

/// The page as Markdown.
pub(crate) fn page(definitions: &[Definition]) -> String {
    let mut page = format!(
        "<!-- {} -->\n\n# Reference\n\n`{API_VERSION}`, all kinds namespaced. \
         A field that is not required may be left out; what then applies is its default. Amounts and rates are decimals \
         in quotes. Fields that the API server refuses by a rule have it listed below their kind; `aigne-hub check` \
         applies the same rules.\n",
        super::GENERATED
    );
    for definition in definitions {
        kind(&mut page, definition);
    }
    table(&mut page, "Conditions", "condition", TYPES);
    table(&mut page, "Reasons", "reason", reasons::ALL);
    page
}

fn kind(page: &mut String, definition: &Definition) {
    let schema = definition.schema();
    let names = &definition.crd["spec"]["names"];
    let short = names["shortNames"][0].as_str().unwrap_or_default();
    line(page, &format!("\n## {}\n\n{}", definition.kind, text(schema, "description")));
    line(page, &format!("`kubectl get {}`, `kubectl get {short}`", definition.plural));
    line(page, "\n### Spec\n\n| field | type | default | bounds | what it is |\n|---|---|---|---|---|");
    let mut seen = Seen::default();
    fields(page, &schema["properties"]["spec"], "", &mut seen);
    line(page, "\n### Rules\n\n| where | rule |\n|---|---|");
    for (place, message) in seen.rules {
        line(page, &format!("| `{place}` | {} |", cell(&message)));
    }
    line(page, "\n### Status\n\n| field | type | bounds | what it is |\n|---|---|---|---|");
    status_fields(page, &schema["properties"]["status"], "");
}

/// What was met on the way through a spec.
#[derive(Default)]
struct Seen {
    /// Where, and what it says.
    rules: Vec<(String, String)>,
    /// Fields that several maps have in common, and where they were listed.
    maps: Vec<(Value, String)>,
}

/// One row a field, depth first, required ones first.
fn fields(page: &mut String, schema: &Value, path: &str, seen: &mut Seen) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let place = if path.is_empty() { "spec" } else { path };
        seen.rules.push((place.to_owned(), text(rule, "message").to_owned()));
    }
    for (name, field) in properties(schema) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let (description, default) = described(text(field, "description"));
        let default = if is_required(schema, name) { "required".to_owned() } else { cell(&default) };
        let (suffix, inner) = inner(field);
        let inner_path = format!("{path}{suffix}");
        let common = inner["properties"].as_object().is_some_and(|properties| properties.len() > 2);
        let listed = seen.maps.iter().find(|(properties, _)| common && *properties == inner["properties"]);
        let listed = listed.map(|(_, path)| path.clone());
        let fields_of =
            listed.as_ref().map(|path| format!(" Its fields are those of `{path}`.")).unwrap_or_default();
        let description = format!("{}{fields_of}", cell(&description));
        line(
            page,
            &format!("| `{path}` | {} | {default} | {} | {description} |", r#type(field), bounds(field)),
        );
        if listed.is_none() {
            seen.maps.push((inner["properties"].clone(), inner_path.clone()));
            fields(page, inner, &inner_path, seen);
        }
    }
}

fn status_fields(page: &mut String, schema: &Value, path: &str) {
    for (name, field) in properties(schema) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let description = cell(text(field, "description"));
        line(page, &format!("| `{path}` | {} | {} | {description} |", r#type(field), bounds(field)));
        let (suffix, inner) = inner(field);
        status_fields(page, inner, &format!("{path}{suffix}"));
    }
}

fn properties(schema: &Value) -> Vec<(&str, &Value)> {
    let mut properties: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.as_str(), field))
        .collect();
    properties.sort_by_key(|(name, _)| (!is_required(schema, name), *name));
    properties
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|other| other == name))
}

/// What is inside a list or map, and how a path says so.
fn inner(field: &Value) -> (&'static str, &Value) {
    match (field.get("items"), field.get("additionalProperties")) {
        (Some(items), _) => ("[]", items),
        (_, Some(values)) => ("{}", values),
        _ => ("", field),
    }
}

fn r#type(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    match text(field, "type") {
        "string" if field["format"] == "date-time" => "time".to_owned(),
        "string" => in_words(text(field, "pattern")).map_or("text", |words| words.name).to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => {
            let items = &field["items"];
            let of = if items["properties"].is_object() {
                "list".to_owned()
            } else {
                format!("list of {}", r#type(items))
            };
            match field["x-kubernetes-list-map-keys"].as_array() {
                Some(keys) => {
                    let keys: Vec<_> =
                        keys.iter().filter_map(Value::as_str).map(|key| format!("`{key}`")).collect();
                    format!("{of} by {}", keys.join(", "))
                }
                None => of,
            }
        }
        _ if field["additionalProperties"].is_object() => {
            format!("map to {}", r#type(&field["additionalProperties"]))
        }
        _ => "map".to_owned(),
    }
}

fn bounds(field: &Value) -> String {
    if let Some(words) = in_words(text(field, "pattern")) {
        return words.says.replace('|', "\\|");
    }
    let number = |name: &str| field[name].as_u64();
    let range = |least: Option<u64>, most: Option<u64>, what: &str| match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
        (Some(least), None) => Some(format!("at least {least}{what}")),
        (None, Some(most)) => Some(format!("at most {most}{what}")),
        (None, None) => None,
    };
    let parts = [
        range(number("minimum"), number("maximum"), ""),
        range(number("minLength"), number("maxLength"), " characters"),
        range(number("minItems"), number("maxItems"), " items"),
        range(number("minProperties"), number("maxProperties"), " entries"),
        field["pattern"].as_str().map(|pattern| format!("`{}`", pattern.replace('|', "\\|"))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Description and default: the sentences from `Default` on are the default.
fn described(description: &str) -> (String, String) {
    match description.split_once("Default") {
        Some((before, default)) => {
            let default = default.trim_start_matches([':', ' ']).trim_end_matches('.');
            (before.trim().to_owned(), default.to_owned())
        }
        None => (description.to_owned(), String::new()),
    }
}

fn table(page: &mut String, title: &str, what: &str, rows: &[(&str, &str)]) {
    line(page, &format!("\n## {title}\n\n| {what} | meaning |\n|---|---|"));
    for (name, meaning) in rows {
        line(page, &format!("| `{name}` | {} |", cell(meaning.trim())));
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn line(page: &mut String, text: &str) {
    let _ = writeln!(page, "{text}");
}
