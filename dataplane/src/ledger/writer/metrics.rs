//! What the writer counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Plain counters since the start of the process; telemetry reads them.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Rows that were new to the store.
    pub rows: AtomicU64,
    /// Rows that the store had already, after a replay.
    pub duplicates: AtomicU64,
    /// Attempts of an earlier process whose outcome is not known.
    pub interrupted: AtomicU64,
    /// Outcomes without an intent, which become no row: a defect.
    pub unmatched: AtomicU64,
    /// Failed tries to insert.
    pub errors: AtomicU64,
    /// The last try failed.
    pub away: AtomicBool,
}

impl Metrics {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
