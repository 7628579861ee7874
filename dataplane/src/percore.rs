//! What one core works with. A request never leaves its core: nothing here is shared with another one except
//! through atomics in [`Shared`].

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::{
    allowance::Allowances,
    clock::Clock,
    identity::{Known, Trust},
    jobs::Desk,
    ledger::{accounts::Promises, journal::Journal},
    snapshot::Snapshot,
    telemetry::{Recorder, access::AccessLog},
    upstream::Pool,
};

/// What all cores share.
pub struct Shared {
    /// The time of day.
    pub clock: Clock,
    /// The revision that new requests take.
    pub snapshot: ArcSwap<Snapshot>,
    /// Bytes; a larger request body is refused.
    pub max_body: usize,
    /// What may be spent, and what this process holds of it.
    pub allowances: Allowances,
    /// Which credits of tenants are not in the ledger yet.
    pub promises: Promises,
    /// Jobs that outlive their request.
    pub jobs: Desk,
    /// Whose `ServiceAccount` tokens are accepted; none where there is no cluster to trust.
    pub identity: Option<Arc<Trust>>,
    /// The process is about to end: answers ask clients to reconnect elsewhere.
    pub draining: AtomicBool,
    /// Intents that found no room in a journal.
    pub journal_full: Counter,
}

impl Shared {
    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

/// What one core works with.
pub struct Core {
    /// What all cores share.
    pub shared: Arc<Shared>,
    /// Connections to providers.
    pub pool: Rc<Pool>,
    /// This core's journal.
    pub journal: RefCell<Journal>,
    /// This core's metrics.
    pub metrics: Recorder,
    /// This core's lines that are not written yet.
    pub access: RefCell<AccessLog>,
    /// Tokens that this core has verified.
    pub known: RefCell<Known>,
    /// What must end before the core may.
    pub live: Live,
}

/// Counts connections and requests, so that the end of a process can wait for them.
#[derive(Debug, Default)]
pub struct Live {
    count: Cell<usize>,
    none: Notify,
    over: Cell<bool>,
}

impl Live {
    /// One more.
    pub fn enter(&self) {
        self.count.set(self.count.get() + 1);
    }

    /// One less.
    pub fn leave(&self) {
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            self.none.notify_one();
        }
    }

    /// Waits until none is left.
    pub async fn none_left(&self) {
        while self.count.get() > 0 {
            self.none.notified().await;
        }
    }

    /// The grace period has ended: what is dropped now is settled as it is.
    pub fn end(&self) {
        self.over.set(true);
    }

    /// Whether the grace period has ended.
    pub fn is_over(&self) -> bool {
        self.over.get()
    }
}
