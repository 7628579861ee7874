//! What the operator wrote comes back through its own watches. Only what is otherwise than it wrote is news.
//!
//! Resource versions of one kind are integers that grow (Kubernetes 1.35 declares them comparable), so an event that is
//! not newer than the answer to a write is its echo or is out of date. While a write is under way nobody knows which of
//! both is newer: what is seen meanwhile waits for the answer.

use std::collections::BTreeMap;

use aigne_hub_crds::distribution::{Digest, Index};

use crate::change::Owned;

/// Which object of the operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The index.
    Index,
    /// A part.
    Part(u32),
    /// The Role.
    Role,
}

/// What stands, or shall stand, in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or nothing that can be read.
    Absent,
    /// An index.
    Index(Index),
    /// A part, by its sequence and digest.
    Part(u64, Digest),
    /// The Secrets of the Role.
    Role(Vec<String>),
}

/// Which object it is, and what stands in it.
pub fn content(owned: &Owned) -> (Name, Content) {
    match owned {
        Owned::Index(index) => (Name::Index, index.clone().map_or(Content::Absent, Content::Index)),
        Owned::Part(number, part) => {
            let content = part.as_ref().map(|part| Content::Part(part.sequence, part.digest()));
            (Name::Part(*number), content.unwrap_or(Content::Absent))
        }
        Owned::Role(names) => (Name::Role, names.clone().map_or(Content::Absent, Content::Role)),
    }
}

/// Tells news from echoes.
#[derive(Debug, Default)]
pub struct Echoes {
    known: BTreeMap<Name, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What was written last, and the version that this gave it.
    written: Option<(Content, u64)>,
    writing: bool,
    /// Seen while a write was under way, with its version.
    held: Option<(Owned, u64)>,
}

impl Echoes {
    /// A write begins.
    pub fn begin(&mut self, name: Name) {
        self.known.entry(name).or_default().writing = true;
    }

    /// It ended: with what stands there now and its version (`None` after a deletion, which has none), or it failed and
    /// nobody knows. Gives what was seen meanwhile, if that is news.
    pub fn end(&mut self, name: Name, wrote: Option<(Content, Option<u64>)>) -> Option<Owned> {
        let known = self.known.entry(name).or_default();
        known.writing = false;
        if let Some((content, version)) = wrote {
            let before = known.written.as_ref().map_or(0, |(_, version)| *version);
            known.written = Some((content, version.unwrap_or(before)));
        }
        let (owned, version) = known.held.take()?;
        self.seen(owned, version)
    }

    /// Something was seen at this version. Gives it back if it is news now.
    pub fn seen(&mut self, owned: Owned, version: u64) -> Option<Owned> {
        let (name, content) = content(&owned);
        let Some(known) = self.known.get_mut(&name) else { return Some(owned) };
        if known.writing {
            known.held = Some((owned, version));
            return None;
        }
        match &known.written {
            Some((written, at)) if version <= *at || content == *written => None,
            // From now on the other one is what stands there: should ours come back, that is news again.
            _ => {
                known.written = None;
                Some(owned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Owned {
        Owned::Role(Some(vec![name.to_owned()]))
    }

    fn wrote(name: &str, version: u64) -> (Content, Option<u64>) {
        (content(&role(name)).1, Some(version))
    }

    #[test]
    fn what_is_seen_at_first_is_news() {
        assert!(Echoes::default().seen(role("a"), 5).is_some());
    }

    #[test]
    fn an_echo_is_none_whether_it_comes_before_or_after_the_answer() {
        let mut echoes = Echoes::default();
        echoes.begin(Name::Role);
        assert!(echoes.end(Name::Role, Some(wrote("a", 7))).is_none());
        assert!(echoes.seen(role("a"), 7).is_none());
        echoes.begin(Name::Role);
        assert!(echoes.seen(role("b"), 9).is_none());
        assert!(echoes.end(Name::Role, Some(wrote("b", 9))).is_none());
    }

    #[test]
    fn what_was_there_before_the_write_is_out_of_date() {
        let mut echoes = Echoes::default();
        echoes.begin(Name::Role);
        assert!(echoes.seen(role("foreign"), 6).is_none());
        assert!(echoes.end(Name::Role, Some(wrote("a", 7))).is_none());
        assert!(echoes.seen(role("foreign"), 6).is_none());
    }

    #[test]
    fn what_somebody_else_put_there_afterwards_is_news() {
        let mut echoes = Echoes::default();
        echoes.begin(Name::Role);
        assert!(echoes.seen(role("foreign"), 8).is_none(), "not yet");
        assert!(echoes.end(Name::Role, Some(wrote("a", 7))).is_some());
        // It was put back by hand: also news, as the World knows of the other.
        assert!(echoes.seen(role("a"), 9).is_some());
    }

    #[test]
    fn a_label_of_somebody_else_changes_nothing() {
        let mut echoes = Echoes::default();
        echoes.begin(Name::Role);
        echoes.end(Name::Role, Some(wrote("a", 7)));
        assert!(echoes.seen(role("a"), 8).is_none());
    }

    #[test]
    fn after_a_write_that_failed_all_is_news_that_is_not_what_was_written_before() {
        let mut echoes = Echoes::default();
        echoes.begin(Name::Role);
        assert!(echoes.seen(role("a"), 3).is_none());
        assert!(echoes.end(Name::Role, None).is_some());
    }

    #[test]
    fn a_pruned_part_is_absent() {
        let mut echoes = Echoes::default();
        let gone = || Owned::Part(3, None);
        echoes.begin(Name::Part(3));
        echoes.end(Name::Part(3), Some((Content::Absent, None)));
        assert!(echoes.seen(gone(), 12).is_none());
        let back = Owned::Part(3, Some(aigne_hub_crds::distribution::Part::default()));
        assert!(echoes.seen(back, 13).is_some());
        assert!(echoes.seen(gone(), 14).is_some());
    }
}
