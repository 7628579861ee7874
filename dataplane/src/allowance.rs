//! What may be spent, on a gateway's side: requests reserve what they can cost at most, in memory, from leases that the
//! process has from the ledger ([`crate::ledger::leases`]).
//!
//! ```text
//! core: reserve ──take──► lease (atomics) ◄──grant, return── leaser: one exchange at a time ◄──► ledger
//!          └── not enough: waits ──────────────────────────────► │
//! ```
//!
//! | name of an allowance | window | what is counted |
//! |---|---|---|
//! | `account:ACCOUNT` | none | nano-dollars of tenants on credits |
//! | `budget:TENANT/NAME`, `budget:TENANT#KEY/NAME` | day, week or month in the budget's zone | nano-dollars |
//! | `requests:TENANT`, `requests:TENANT#KEY` | the UTC minute | requests started |
//! | `tokens:TENANT`, `tokens:TENANT#KEY` | the UTC minute | tokens: an estimate is reserved, the rest is carried as debt |
//! | `concurrent:TENANT`, `concurrent:TENANT#KEY` | none | requests under way |
//!
//! - **Nothing is spent that was not granted**: money and rates are never overrun together, however many processes there are. A lease is
//!   spent only within its time to live, counted from before the exchange was asked that renewed it.
//! - **It refuses only on a fresh answer**: one that was asked for this request, or one that is at most 50 ms old and refused
//!   somebody who needed no more. Where others hold what may come back, it asks again for 1.2 s first.
//! - **Requests under way** are promised less: those of a process that was silent for longer than its time to live are not counted.
//! - **Settlement never fails**: what was used beyond the reservation makes a lease fall below zero, and the next grant covers it.
//! - **Windows are told by the ledger's clock** and only go forward: where that clock is set back, the window goes on.

mod caps;
mod desk;
mod lease;
mod leaser;
mod metrics;
mod pace;
mod reservation;
mod shared;
mod window;

#[cfg(test)]
mod figures;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aigne_hub_crds::config::{self, LedgerUnavailable};
use tokio::sync::mpsc;

pub use self::caps::{Caps, Which};
pub use self::leaser::Leaser;
pub use self::metrics::Metrics;
pub use self::reservation::{Quota, Quotas, Reservation};
use self::shared::{Message, Shared};
use crate::clock::Clock;

/// How leases are kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For how long a lease may be spent without another word from the ledger.
    pub ttl: Duration,
    /// For how long a request waits for the ledger; one that would be refused otherwise, as long as leases last if that is longer.
    pub patience: Duration,
    /// Tells windows until the ledger has told its own time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(30), patience: Duration::from_secs(3), clock: Clock::default() }
    }
}

/// What the process may spend. Shared by all cores; cheap to clone.
#[derive(Clone, Debug)]
pub struct Allowances {
    shared: Arc<Shared>,
    to_leaser: mpsc::UnboundedSender<Message>,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Estimated input plus output.
    pub tokens: i64,
    /// Nano-dollars: the most that it can cost.
    pub money: i64,
    /// Nano-dollars: the most that it can cost once it is cut down as far as it may be; as `money` where it may not. Only a
    /// balance is asked for so little.
    pub least_money: i64,
    /// What to do where the ledger does not answer.
    pub ledger_unavailable: LedgerUnavailable,
}

/// Why a request may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A cap.
    Exhausted(Box<Exhausted>),
    /// The ledger gave no answer in time, and the tenant's policy is to refuse then. Worth retrying.
    Unavailable,
}

/// A cap that has not enough left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Which.
    pub which: Which,
    /// It is the key's, not its tenant's.
    pub of_key: bool,
    /// How much there is in all; nano-dollars, requests or tokens. For credits: what was ever given, and the overdraft.
    pub cap: i64,
    /// Spent of it by everyone.
    pub spent: i64,
    /// Reserved by requests under way, or leased elsewhere.
    pub held: i64,
    /// When trying again is worth it: when the window ends, or soon where it is only held. `None`: not before somebody acts.
    pub retry_after_ms: Option<u64>,
    /// For the headers.
    pub quotas: Quotas,
}

impl Refused {
    /// For the headers.
    pub fn quotas(&self) -> Quotas {
        match self {
            Self::Exhausted(exhausted) => exhausted.quotas,
            Self::Unavailable => Quotas::default(),
        }
    }
}

impl Default for Allowances {
    /// Without a ledger: what is capped waits in vain.
    fn default() -> Self {
        Self::new(Options::default()).0
    }
}

impl Allowances {
    /// The cores' half, and the task's half, which is spawned on the control runtime. Requests wait until it runs.
    pub fn new(options: Options) -> (Self, Leaser) {
        let shared = Arc::new(Shared::new(options));
        let (to_leaser, asks) = mpsc::unbounded_channel();
        (Self { shared: Arc::clone(&shared), to_leaser }, Leaser::new(shared, asks))
    }

    /// A tenant's caps as configured. For when a snapshot is prepared: caps that are there already take over what is configured
    /// now, and keep what they know.
    pub fn of_tenant(&self, tenant: &config::Tenant) -> Caps {
        caps::of_tenant(&self.shared.registry, tenant)
    }

    /// The same of one of its keys.
    pub fn of_key(&self, tenant: &config::Tenant, key: &config::Key) -> Caps {
        caps::of_key(&self.shared.registry, tenant, key)
    }

    /// What happened so far.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Has the leaser tell the ledger what was spent and given back, and end. For when no request is under way any more; what is
    /// reserved after that is refused as [`Refused::Unavailable`] or goes on unreserved.
    pub fn close(&self) {
        // Where the leaser has ended already, there is nobody to tell.
        let _ = self.to_leaser.send(Message::Close);
    }

    /// Reserves what a request needs of its tenant's and its key's caps: of all of them, or of none.
    pub async fn reserve(&self, caps: [&Caps; 2], need: &Need) -> Result<Reservation, Refused> {
        let attempt = self.attempt(caps, need, self.shared.now());
        if attempt.is_complete() {
            return Ok(attempt.complete(caps));
        }
        attempt.wait(caps, need).await
    }
}
