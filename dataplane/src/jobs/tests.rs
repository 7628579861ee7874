//! With an SQLite ledger, a core that is played here, and times that are said.

use std::sync::{Arc, Mutex};

use uuid::Uuid;

use super::*;
use crate::ledger::sqlite::Sqlite;
use crate::ledger::store::Store as _;
use crate::ledger::testing::{AT, HOLDER, intent, outcome};
use crate::ledger::{Charge, Intent, Outcome, Row};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const PRICE: i64 = 800_000_000;

/// A ledger, and a core that sees what it is told to see.
struct Bench {
    ledger: Sqlite,
    looker: Looker,
    refunds: Refunds,
    seen: Arc<Mutex<Seen>>,
    /// Ids that the core was to look at.
    asked: Arc<Mutex<Vec<String>>>,
    given_back: Counter,
    given_up: Counter,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Sqlite::open(&folder.path().join("ledger.db")).await.unwrap();
        let (mut tasks, given_back) = (JoinSet::new(), Counter::default());
        let refunds = refunds::start(&mut tasks, ledger.clone(), Clock::default(), given_back.clone());
        let (looker, looks) = channel();
        let seen = Arc::new(Mutex::new(Seen::Nothing));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shown, hears) = (Arc::clone(&seen), Arc::clone(&asked));
        tasks.spawn(async move {
            while let Some(Look { id, told }) = looks.next().await {
                hears.lock().unwrap().push(id);
                let seen = *shown.lock().unwrap();
                told.send(seen).unwrap();
            }
        });
        Self {
            ledger,
            looker,
            refunds,
            seen,
            asked,
            given_back,
            given_up: Counter::default(),
            _tasks: tasks,
            _folder: folder,
        }
    }

    /// A job that was made at `AT` and charged for.
    async fn made(&self, number: u128) {
        let row = Row {
            intent: Intent { account: "acme".into(), ..intent(number, 1) },
            outcome: Outcome {
                job: Some(format!("video_{number}").into()),
                charge: Charge { cost: Nanos(1), price: Nanos(PRICE) },
                ..outcome(number, 1)
            },
        };
        self.ledger.insert(HOLDER, &[row]).await.unwrap();
    }

    /// What was looked at when it is so long after `AT`.
    async fn pass(&self, after: i64) -> Vec<String> {
        pass(&self.ledger, &self.looker, &self.refunds, AT + after, &self.given_up).await.unwrap();
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    async fn balance(&self) -> i64 {
        self.ledger.accounts(Some("acme")).await.unwrap()[0].balance
    }

    fn see(&self, seen: Seen) {
        *self.seen.lock().unwrap() = seen;
    }

    /// Everything that was said to the ledger before is in it.
    async fn settled(&self) {
        let owed = Owed { account: "other".into(), request_id: Uuid::from_u128(u128::MAX), amount: 1 };
        self.refunds.give_back(owed).await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_job_that_nobody_polls_is_given_back_once() {
    let bench = Bench::new().await;
    bench.made(1).await;
    assert_eq!(bench.pass(5 * MINUTE - 1).await, [""; 0], "its client may see to it");
    assert_eq!(bench.pass(5 * MINUTE).await, ["video_1"]);
    assert_eq!(bench.balance().await, -PRICE);
    bench.see(Seen::Failed);
    assert_eq!(bench.pass(6 * MINUTE).await, ["video_1"]);
    assert_eq!((bench.balance().await, bench.given_back.get()), (0, 1));
    for hours in 1..60 {
        assert_eq!(bench.pass(hours * HOUR).await, [""; 0]);
    }
    // A journal that is replayed brings neither the charge nor the job again.
    bench.made(1).await;
    assert_eq!((bench.pass(60 * HOUR).await, bench.balance().await), (Vec::new(), 0));
    assert_eq!(bench.given_up.get(), 0);
}

#[tokio::test]
async fn looks_come_ever_more_rarely() {
    let bench = Bench::new().await;
    bench.made(1).await;
    let mut looked = Vec::new();
    for minute in 0..250 {
        if !bench.pass(minute * MINUTE).await.is_empty() {
            looked.push(minute);
        }
    }
    assert_eq!(looked, [5, 6, 8, 13, 28, 88, 148, 208]);
}

#[tokio::test]
async fn a_job_that_completed_stays_charged_and_is_let_go() {
    let bench = Bench::new().await;
    bench.made(1).await;
    bench.see(Seen::Completed);
    assert_eq!(bench.pass(5 * MINUTE).await.len(), 1);
    bench.settled().await;
    assert_eq!(bench.pass(60 * HOUR).await, [""; 0]);
    assert_eq!((bench.balance().await, bench.given_up.get()), (-PRICE, 0));
}

#[tokio::test]
async fn an_end_that_a_client_has_seen_needs_no_look() {
    let bench = Bench::new().await;
    bench.made(1).await;
    bench.made(2).await;
    let owed = Owed { account: "acme".into(), request_id: Uuid::from_u128(1), amount: PRICE };
    bench.refunds.let_go(Uuid::from_u128(2));
    bench.refunds.give_back(owed).await.unwrap();
    assert_eq!(bench.pass(60 * HOUR).await, [""; 0]);
    assert_eq!(bench.balance().await, -PRICE);
}

/// A client is quicker than the writer that brings the charge, and with it the job.
#[tokio::test]
async fn an_end_that_was_seen_before_the_job_came_is_seen_again() {
    let bench = Bench::new().await;
    let owed = Owed { account: "acme".into(), request_id: Uuid::from_u128(1), amount: PRICE };
    bench.refunds.give_back(owed).await.unwrap();
    bench.refunds.let_go(Uuid::from_u128(2));
    bench.settled().await;
    bench.made(1).await;
    bench.see(Seen::Failed);
    assert_eq!(bench.pass(5 * MINUTE).await, ["video_1"]);
    bench.made(2).await;
    bench.see(Seen::Completed);
    assert_eq!(bench.pass(5 * MINUTE).await, ["video_2"]);
    assert_eq!((bench.pass(60 * HOUR).await, bench.balance().await), (Vec::new(), -PRICE));
}

#[tokio::test]
async fn what_nobody_can_tell_in_two_days_is_given_up() {
    let bench = Bench::new().await;
    bench.made(1).await;
    for hours in 1..48 {
        bench.pass(hours * HOUR).await;
    }
    assert_eq!(bench.given_up.get(), 0);
    assert_eq!(bench.pass(49 * HOUR).await, ["video_1"]);
    bench.settled().await;
    assert_eq!((bench.pass(60 * HOUR).await, bench.given_up.get()), (Vec::new(), 1));
    assert_eq!(bench.balance().await, -PRICE);
}

#[tokio::test]
async fn more_than_are_taken_at_once_are_all_looked_at() {
    let bench = Bench::new().await;
    for number in 1..=u128::from(2 * TAKEN) {
        bench.made(number).await;
    }
    bench.see(Seen::Failed);
    assert_eq!(bench.pass(HOUR).await.len(), 2 * TAKEN as usize);
    assert_eq!((bench.balance().await, bench.given_back.get()), (0, u64::from(2 * TAKEN)));
}

#[tokio::test(start_paused = true)]
async fn with_no_core_to_look_nothing_is_seen() {
    let (looker, looks) = channel();
    drop(looks);
    assert_eq!(looker.look("video_1".to_owned()).await, Seen::Nothing);
    // A core that does not answer is not waited for.
    let (looker, _looks) = channel();
    assert_eq!(looker.look("video_1".to_owned()).await, Seen::Nothing);
}
