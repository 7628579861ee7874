//! How a [`Config`] travels from the operator to gateways: as ConfigMaps, an index and bounded parts.
//!
//! ```text
//!   Config ──► entries (a provider, a price sheet, a tenant) ──► by hash of the id ──► parts, ≤ 256 KiB each
//!                │                                                                        │ numbered 0 … n-1
//!                └──► digest: the sum of the entries' hashes ──► index {format, sequence, digest, parts: n}
//! ```
//!
//! One entry's change rewrites one part and the index, which has a constant size: the same bytes move at ten tenants
//! as at ten thousand. The operator writes parts first and the index last; [`Assembly`] puts them together again as
//! they come, in any order. A part is used as it arrives; the index's digest says when a gateway holds all of a sequence.
//!
//! Here are also the names that both sides must agree on.

mod assembly;
mod digest;
mod entry;
mod index;
mod names;
mod part;
#[cfg(test)]
mod tests;

pub use self::{
    assembly::{Assembly, Change, Refused},
    digest::Digest,
    entry::{Content, EntryId, EntryKind, entries, price_entry, provider_entry, tenant_entry},
    index::Index,
    names::*,
    part::{Entries, LARGEST_PART, MOST_PARTS, Part, Text, Unreadable, parts_for},
};

#[cfg(doc)]
use crate::config::Config;
