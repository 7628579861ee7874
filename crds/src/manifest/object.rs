//! One document to one object, or to everything that is wrong with it.

use serde_json::{Map, Value, json};

use super::{
    error::Violation,
    place::Places,
    rules,
    schemas::{SCHEMAS, Schemas},
    secret::{self, Secret},
    validate::{self, Show},
};
use crate::{
    compile::ObjectKey,
    v1alpha1::{AIProvider, API_VERSION, GROUP, ModelPricing, Tenant},
};

/// The namespace of what names none.
const DEFAULT_NAMESPACE: &str = "default";

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// As it was given to [`parse`](super::parse).
    pub file: String,
    /// Where everything in it was written.
    pub places: Places,
    /// For example `AIProvider`.
    pub kind: String,
    /// `namespace/name`; what names no namespace is in `default`.
    pub key: ObjectKey,
    /// The object itself.
    pub body: Body,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An `AIProvider`.
    Provider(Box<AIProvider>),
    /// A `ModelPricing`.
    Pricing(Box<ModelPricing>),
    /// A `Tenant`.
    Tenant(Box<Tenant>),
    /// A core/v1 `Secret`.
    Secret(Secret),
    /// Something else that may stand in the same file, such as a Namespace or a Deployment. It was not checked.
    Other {
        /// For example `apps/v1`.
        api_version: String,
    },
}

/// A document that was understood as far as possible.
pub(super) struct Read {
    pub(super) kind: String,
    pub(super) key: Option<ObjectKey>,
    pub(super) body: Result<Body, Vec<Violation>>,
}

/// Checks and reads one document.
pub(super) fn read(mut value: Value) -> Read {
    let refuse =
        |kind: &str, violation| Read { kind: kind.to_owned(), key: None, body: Err(vec![violation]) };
    let schemas = match SCHEMAS.as_ref() {
        Ok(schemas) => schemas,
        Err(error) => return refuse("", Violation::new("", format!("the schema cannot be read: {error}"))),
    };
    let Some(root) = value.as_object_mut() else {
        return refuse("", Violation::new("", "must be an object with apiVersion, kind and metadata"));
    };
    let (api_version, kind) = match (take_text(root, "apiVersion"), take_text(root, "kind")) {
        (Ok(api_version), Ok(kind)) => (api_version, kind),
        (api_version, kind) => {
            let violations = [api_version.err(), kind.err()].into_iter().flatten().collect();
            secret::wipe(&mut value);
            return Read { kind: String::new(), key: None, body: Err(violations) };
        }
    };
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if group == GROUP || is_ours_misspelt(schemas, group, &kind) {
        own(schemas, &api_version, kind, value)
    } else if api_version == "v1" && kind == "Secret" {
        read_secret(schemas, value)
    } else {
        let key = key_of(root.get("metadata"));
        secret::wipe(&mut value);
        Read { kind, key, body: Ok(Body::Other { api_version }) }
    }
}

/// A kind of ours in a group that is not ours, and most likely nobody's: to ignore it would hide a typing error.
fn is_ours_misspelt(schemas: &Schemas, group: &str, kind: &str) -> bool {
    let has_our_name = schemas.own.iter().any(|(known, _)| *known == kind);
    // Others have a kind of this name too.
    let is_common = kind == "Tenant" && !group.is_empty() && !group.contains("aigne");
    has_our_name && !is_common
}

fn own(schemas: &Schemas, api_version: &str, kind: String, mut value: Value) -> Read {
    let key = key_of(value.get("metadata"));
    let refuse = |kind: &str, field, message: String| Read {
        kind: kind.to_owned(),
        key: key.clone(),
        body: Err(vec![Violation::new(field, message)]),
    };
    if api_version != API_VERSION {
        return refuse(&kind, "apiVersion", format!("must be {API_VERSION}, not {api_version}"));
    }
    let Some((_, schema)) = schemas.own.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<_> = schemas.own.iter().map(|(known, _)| *known).collect();
        return refuse("", "kind", format!("must be one of {}, not {kind:?}", known.join(", ")));
    };
    let mut found = metadata(schemas, &mut value);
    validate::prepare(schema, &mut value);
    let metadata = value.as_object_mut().and_then(|root| root.remove("metadata")).unwrap_or_default();
    validate::check(schema, &value, "", Show::Values, &mut found);
    rules::check(schema, &value, None, "", &mut found);
    if !found.is_empty() {
        return Read { kind, key, body: Err(found) };
    }
    let object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": clean(&metadata, key.as_ref()), "spec": value["spec"]
    });
    let body = match kind.as_str() {
        "AIProvider" => serde_json::from_value(object).map(Body::Provider),
        "ModelPricing" => serde_json::from_value(object).map(Body::Pricing),
        _ => serde_json::from_value(object).map(Body::Tenant),
    };
    Read { kind, key, body: body.map_err(|error| vec![Violation::new("", error.to_string())]) }
}

