//! The secret store: the one place, beside `upstream`'s signer, that sees plaintext.
//!
//! Configuration holds [`SecretRef`]s; a [`SecretStore`] holds what they stand for. Values print as `***`, are
//! wiped when the last holder lets go of them, and cannot be serialised.

use std::{collections::BTreeMap, fmt, sync::Arc};

use aigne_hub_crds::config::SecretRef;
use zeroize::Zeroizing;

pub mod job;
pub mod keyring;
pub mod seal;

/// A value that must not be seen: a provider key, a tenant key.
#[derive(Clone)]
pub struct SecretValue(Arc<Zeroizing<String>>);

impl SecretValue {
    /// Takes the text over; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The plaintext. A test lists the files that may call this.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Lower-case hex SHA-256: what configuration and compile know of a value.
    pub fn sha256(&self) -> String {
        use sha2::Digest as _;
        hex::encode(sha2::Sha256::digest(self.expose().as_bytes()))
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// There is no value.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// All values of one revision of the configuration. Cheap to clone, immutable: a rotated value comes with the
/// next store.
#[derive(Clone, Default)]
pub struct SecretStore(Arc<BTreeMap<SecretRef, SecretValue>>);

impl SecretStore {
    /// The value that a reference stands for; `None` where it could not be resolved.
    pub fn get(&self, reference: &SecretRef) -> Option<&SecretValue> {
        self.0.get(reference)
    }

    /// The same references and values.
    pub fn same(&self, other: &Self) -> bool {
        let same = |(a, b): (&SecretValue, &SecretValue)| a.expose() == b.expose();
        self.0.keys().eq(other.0.keys()) && self.0.values().zip(other.0.values()).all(same)
    }

    /// Every reference and its value, in the order of the references.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretRef, &SecretValue)> {
        self.0.iter()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(SecretRef, SecretValue)> for SecretStore {
    fn from_iter<I: IntoIterator<Item = (SecretRef, SecretValue)>>(values: I) -> Self {
        Self(Arc::new(values.into_iter().collect()))
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.keys().map(|r| format!("{}/{}/{}", r.namespace, r.name, r.key));
        formatter.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests;
