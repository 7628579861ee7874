//! From entries to objects: which parts, index and Role are to be written.
//!
//! What stands in the cluster is known as far as it was seen or written; what was changed by somebody else, or could
//! not be written, counts as not there and is written again.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    config::FORMAT,
    distribution::{Digest, Entries, EntryId, Index, LARGEST_PART, Part, Text, parts_for},
};

use crate::{change::Owned, plan::Configuration};

/// What gateways shall load, and what stands in the cluster.
#[derive(Debug, Default)]
pub(crate) struct Build {
    wanted: BTreeMap<EntryId, Wanted>,
    parts: BTreeMap<u32, Bucket>,
    /// How many parts there are; before the first plan, as many as stand in the cluster.
    count: u32,
    digest: Digest,
    bytes: usize,
    sequence: u64,
    /// Parts that may differ from what stands in the cluster.
    stale: BTreeSet<u32>,
    written_parts: BTreeMap<u32, (u64, Digest)>,
    written_index: Option<Index>,
    secrets: Vec<String>,
    written_role: Option<Vec<String>>,
}

#[derive(Debug)]
struct Wanted {
    text: Text,
    digest: Digest,
    /// The sequence with which it was written; 0 where it is still to be.
    sequence: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    entries: BTreeSet<EntryId>,
    digest: Digest,
    bytes: usize,
}

impl Build {
    /// An entry shall be this, or not be.
    pub(crate) fn set(&mut self, id: &EntryId, text: Option<Text>) {
        let digest = text.as_ref().map(|text| Digest::of(id, text));
        if digest == self.wanted.get(id).map(|wanted| wanted.digest) {
            return;
        }
        self.take_out(id);
        if let (Some(text), Some(digest)) = (text, digest) {
            self.digest += digest;
            self.bytes += text.get().len();
            self.wanted.insert(id.clone(), Wanted { text, digest, sequence: 0 });
            self.put_into_bucket(id);
        }
    }

