//! What parts there are, and what they come to.

use serde::{Deserialize, Serialize};

use super::Digest;

/// What parts there are, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// [`FORMAT`](crate::config::FORMAT) of the operator that wrote it. A gateway that does not know it reads no
    /// further, and keeps what it has.
    pub format: u32,
    /// Grows by one with every change.
    pub sequence: u64,
    /// Of all entries of all parts.
    pub digest: Digest,
    /// How many parts there are; a power of two.
    pub parts: u32,
}

impl Index {
    /// As it stands in the ConfigMap.
    pub fn to_data(&self) -> String {
        // Plain data: it can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From the text in the ConfigMap. A newer format may have more members.
    pub fn from_data(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
