//! What cores and the leaser share.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use aigne_hub_crds::config::LedgerUnavailable;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Options,
    caps::{Limit, Registry},
    lease::Taken,
    metrics::Metrics,
};

/// What cores and the leaser share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) registry: Registry,
    pub(super) metrics: Metrics,
    started: Instant,
    /// Milliseconds to add to the process's own time for the ledger's.
    offset: AtomicI64,
    /// Until when leases may be spent, in milliseconds of the process's own time.
    until: AtomicU64,
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        Self {
            registry: Registry::default(),
            metrics: Metrics::default(),
            started: Instant::now(),
            offset: AtomicI64::new(options.clock.now_ms()),
            until: AtomicU64::new(0),
            options,
        }
    }

    /// The process's own time: milliseconds since it began, which no clock can set back.
    pub(super) fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }

    /// The same as an instant.
    pub(super) fn instant(&self, at: u64) -> Instant {
        self.started + Duration::from_millis(at)
    }

    /// The ledger's time, in Unix milliseconds.
    pub(super) fn ledger_time(&self, now: u64) -> i64 {
        self.offset.load(Relaxed).saturating_add(signed(now))
    }

    /// Whether leases may be spent.
    pub(super) fn may_spend(&self, now: u64) -> bool {
        now < self.until.load(Acquire)
    }

    /// Until when somebody who came at `now` waits for the ledger. Who would be refused without it waits as long as leases
    /// last, or as long as they would in a process that has just begun: a database that restarts is back by then, and one that
    /// does not answer for longer than that is waited for no longer than by anybody else.
    pub(super) fn deadline(&self, without: LedgerUnavailable, now: u64) -> Instant {
        let soon = self.instant(now) + self.options.patience;
        match without {
            LedgerUnavailable::Refuse => {
                let leases_end = self.until.load(Acquire).max(millis(self.options.ttl));
                soon.max(self.instant(leases_end))
            }
            LedgerUnavailable::Allow => soon,
        }
    }

    /// An exchange that was asked at `asked` has succeeded at `now`; the ledger's clock stood at `ledger` somewhere between.
    pub(super) fn renewed(&self, asked: u64, now: u64, ledger: i64) {
        let between = asked + now.saturating_sub(asked) / 2;
        self.offset.store(ledger.saturating_sub(signed(between)), Relaxed);
        self.until.store(asked.saturating_add(millis(self.options.ttl)), Release);
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// What cores tell the leaser.
#[derive(Debug)]
pub(super) enum Message {
    /// A request waits.
    Wait(Waiter),
    /// A lease runs low.
    Refill(Arc<Limit>),
    /// The process ends.
    Close,
}

/// Somebody who waits for a part of an allowance.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) limit: Arc<Limit>,
    /// What would be best.
    pub(super) most: i64,
    /// What is worth having.
    pub(super) least: i64,
    /// It goes on unreserved as soon as the ledger is known to be away.
    pub(super) may_go_on: bool,
    pub(super) answer: oneshot::Sender<Result<Taken, Denied>>,
}

/// Why somebody waited in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The ledger has not enough.
    Exhausted(Figures),
    /// The ledger does not answer.
    Away,
}

/// A cap, as the ledger told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) cap: i64,
    pub(super) spent: i64,
    pub(super) held: i64,
}
