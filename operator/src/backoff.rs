//! Waits longer after each failure in a row.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::plan::RETRY_AFTER;

/// No single wait is longer.
const LONGEST: Duration = Duration::from_mins(1);

/// What failed, how often in a row, and when it may be tried again.
#[derive(Debug)]
pub(crate) struct Backoff<K>(BTreeMap<K, (u32, Timestamp)>);

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Backoff<K> {
    /// It failed. What has not failed for a while begins anew.
    pub(crate) fn failed(&mut self, what: K, now: Timestamp) {
        let recent = |at: &Timestamp| at.saturating_add(LONGEST).is_ok_and(|end| end > now);
        self.0.retain(|_, (_, at)| recent(at));
        let (failures, at) = self.0.entry(what).or_insert((0, now));
        let wait = RETRY_AFTER.saturating_mul(1 << (*failures).min(16)).min(LONGEST);
        *failures += 1;
        *at = now.checked_add(wait).unwrap_or(Timestamp::MAX);
    }

    /// It may be tried.
    pub(crate) fn permits(&self, what: &K, now: Timestamp) -> bool {
        self.0.get(what).is_none_or(|(_, at)| *at <= now)
    }

    /// When something may be tried again that may not now.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.values().map(|(_, at)| *at).filter(|at| *at > now).min()
    }
}
