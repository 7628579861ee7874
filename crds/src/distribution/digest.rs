//! A hash of a set: the sum of its members' hashes, so that one member's change costs one member's hash.

use std::{
    fmt,
    ops::{AddAssign, SubAssign},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use super::{EntryId, Text};

/// The hash of a set of entries: equal sets have equal digests, in any order. It tells what fits together; it does not
/// keep out somebody who may write the index.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u128);

impl Digest {
    /// Of one entry: the first half of SHA-256 over its id and text.
    pub fn of(id: &EntryId, text: &Text) -> Self {
        let mut hasher = sha2::Sha256::new();
        hasher.update(id.kind.as_str());
        hasher.update([0]);
        hasher.update(&id.id);
        hasher.update([0]);
        hasher.update(text.get());
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize()[..16]);
        Self(u128::from_be_bytes(half))
    }
}

impl AddAssign for Digest {
    fn add_assign(&mut self, member: Self) {
        self.0 = self.0.wrapping_add(member.0);
    }
}

impl SubAssign for Digest {
    fn sub_assign(&mut self, member: Self) {
        self.0 = self.0.wrapping_sub(member.0);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
