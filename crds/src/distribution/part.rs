//! A bounded part of the entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Digest as _;

use super::{Digest, EntryId, EntryKind};
use crate::config::FORMAT;

/// An entry's JSON, as it was written.
pub type Text = Box<RawValue>;

/// Entries by id.
pub type Entries = BTreeMap<EntryId, Text>;

/// Bytes of entries that a part holds on average: few, as a change of one moves them all.
const USUAL_PART: usize = 8 * 1024;

/// Bytes of entries that a part holds at most, unless one entry alone has more (the API server's bound is 1 MiB).
pub const LARGEST_PART: usize = 256 * 1024;

/// There are never more parts.
pub const MOST_PARTS: u32 = 4096;

/// A bounded part of the entries.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The index's sequence with which it was written.
    pub sequence: u64,
    /// What it holds.
    pub entries: Entries,
}

/// A part's text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operator is of another version. Parts come before the index, so each says it itself.
    #[error("it has format {0}, this gateway knows format {FORMAT}")]
    Format(u32),
    /// Somebody else wrote it.
    #[error("it is not a part of a configuration: {0}")]
    Text(#[from] serde_json::Error),
    /// Somebody changed it.
    #[error("its entries do not have the digest that it was written with")]
    Digest,
}

/// Read before anything else: another format may have other members.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written<T> {
    format: u32,
    sequence: u64,
    digest: Digest,
    #[serde(default = "BTreeMap::new")]
    entries: BTreeMap<EntryKind, BTreeMap<String, T>>,
}

impl Part {
    /// As it stands in the ConfigMap.
    pub fn to_data(&self) -> String {
        let mut written = Written {
            format: FORMAT,
            sequence: self.sequence,
            digest: self.digest(),
            entries: BTreeMap::new(),
        };
        for (id, text) in &self.entries {
            let of_kind: &mut BTreeMap<_, _> = written.entries.entry(id.kind).or_default();
            of_kind.insert(id.id.clone(), text);
        }
        // Plain data with text keys: it can always be written.
        serde_json::to_string(&written).unwrap_or_default()
    }

    /// From the text in the ConfigMap.
    pub fn from_data(text: &str) -> Result<Self, Unreadable> {
        let Format { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(Unreadable::Format(format));
        }
        let written: Written<Text> = serde_json::from_str(text)?;
        let entries = written.entries.into_iter().flat_map(|(kind, of_kind)| {
            of_kind.into_iter().map(move |(id, text)| (EntryId { kind, id }, text))
        });
        let part = Self { sequence: written.sequence, entries: entries.collect() };
        if part.digest() == written.digest { Ok(part) } else { Err(Unreadable::Digest) }
    }

    /// Of its entries.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (id, text) in &self.entries {
            digest += Digest::of(id, text);
        }
        digest
    }
}

impl EntryId {
    /// The part that the entry belongs to, of so many (a power of two). Doubling the parts splits each in two.
    pub fn part(&self, parts: u32) -> u32 {
        let hash = sha2::Sha256::digest(&self.id);
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & parts.saturating_sub(1)
    }
}

/// How many parts these entries need, of `(id, bytes)`. As many as there were where that does, so that a tenant that
/// comes and goes does not move all others.
pub fn parts_for(present: u32, entries: &[(&EntryId, usize)]) -> u32 {
    let total: usize = entries.iter().map(|(_, bytes)| bytes).sum();
    let usual = u32::try_from(total.div_ceil(USUAL_PART)).unwrap_or(MOST_PARTS);
    let mut wanted = usual.max(1).checked_next_power_of_two().unwrap_or(MOST_PARTS).min(MOST_PARTS);
    while wanted < MOST_PARTS && too_large(wanted, entries) {
        wanted *= 2;
    }
    let fits = present.is_power_of_two() && present >= wanted && present / 4 < wanted;
    if fits { present } else { wanted }
}

/// Whether splitting would help: a part has more than it should, and more than one entry.
fn too_large(parts: u32, entries: &[(&EntryId, usize)]) -> bool {
    let mut held: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for (id, bytes) in entries {
        let (total, count) = held.entry(id.part(parts)).or_default();
        *total += bytes;
        *count += 1;
    }
    held.values().any(|(total, count)| *total > LARGEST_PART && *count > 1)
}
