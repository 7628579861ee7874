//! The schemas that manifests are checked against, read once.

use std::sync::LazyLock;

use serde_json::json;

use super::schema::Schema;
use crate::v1alpha1::crd;

/// Of each kind that is read.
pub(super) struct Schemas {
    /// By kind, of our own group.
    pub(super) own: Vec<(&'static str, Schema)>,
    pub(super) secret: Schema,
    pub(super) metadata: Schema,
}

/// Reading them can only fail when the crate itself is wrong, which a test excludes.
pub(super) static SCHEMAS: LazyLock<Result<Schemas, String>> = LazyLock::new(read);

fn read() -> Result<Schemas, String> {
    let mut own = Vec::new();
    for definition in crd::definitions() {
        own.push((definition.kind, Schema::read(definition.schema())?));
    }
    Ok(Schemas { own, secret: secret()?, metadata: metadata()? })
}

fn secret() -> Result<Schema, String> {
    Schema::read(&json!({
        "type": "object",
        "properties": {
            "type": { "type": "string" },
            "immutable": { "type": "boolean" },
            "data": { "type": "object", "additionalProperties": { "type": "string", "format": "byte" } },
            "stringData": { "type": "object", "additionalProperties": { "type": "string" } }
        }
    }))
}

/// What people write, and what is in an object that was read from a cluster.
fn metadata() -> Result<Schema, String> {
    let subdomain = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    Schema::read(&json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "maxLength": 253, "pattern": subdomain },
            "namespace": { "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" },
            "labels": {
                "type": "object",
                "additionalProperties": {
                    "type": "string", "maxLength": 63, "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
                }
            },
            "annotations": texts,
            "finalizers": { "type": "array", "items": { "type": "string" } },
            "creationTimestamp": { "type": "string", "format": "date-time" },
            "deletionTimestamp": { "type": "string", "format": "date-time" },
            "deletionGracePeriodSeconds": { "type": "integer" },
            "generation": { "type": "integer" },
            "generateName": { "type": "string" },
            "resourceVersion": { "type": "string" },
            "selfLink": { "type": "string" },
            "uid": { "type": "string" },
            "managedFields": { "type": "array", "items": open },
            "ownerReferences": { "type": "array", "items": open }
        }
    }))
}
