//! Jobs that nobody asks for any more: a failed one is given back all the same.
//!
//! ```text
//! usage row ──► ledger: jobs ──► follow ──► a core looks, as for a client ──► failed: refund, then the job goes
//!                    ▲              │                                          completed: it goes
//!                    └── due again ─┘                                          anything else: it stays
//! ```
//!
//! Any gateway may take what is due; taking it makes it due again later, so one that is killed loses nothing. Clients who see
//! an end settle it too, by the same [`Refunds`].

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;
use crate::ledger::Nanos;
use crate::ledger::accounts::Accounts;
use crate::ledger::accounts::refunds::{self, Owed, Refunds};
use crate::ledger::jobs::{Due, Jobs};
use crate::ledger::store::StoreError;
use crate::telemetry::JobMetrics;

/// Between two questions for what is due.
const EVERY: Duration = Duration::from_mins(1);
/// As many are taken at once.
const TAKEN: u32 = 16;
/// As many of them are looked at at the same time.
const AT_ONCE: usize = 4;
/// A look takes no longer.
const WITHIN: Duration = Duration::from_secs(50);
/// Of a job that is this old, nothing more is expected.
const LAST_LOOK: Duration = Duration::from_hours(48);

/// What was seen of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has not ended, or nobody could tell: the provider does not answer, or the credential is not here.
    Nothing,
    /// There is something to fetch.
    Completed,
    /// There will be nothing.
    Failed,
}

/// Has jobs looked at.
#[derive(Debug)]
pub struct Looker(mpsc::Sender<Look>);

/// Where cores find what they are to look at. They share it.
#[derive(Clone, Debug)]
pub struct Looks(Arc<Mutex<mpsc::Receiver<Look>>>);

/// A job's id, and who waits for what is seen.
#[derive(Debug)]
pub struct Look {
    /// As the client has it.
    pub id: String,
    /// Told what was seen.
    pub told: oneshot::Sender<Seen>,
}

/// What cores have to do with jobs.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Is told of their ends.
    pub refunds: Refunds,
    /// Those to look at.
    pub looks: Looks,
}

/// Refunds and looks, until the tasks end.
pub fn start(
    tasks: &mut JoinSet<()>,
    ledger: &(impl Jobs + Accounts + Clone),
    clock: Clock,
    counted: &JobMetrics,
) -> Desk {
    let JobMetrics { given_back, given_up } = counted.clone();
    let refunds = refunds::start(tasks, ledger.clone(), clock, given_back);
    let (looker, looks) = channel();
    tasks.spawn(follow(ledger.clone(), looker, refunds.clone(), clock, given_up));
    Desk { refunds, looks }
}

/// Both ends.
pub fn channel() -> (Looker, Looks) {
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    (Looker(sender), Looks(Arc::new(Mutex::new(receiver))))
}

impl Looks {
    /// The next that is to be looked at; none once nobody asks any more.
    pub async fn next(&self) -> Option<Look> {
        self.0.lock().await.recv().await
    }
}

impl Looker {
    pub(crate) async fn look(&self, id: String) -> Seen {
        let (told, seen) = oneshot::channel();
        let asked = async {
            self.0.send(Look { id, told }).await.ok()?;
            seen.await.ok()
        };
        tokio::time::timeout(WITHIN, asked).await.ok().flatten().unwrap_or(Seen::Nothing)
    }
}

/// Looks for as long as the process serves. `given_up` counts jobs whose end was never seen.
pub async fn follow(ledger: impl Jobs, looker: Looker, refunds: Refunds, clock: Clock, given_up: Counter) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        ticks.tick().await;
        match pass(&ledger, &looker, &refunds, clock.now_ms(), &given_up).await {
            Ok(()) => away = false,
            Err(error) if !away => {
                away = true;
                tracing::warn!(%error, "the ledger does not say which jobs to look at; it is asked again");
            }
            Err(_) => {}
        }
    }
}

/// Looks at all that are due now (Unix milliseconds).
async fn pass(
    ledger: &impl Jobs,
    looker: &Looker,
    refunds: &Refunds,
    now: i64,
    given_up: &Counter,
) -> Result<(), StoreError> {
    loop {
        let taken = ledger.take_due(now, TAKEN).await?;
        let is_all = taken.len() < TAKEN as usize;
        let one = |due| one(ledger, due, looker, refunds, now, given_up);
        stream::iter(taken).for_each_concurrent(AT_ONCE, one).await;
        if is_all {
            return Ok(());
        }
    }
}

async fn one(ledger: &impl Jobs, due: Due, looker: &Looker, refunds: &Refunds, now: i64, given_up: &Counter) {
    let Due { request_id, id, account, charged, made_at } = due;
    let is_last = u128::try_from(now.saturating_sub(made_at)).is_ok_and(|age| age >= LAST_LOOK.as_millis());
    let seen = looker.look(id).await;
    let is_over = match seen {
        // What cannot be entered now is seen again at the next look.
        Seen::Failed => {
            let owed = Owed { account: account.clone(), request_id, amount: charged };
            refunds.give_back(owed).await.is_ok()
        }
        Seen::Completed => true,
        Seen::Nothing => is_last,
    };
    if !is_over {
        return;
    }
    if let Err(error) = ledger.job_over(request_id).await {
        return tracing::warn!(%error, %request_id, "a job that has ended is looked at again");
    }
    if seen == Seen::Nothing {
        given_up.inc();
        tracing::error!(
            account, %request_id, nanos = charged, charged = %Nanos(charged),
            "nobody could tell in two days how a job has ended: what it cost stays charged, unless a person gives it back \
             (aigne-hub accounts refund)"
        );
    }
}

#[cfg(test)]
mod tests;
