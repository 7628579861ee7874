//! Looking at journals from outside while their processes go on: nothing is locked, made or changed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use uuid::Uuid;

use super::Record;
use super::reader::{LeftSegment, OPEN_SEQUENCE, entries, number, segments_of};
use crate::ledger::{Intent, Outcome};

/// What journals have of one attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// None where its segment was given back already: its row is in the store.
    pub intent: Option<Intent>,
    /// None while it is open.
    pub outcome: Option<Outcome>,
}

/// Every attempt in the journals of all processes below `root`, by request and number. What moves meanwhile may be missed:
/// whoever asks the store afterwards finds it there.
pub fn look(root: &Path) -> io::Result<BTreeMap<(Uuid, u32), Seen>> {
    let mut seen = BTreeMap::<_, Seen>::new();
    if !root.join("lock").exists() {
        let text = format!("there is no journal in {}", root.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    for dir in entries(root)?.into_iter().filter(|dir| number(dir).is_some()) {
        // A process that ends takes its directory along: all that was in it is in the store.
        let Some(mut segments) = unless_gone(segments_of(&dir))? else { continue };
        // An intent moves from its segment to the open ones, never back.
        segments.sort_by_key(LeftSegment::sequence_with_open_last);
        for segment in segments {
            for record in unless_gone(segment.read())?.into_iter().flatten() {
                match record {
                    Record::Intent(intent) => {
                        let key = (intent.request_id, intent.attempt);
                        seen.entry(key).or_default().intent = Some(intent);
                    }
                    Record::Outcome(outcome) => {
                        let key = (outcome.request_id, outcome.attempt);
                        seen.entry(key).or_default().outcome = Some(outcome);
                    }
                }
            }
        }
    }
    Ok(seen)
}

fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl LeftSegment {
    fn sequence_with_open_last(&self) -> (bool, u32, u64) {
        (self.sequence() == OPEN_SEQUENCE, self.core(), self.sequence())
    }
}
