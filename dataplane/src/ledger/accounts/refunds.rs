//! Ends of jobs: gives back what was paid for and never came (videos that failed), and lets go of the rest. Any gateway may
//! see an end, any number of times; the ledger enters each refund once, as its reference is the request's that paid.

use std::collections::BTreeSet;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Accounts, Done, Kind, PRIORITY, Posting, Wish, reference};
use crate::clock::Clock;
use crate::ledger::jobs::Jobs;
use crate::ledger::store::StoreError;

/// As many may wait.
const WAITING: usize = 1_024;
/// As many that have ended are remembered, to spare the ledger.
const REMEMBERED: usize = 4_096;
/// How long somebody waits for the ledger.
const WITHIN: Duration = Duration::from_secs(5);

/// What is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which account paid.
    pub account: String,
    /// The request that paid.
    pub request_id: Uuid,
    /// Nano-dollars, more than 0.
    pub amount: i64,
}

/// How a job that was paid for has ended, and who is told once the ledger knows.
#[derive(Debug)]
pub enum Ended {
    /// There will be nothing: what was paid is given back.
    Failed(Owed, oneshot::Sender<()>),
    /// There is nothing to give back, and no need to look at it any more.
    Otherwise(Uuid),
}

/// It could not be entered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it could not be given back")]
pub struct NotNow;

/// Asks for it. Clones share it.
#[derive(Clone, Debug)]
pub struct Refunds(mpsc::Sender<Ended>);

/// Does it, beside the ledger.
#[derive(Debug)]
pub struct Refunder(mpsc::Receiver<Ended>);

/// The half that asks; the other works beside it, until the tasks end. `given` counts what is given back.
pub fn start(tasks: &mut JoinSet<()>, ledger: impl Accounts + Jobs, clock: Clock, given: Counter) -> Refunds {
    let (refunds, refunder) = Refunds::new();
    tasks.spawn(refunder.run(ledger, clock, given));
    refunds
}

impl Refunds {
    /// Both halves.
    pub fn new() -> (Self, Refunder) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Refunder(receiver))
    }

    /// Returns once it is in the ledger, now or from before. Whoever is told [`NotNow`] asks again later.
    pub async fn give_back(&self, owed: Owed) -> Result<(), NotNow> {
        let (told, done) = oneshot::channel();
        self.0.try_send(Ended::Failed(owed, told)).map_err(|_| NotNow)?;
        match tokio::time::timeout(WITHIN, done).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(NotNow),
        }
    }

    /// The job of this request needs no more looks. Where that cannot be said now, whoever looks finds it out.
    pub fn let_go(&self, request_id: Uuid) {
        let _ = self.0.try_send(Ended::Otherwise(request_id));
    }
}

impl Refunder {
    /// Works for as long as anybody can ask.
    pub async fn run(mut self, ledger: impl Accounts + Jobs, clock: Clock, given: Counter) {
        let mut over = BTreeSet::new();
        while let Some(ended) = self.next().await {
            let request_id = match &ended {
                Ended::Failed(owed, _) => owed.request_id,
                Ended::Otherwise(request_id) => *request_id,
            };
            if !over.contains(&request_id) {
                if let Ended::Failed(owed, _) = &ended {
                    match enter(&ledger, owed, clock.now_ms()).await {
                        Ok(done) => given.inc_by(u64::from(done == Done::Entered)),
                        Err(error) => {
                            tracing::error!(%error, %request_id, "a failed job cannot be given back yet");
                            continue;
                        }
                    };
                }
                // After the money: whoever is killed in between looks again, and finds it given back.
                if let Err(error) = ledger.job_over(request_id).await {
                    tracing::warn!(%error, %request_id, "a job that has ended is looked at again");
                } else if over.len() >= REMEMBERED {
                    over.clear();
                } else {
                    over.insert(request_id);
                }
            }
            if let Ended::Failed(_, told) = ended {
                let _ = told.send(());
            }
        }
    }

    /// The next that has ended.
    pub(crate) async fn next(&mut self) -> Option<Ended> {
        self.0.recv().await
    }
}

/// One of them.
pub(crate) async fn enter(ledger: &impl Accounts, owed: &Owed, now: i64) -> Result<Done, StoreError> {
    let Owed { account, request_id, amount } = owed;
    let wish = Wish::Post(Posting {
        kind: Kind::Refund,
        reference: reference(Kind::Refund, &format!("video/{request_id}")),
        amount: *amount,
        expires_at: None,
        priority: PRIORITY,
        note: Some("the video failed".to_owned()),
    });
    let done = ledger.fulfil(account, &wish, now).await?;
    match done {
        Done::Entered => tracing::info!(account, %request_id, nanos = amount, "a failed job was given back"),
        Done::Closed => {
            tracing::warn!(account, %request_id, "the account is closed: nothing is given back to it");
        }
        Done::Already(_) | Done::Expired => {}
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::Sqlite;

    #[tokio::test]
    async fn whoever_asks_again_learns_that_it_was_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Sqlite::open(&folder.path().join("ledger.db")).await.unwrap();
        let owed = Owed { account: "a".into(), request_id: Uuid::from_u128(1), amount: 130 };
        let given = Counter::default();
        // Nothing of what another process has given back is remembered here.
        for _ in 0..2 {
            let mut tasks = JoinSet::new();
            let refunds = start(&mut tasks, ledger.clone(), Clock::default(), given.clone());
            for _ in 0..2 {
                assert_eq!(refunds.give_back(owed.clone()).await, Ok(()));
            }
        }
        assert_eq!(ledger.accounts(Some("a")).await.unwrap()[0].balance, 130);
        assert_eq!(given.get(), 1);
    }

    #[tokio::test]
    async fn with_nobody_to_do_it_it_is_not_done() {
        let (refunds, refunder) = Refunds::new();
        drop(refunder);
        let owed = Owed { account: "a".into(), request_id: Uuid::from_u128(1), amount: 130 };
        assert_eq!(refunds.give_back(owed).await, Err(NotNow));
    }
}
