//! What the leaser and those who wait for it count.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

/// Since the process began. Read with any ordering: they do not belong together.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests that did not find enough in a lease and waited for the ledger, one for each cap.
    pub waits: AtomicU64,
    /// How long they waited, in microseconds, those included that gave up.
    pub waited_us: AtomicU64,
    /// Of them, those that were refused.
    pub refused: AtomicU64,
    /// Of them, those that the ledger did not answer in time; and requests that went on unreserved because it is away.
    pub unanswered: AtomicU64,
    /// Messages to the ledger.
    pub exchanges: AtomicU64,
    /// Of them, those that failed.
    pub failures: AtomicU64,
    /// Asks in them: each writes an allowance's row.
    pub asks: AtomicU64,
    /// How often the ledger had closed this process meanwhile, so that its leases were void.
    pub voided: AtomicU64,
    /// The last message failed.
    pub away: AtomicBool,
    /// Allowances of which the leaser keeps track now.
    pub tracked: AtomicI64,
}
