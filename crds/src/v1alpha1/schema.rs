//! Pieces of schema that several fields share, and the two extensions that schemars does not know.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A CEL rule of `x-kubernetes-validations`.
///
/// Use only what both evaluators have: operators, `has`, `size`, `in`, `all`, `exists`, `startsWith`,
/// `endsWith`, `contains`, `matches`.
pub fn rule(rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message })
}

/// A name of one part: at most 63 lower-case letters, digits and hyphens.
pub fn dns_label(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" })
}

/// The name of an object: DNS labels with dots between them.
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 253,
        "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
    })
}

/// A data key inside a Secret.
pub fn secret_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$" })
}

/// A model's name as clients write it, after `provider/`.
pub fn model_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 128, "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$" })
}

/// A model's name, or a glob in which `*` stands for any characters.
pub fn model_glob(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 128, "pattern": r"^[A-Za-z0-9*][A-Za-z0-9._:/@+*-]*$" })
}

/// Other names of a model.
pub fn aliases(generator: &mut SchemaGenerator) -> Schema {
    set(16, &model_name(generator))
}

/// Globs over `provider/model`.
pub fn access_globs(_: &mut SchemaGenerator) -> Schema {
    set(
        128,
        &json_schema!({ "type": "string", "maxLength": 256, "pattern": r"^[A-Za-z0-9*][A-Za-z0-9._:/@+*-]*$" }),
    )
}

/// By `provider/model`, others in the order in which they are tried.
pub fn fallbacks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 64,
        "additionalProperties": {
            "type": "array", "minItems": 1, "maxItems": 8, "x-kubernetes-list-type": "atomic",
            "items": { "type": "string", "maxLength": 256, "pattern": "^[a-z0-9][-.a-z0-9]*/[A-Za-z0-9][A-Za-z0-9._:/@+-]*$" }
        }
    })
}

/// An RFC 3339 time between the years 2000 and 2099.
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "format": "date-time", "maxLength": 35,
        "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    })
}

fn set(most: u32, items: &Schema) -> Schema {
    json_schema!({ "type": "array", "maxItems": most, "x-kubernetes-list-type": "set", "items": items })
}
