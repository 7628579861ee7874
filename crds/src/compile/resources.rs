//! The objects that are read together, and what may be known of Secrets.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::v1alpha1::{AIProvider, ModelPricing, Tenant};

/// `namespace/name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// From its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Another object in the same namespace.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self::new(&*self.namespace, name)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The objects that are read together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// `AIProvider` objects.
    pub providers: BTreeMap<ObjectKey, AIProvider>,
    /// `ModelPricing` objects.
    pub pricings: BTreeMap<ObjectKey, ModelPricing>,
    /// `Tenant` objects.
    pub tenants: BTreeMap<ObjectKey, Tenant>,
    /// Secrets, as far as they may be known here.
    pub secrets: BTreeMap<ObjectKey, SecretFacts>,
    /// The hub's own namespace: only Tenants there may claim `ServiceAccount`s of other namespaces. Absent where there
    /// is no cluster: then all may.
    pub hub_namespace: Option<String>,
}

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

impl ValueFacts {
    /// What may be known of `value`.
    pub fn of(value: &[u8]) -> Self {
        Self { sha256: hex::encode(Sha256::digest(value)), length: value.len() }
    }
}

/// The order in which objects may claim what only one can have: the oldest first, then by name.
pub(super) fn by_age<T>(
    objects: &BTreeMap<ObjectKey, T>,
    metadata: impl Fn(&T) -> &ObjectMeta,
) -> Vec<(&ObjectKey, &T)> {
    let mut ordered: Vec<_> = objects.iter().collect();
    ordered.sort_by_key(|(_, object)| metadata(object).creation_timestamp.as_ref().map(|time| time.0));
    ordered
}
