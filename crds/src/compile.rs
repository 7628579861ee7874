//! `compile`: from what people wrote to what a gateway loads. Pure, total, deterministic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// What compile knows of a Secret: names, labels and hashes, never values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretFacts {
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// By data key.
    pub keys: BTreeMap<String, ValueFacts>,
}

/// What compile knows of one value in a Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueFacts {
    /// Lower-case hex SHA-256 of the value.
    pub sha256: String,
    /// Bytes.
    pub length: usize,
}

/// `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

/// The objects that are read together.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// Secrets, as far as they may be known here.
    pub secrets: BTreeMap<ObjectKey, SecretFacts>,
}

/// Everything that could be used, and everything that a person should hear of.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What a gateway loads.
    pub config: Config,
    /// Sorted by object, then field.
    pub findings: Vec<Finding>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Something was left out of the configuration.
    Error,
    /// It serves, but a person should know.
    Warning,
}

/// Something a person should hear of: a status condition, a log line or an exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `AIProvider`, `ModelPricing` or `Tenant`.
    pub kind: String,
    /// Which object.
    pub object: ObjectKey,
    /// Path inside the object, for example `spec.models[2].name`.
    pub field: String,
    /// Error or warning.
    pub severity: Severity,
    /// The condition that it makes false: `Accepted` or `ResolvedRefs`.
    pub condition: String,
    /// A constant in CamelCase.
    pub reason: String,
    /// A sentence that says what to do.
    pub message: String,
}

/// From resources to configuration. Never fails: what cannot be used becomes a [`Finding`] and is left out.
pub fn compile(_resources: &Resources) -> Compiled {
    Compiled { config: Config::default(), findings: Vec::new() }
}