    /// Every entry of a kind, to find those that are gone.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &EntryId> {
        self.wanted.keys()
    }

    /// The Secrets that gateways shall read.
    pub(crate) fn set_secrets(&mut self, names: BTreeSet<String>) {
        self.secrets = names.into_iter().collect();
    }

    /// What stands in the cluster.
    pub(crate) fn seen(&mut self, owned: Owned) {
        match owned {
            Owned::Role(names) => self.written_role = names,
            Owned::Index(index) => {
                let index = index.filter(|index| index.format == FORMAT);
                if let Some(index) = &index {
                    self.sequence = self.sequence.max(index.sequence);
                    if self.parts.is_empty() && index.parts.is_power_of_two() {
                        self.count = index.parts;
                    }
                }
                self.written_index = index;
            }
            Owned::Part(number, part) => {
                self.stale.insert(number);
                match part {
                    Some(part) => {
                        self.sequence = self.sequence.max(part.sequence);
                        self.written_parts.insert(number, (part.sequence, part.digest()));
                    }
                    None => drop(self.written_parts.remove(&number)),
                }
            }
        }
    }

    /// It could not be written, or nobody knows.
    pub(crate) fn forget_part(&mut self, number: u32) {
        self.written_parts.remove(&number);
        self.stale.insert(number);
    }

    /// It could not be written, or nobody knows.
    pub(crate) fn forget_index(&mut self) {
        self.written_index = None;
    }

    /// It could not be written, or nobody knows.
    pub(crate) fn forget_role(&mut self) {
        self.written_role = None;
    }

    /// The sequence that a gateway must serve to serve this entry, one that none can serve while it is not written;
    /// `None` where there is no such entry.
    pub(crate) fn sequence_of(&self, id: &EntryId) -> Option<u64> {
        self.wanted.get(id).map(|wanted| if wanted.sequence == 0 { u64::MAX } else { wanted.sequence })
    }

    /// The Secrets of the Role, if it is to be written; taken for written from now on.
    pub(crate) fn plan_role(&mut self) -> Option<Vec<String>> {
        let role = (self.written_role.as_ref() != Some(&self.secrets)).then(|| self.secrets.clone());
        if role.is_some() {
            self.written_role.clone_from(&role);
        }
        role
    }

    /// What else is to be written, taken for written from now on.
    pub(crate) fn plan(&mut self) -> Configuration {
        self.divide();
        let next = self.sequence + 1;
        let mut parts = Vec::new();
        let mut prune = Vec::new();
        for number in std::mem::take(&mut self.stale).into_iter().rev() {
            if number >= self.count {
                if self.written_parts.remove(&number).is_some() {
                    prune.push(number);
                }
                continue;
            }
            let bucket = self.parts.entry(number).or_default();
            match self.written_parts.get(&number) {
                // As it stands: after a restart, or when somebody else's change was no change.
                Some((sequence, digest)) if *digest == bucket.digest => {
                    for id in &bucket.entries {
                        if let Some(wanted) = self.wanted.get_mut(id).filter(|wanted| wanted.sequence == 0) {
                            wanted.sequence = *sequence;
                        }
                    }
                }
                _ => {
                    let mut entries = Entries::new();
                    for id in &bucket.entries {
                        if let Some(wanted) = self.wanted.get_mut(id) {
                            if wanted.sequence == 0 {
                                wanted.sequence = next;
                            }
                            entries.insert(id.clone(), wanted.text.clone());
                        }
                    }
                    self.written_parts.insert(number, (next, bucket.digest));
                    parts.push((number, Part { sequence: next, entries }));
                }
            }
        }
        let fits = self.written_index.as_ref().is_some_and(|index| {
            index.digest == self.digest && index.parts == self.count && index.sequence == self.sequence
        });
        let index = (!parts.is_empty() || !fits).then(|| {
            self.sequence = next;
            Index { format: FORMAT, sequence: next, digest: self.digest, parts: self.count }
        });
        if index.is_some() {
            self.written_index.clone_from(&index);
        }
        Configuration { role: None, parts, index, prune }
    }

    /// Chooses how many parts there are, and spreads the entries anew where that is another number.
    fn divide(&mut self) {
        let largest = self.parts.values().filter(|part| part.entries.len() > 1).map(|part| part.bytes).max();
        let usual = self.bytes / usize::try_from(self.count.max(1)).unwrap_or(1);
        let comfortable =
            self.count > 0 && largest.unwrap_or(0) <= LARGEST_PART && (2048..=8192).contains(&usual);
        if comfortable && !self.parts.is_empty() {
            return;
        }
        let sizes: Vec<_> = self.wanted.iter().map(|(id, wanted)| (id, wanted.text.get().len())).collect();
        let count = parts_for(self.count, &sizes);
        if count == self.count && self.parts.len() == count as usize {
            return;
        }
        self.stale.extend(0..count.max(self.count));
        self.count = count;
        self.parts = (0..count).map(|number| (number, Bucket::default())).collect();
        let ids: Vec<EntryId> = self.wanted.keys().cloned().collect();
        for id in &ids {
            self.put_into_bucket(id);
        }
    }

    fn put_into_bucket(&mut self, id: &EntryId) {
        // Before the first plan nothing is divided yet.
        if self.parts.is_empty() {
            return;
        }
        let Some(wanted) = self.wanted.get(id) else { return };
        let number = id.part(self.count);
        let bucket = self.parts.entry(number).or_default();
        bucket.entries.insert(id.clone());
        bucket.digest += wanted.digest;
        bucket.bytes += wanted.text.get().len();
        self.stale.insert(number);
    }

    fn take_out(&mut self, id: &EntryId) {
        let Some(wanted) = self.wanted.remove(id) else { return };
        self.digest -= wanted.digest;
        self.bytes -= wanted.text.get().len();
        let number = id.part(self.count);
        if let Some(bucket) = self.parts.get_mut(&number)
            && bucket.entries.remove(id)
        {
            bucket.digest -= wanted.digest;
            bucket.bytes -= wanted.text.get().len();
            self.stale.insert(number);
        }
    }
}
