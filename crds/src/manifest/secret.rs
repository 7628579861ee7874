//! A Secret's values, which are shown to nobody.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::compile::{SecretFacts, ValueFacts};

/// A core/v1 Secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secret {
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `data`, decoded, and `stringData`, which wins.
    pub values: BTreeMap<String, SecretValue>,
}

impl Secret {
    /// What compile may know of it.
    pub fn facts(&self) -> SecretFacts {
        SecretFacts {
            labels: self.labels.clone(),
            keys: self
                .values
                .iter()
                .map(|(key, value)| (key.clone(), ValueFacts::of(value.expose())))
                .collect(),
        }
    }
}

/// Bytes that print as `***` and are overwritten when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves: only for those who sign requests, hash keys or seal.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Takes the values out of a checked Secret and leaves nothing behind in `body`.
pub(super) fn take(body: &mut Value) -> BTreeMap<String, SecretValue> {
    let mut values = BTreeMap::new();
    for (member, decode) in [("data", true), ("stringData", false)] {
        let Some(Value::Object(entries)) = body.get_mut(member).map(Value::take) else { continue };
        for (key, value) in entries {
            let Value::String(text) = value else { continue };
            let text = Zeroizing::new(text);
            let bytes = if decode {
                STANDARD.decode(text.as_bytes()).unwrap_or_default()
            } else {
                text.as_bytes().to_vec()
            };
            values.insert(key, SecretValue::new(bytes));
        }
    }
    values
}

/// Overwrites every text in a Secret that is not used, because something is wrong with it.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => drop(Zeroizing::new(std::mem::take(text))),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_decoded_and_never_shown() {
        let mut body = json!({"data": {"a": "aGVsbG8=", "b": "eA=="}, "stringData": {"b": "plain"}});
        let secret = Secret { values: take(&mut body), ..Secret::default() };
        assert_eq!(secret.values["a"].expose(), b"hello");
        assert_eq!(secret.values["b"].expose(), b"plain", "stringData wins");
        assert_eq!(body, json!({"data": null, "stringData": null}));
        let shown = format!("{secret:?}");
        assert!(shown.contains("***") && !shown.contains("hello") && !shown.contains("plain"), "{shown}");
        assert_eq!(secret.facts().keys["a"].length, 5);
    }
}