fn read_secret(schemas: &Schemas, mut value: Value) -> Read {
    let kind = "Secret".to_owned();
    let key = key_of(value.get("metadata"));
    let mut found = metadata(schemas, &mut value);
    validate::prepare(&schemas.secret, &mut value);
    let metadata = value.as_object_mut().and_then(|root| root.remove("metadata")).unwrap_or_default();
    validate::check(&schemas.secret, &value, "", Show::Nothing, &mut found);
    let values = secret::take(&mut value);
    for name in values.keys().filter(|name| !is_data_key(name)) {
        let field = super::place::child("data", name);
        found.push(Violation::new(field, "a data key may have letters, digits, -, _ and . only"));
    }
    if !found.is_empty() {
        return Read { kind, key, body: Err(found) };
    }
    let secret =
        Secret { labels: texts(&metadata, "labels"), annotations: texts(&metadata, "annotations"), values };
    Read { kind, key, body: Ok(Body::Secret(secret)) }
}

/// What is wrong with `metadata`.
fn metadata(schemas: &Schemas, value: &mut Value) -> Vec<Violation> {
    let mut found = Vec::new();
    match value.get_mut("metadata") {
        Some(metadata) => {
            validate::prepare(&schemas.metadata, metadata);
            validate::check(&schemas.metadata, metadata, "metadata", Show::Values, &mut found);
            for member in ["labels", "annotations"] {
                let entries = metadata.get(member).and_then(Value::as_object);
                for name in entries.into_iter().flat_map(Map::keys).filter(|name| !is_qualified(name)) {
                    let field = super::place::child(&format!("metadata.{member}"), name);
                    found.push(Violation::new(
                        field,
                        "must be a name, or prefix/name, of letters, digits, -, _ and .",
                    ));
                }
            }
        }
        None => found.push(Violation::new("metadata", "is required")),
    }
    found
}

/// Only what people decide: the rest is the API server's.
fn clean(metadata: &Value, key: Option<&ObjectKey>) -> Value {
    let namespace = key.map_or(DEFAULT_NAMESPACE, |key| &key.namespace);
    let mut clean = json!({ "name": metadata["name"], "namespace": namespace });
    for member in ["labels", "annotations"] {
        if let Some(entries) = metadata.get(member) {
            clean[member] = entries.clone();
        }
    }
    clean
}

fn key_of(metadata: Option<&Value>) -> Option<ObjectKey> {
    let name = metadata?.get("name")?.as_str()?;
    let namespace = metadata?.get("namespace").and_then(Value::as_str).unwrap_or(DEFAULT_NAMESPACE);
    Some(ObjectKey::new(namespace, name))
}

fn take_text(root: &mut Map<String, Value>, member: &str) -> Result<String, Violation> {
    match root.remove(member) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(Violation::new(member, "must be text")),
        None => Err(Violation::new(member, "is required")),
    }
}

fn texts(metadata: &Value, member: &str) -> std::collections::BTreeMap<String, String> {
    serde_json::from_value(metadata.get(member).cloned().unwrap_or_else(|| json!({}))).unwrap_or_default()
}

fn is_data_key(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A label's or annotation's key.
fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let word = |text: &str, most: usize, inner: &[u8]| {
        text.len() <= most
            && edge(text.as_bytes().first())
            && edge(text.as_bytes().last())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || inner.contains(&byte))
    };
    word(name, 63, b"-_.") && prefix.is_none_or(|prefix| word(prefix, 253, b"-."))
}

/// What is wrong with `value` as an object of `kind`, as the API server would say at creation (`old` absent) or
/// change. Empty when nothing is, or when `kind` is not one of ours.
pub fn violations(kind: &str, value: &Value, old: Option<&Value>) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Ok(schemas) = SCHEMAS.as_ref()
        && let Some((_, schema)) = schemas.own.iter().find(|(known, _)| *known == kind)
    {
        let mut value = value.clone();
        strip(&mut value);
        let old = old.cloned().map(|mut old| {
            strip(&mut old);
            old
        });
        validate::prepare(schema, &mut value);
        validate::check(schema, &value, "", Show::Values, &mut found);
        rules::check(schema, &value, old.as_ref(), "", &mut found);
    }
    found
}

/// What every object has, and the schema of ours does not name.
fn strip(value: &mut Value) {
    if let Some(root) = value.as_object_mut() {
        for member in ["apiVersion", "kind", "metadata"] {
            root.remove(member);
        }
    }
}
