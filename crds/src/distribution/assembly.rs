//! A gateway's side: puts a configuration together from what arrives, in whatever order it does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Content, Digest, EntryId, Index, MOST_PARTS, Part};
use crate::config::{Config, FORMAT, Tenant};

/// What arrived.
#[derive(Clone, Debug)]
pub enum Change {
    /// The index; `None` where it was deleted.
    Index(Option<Index>),
    /// The part of this number; `None` where it was deleted.
    Part(u32, Option<Part>),
}

/// Why something that arrived is not used. What was there before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The operator is of another version.
    #[error(
        "the configuration has format {0}, this gateway knows format {FORMAT}: bring gateways and operator to the same version"
    )]
    Format(u32),
    /// One entry cannot be read; only that one keeps its former state.
    #[error("{} {} cannot be read: {message}", id.kind.as_str(), id.id)]
    Entry {
        /// Which.
        id: EntryId,
        /// What the reader said.
        message: String,
    },
}

/// What has arrived so far, and the configuration that it comes to.
///
/// The operator writes parts before the index, so a part is used as it arrives. While the number of parts changes, an
/// entry may be in two; the one that was written later holds. What the index names stays when its object is deleted.
#[derive(Clone, Debug)]
pub struct Assembly {
    index: Option<Index>,
    parts: BTreeMap<u32, Part>,
    /// Parts whose objects were deleted although the index names them: kept until it no longer does.
    gone: BTreeSet<u32>,
    /// What is served, with its digest as it was written.
    effective: BTreeMap<EntryId, Digest>,
    digest: Digest,
    config: Config,
}

impl Default for Assembly {
    fn default() -> Self {
        let config = Config { format: FORMAT, ..Config::default() };
        Self {
            index: None,
            parts: BTreeMap::new(),
            gone: BTreeSet::new(),
            effective: BTreeMap::new(),
            digest: Digest::default(),
            config,
        }
    }
}

impl Assembly {
    /// Takes what arrived.
    pub fn take(&mut self, change: Change) -> Vec<Refused> {
        match change {
            Change::Index(Some(index)) if index.format != FORMAT => {
                vec![Refused::Format(index.format)]
            }
            Change::Index(Some(index)) => self.take_index(index),
            Change::Part(number, Some(part)) => {
                self.gone.remove(&number);
                self.take_part(number, Some(part))
            }
            // Whoever takes away what the index names takes away everybody's access: the operator puts it back.
            Change::Index(None) => Vec::new(),
            Change::Part(number, None) if self.names(number) => {
                self.gone.insert(number);
                Vec::new()
            }
            Change::Part(number, None) => self.take_part(number, None),
        }
    }

    fn names(&self, part: u32) -> bool {
        self.index.as_ref().is_none_or(|index| part < index.parts)
    }

    /// The configuration as far as it has arrived.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Of [`config`](Self::config), as it was written.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The index that arrived last.
    pub fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// The sequence, if all of it is here.
    pub fn complete(&self) -> Option<u64> {
        self.index.as_ref().filter(|index| index.digest == self.digest).map(|index| index.sequence)
    }

    fn take_index(&mut self, index: Index) -> Vec<Refused> {
        let before = self.index.as_ref().map(|index| index.parts);
        let same_parts = before == Some(index.parts);
        self.index = Some(index);
        if same_parts {
            return Vec::new();
        }
        let ids: Vec<EntryId> = self.parts.values().flat_map(|part| part.entries.keys().cloned()).collect();
        let left: Vec<u32> = self.gone.iter().copied().filter(|number| !self.names(*number)).collect();
        for number in left {
            self.gone.remove(&number);
            self.parts.remove(&number);
        }
        self.settle(ids)
    }

    fn take_part(&mut self, number: u32, part: Option<Part>) -> Vec<Refused> {
        let new_ids: Vec<EntryId> = part.iter().flat_map(|part| part.entries.keys().cloned()).collect();
        let old = match part {
            Some(part) => self.parts.insert(number, part),
            None => self.parts.remove(&number),
        };
        let mut ids: Vec<EntryId> = old.into_iter().flat_map(|part| part.entries.into_keys()).collect();
        ids.extend(new_ids);
        ids.sort();
        ids.dedup();
        self.settle(ids)
    }

    /// Brings these entries of the configuration to what the parts say.
    fn settle(&mut self, ids: Vec<EntryId>) -> Vec<Refused> {
        let mut refused = Vec::new();
        for id in ids {
            let text = self.holder(&id).and_then(|part| part.entries.get(&id));
            let digest = text.map(|text| Digest::of(&id, text));
            if digest == self.effective.get(&id).copied() {
                continue;
            }
            let content = match text.map(|text| Content::read(id.kind, text)).transpose() {
                Ok(content) => content,
                Err(error) => {
                    refused.push(Refused::Entry { id, message: error.to_string() });
                    continue;
                }
            };
            let old = match digest {
                Some(digest) => self.effective.insert(id.clone(), digest),
                None => self.effective.remove(&id),
            };
            self.digest -= old.unwrap_or_default();
            self.digest += digest.unwrap_or_default();
            self.config.put(&id, content);
        }
        refused
    }

    /// The part whose word counts for an entry: of those that could hold it, the one that was written last.
    fn holder(&self, id: &EntryId) -> Option<&Part> {
        let mut parts = 1;
        let mut holder: Option<&Part> = None;
        while parts <= MOST_PARTS {
            let number = id.part(parts);
            parts *= 2;
            let Some(part) = self.parts.get(&number).filter(|part| part.entries.contains_key(id)) else {
                continue;
            };
            // A part beyond the index's count is one that is coming, or one that is about to be pruned.
            let left_over = self
                .index
                .as_ref()
                .is_some_and(|index| number >= index.parts && part.sequence <= index.sequence);
            if !left_over && holder.is_none_or(|holder| holder.sequence < part.sequence) {
                holder = Some(part);
            }
        }
        holder
    }
}

impl Config {
    /// Puts one entry in, in place of the one that was there, or takes it out.
    fn put(&mut self, id: &EntryId, content: Option<Content>) {
        use super::EntryKind;
        match id.kind {
            EntryKind::Provider => {
                self.shared.providers.remove(&id.id);
            }
            EntryKind::Price => {
                for sheets in self.shared.prices.values_mut() {
                    sheets.retain(|sheet| sheet.source != id.id);
                }
            }
            EntryKind::Tenant => {
                self.tenants.remove(&id.id);
            }
        }
        match content {
            Some(Content::Provider(provider)) => {
                self.shared.providers.insert(id.id.clone(), provider);
            }
            Some(Content::Price(provider, sheet)) => {
                let sheets = self.shared.prices.entry(provider).or_default();
                sheets.push(sheet);
                sheets.sort_by_key(|sheet| sheet.effective_from);
            }
            Some(Content::Tenant(tenant)) => {
                self.tenants.insert(id.id.clone(), Arc::<Tenant>::clone(&tenant));
            }
            None => {}
        }
        self.shared.prices.retain(|_, sheets| !sheets.is_empty());
    }
}
