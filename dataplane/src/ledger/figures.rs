//! What the ledger costs, as figures to read:
//! `cargo test --release -p aigne-hub --lib figures -- --ignored --nocapture`

use std::path::Path;
use std::time::{Duration, Instant};

use aigne_hub_crds::config::{Amounts, PriceSheet, Rate};
use tempfile::TempDir;
use uuid::Uuid;

use super::Row;
use super::journal::{self, Journals};
use super::leases::{Ask, Cap, Class, FOREVER, Leases as _, Place};
use super::postgres::testing::Server;
use super::price::Rates;
use super::sqlite::{FILE, Sqlite};
use super::store::Store as _;
use super::testing::{HOLDER, intent, outcome};
use super::writer::{self, Writer};

const ATTEMPTS: u64 = 100_000;

/// User and system time of a thread.
fn cpu_of(task: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// User and system time of all threads of this process.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.filter_map(|entry| cpu_of(&entry.path())).sum()
}

/// User and system time of the calling thread.
pub(crate) fn cpu_of_this_thread() -> Duration {
    cpu_of("/proc/thread-self".as_ref()).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn show(what: &str, spent: Duration, count: u64) {
    println!("{what}: {:.0} ns", spent.as_nanos() as f64 / count as f64);
}

#[test]
#[ignore = "prints figures"]
fn figures_of_pricing() {
    let amounts = Amounts { input: "0.25".parse().ok(), output: "2".parse().ok(), ..Amounts::default() };
    let rate = Rate {
        model: "gpt-5-mini".into(),
        cost: amounts.clone(),
        price: amounts,
        tiers: Vec::new(),
        service_tiers: std::collections::BTreeMap::default(),
    };
    let sheet =
        PriceSheet { revision: "r".into(), source: "s".into(), effective_from: None, rates: vec![rate] };
    let rates = Rates::new(&[sheet]);
    let mut usage = outcome(1, 1).usage;
    let started = Instant::now();
    let mut sum = 0_i64;
    for number in 0..ATTEMPTS {
        usage.input = number;
        let rate = rates.pin(std::hint::black_box("gpt-5-mini"), 0).unwrap();
        sum = sum.wrapping_add(rate.charge(&usage, None).price.0);
    }
    show("pin and charge", started.elapsed(), std::hint::black_box(ATTEMPTS.max(sum.unsigned_abs() % 2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints figures"]
async fn figures_of_an_attempt() {
    let mut appending = Duration::ZERO;
    for (what, batch) in [("in one go", ATTEMPTS), ("in batches of 750", 750), ("in batches of 50", 50)] {
        let root = TempDir::new().unwrap();
        let options = journal::Options { ready_segments: 8, ..journal::Options::default() };
        let journals = Journals::create(&root.path().join("journal"), options).unwrap();
        let store = Sqlite::open(&root.path().join(FILE)).await.unwrap();
        let (writer, handle) = Writer::new(journals.clone(), store, writer::Options::default());
        let mut journal = journals.open(0).unwrap();
        tokio::spawn(writer.run());
        handle.flush().await;
        let attempts: Vec<_> = (1..=ATTEMPTS)
            .map(|number| {
                let id = Uuid::new_v7(uuid::Timestamp::from_unix(
                    uuid::NoContext,
                    1_772_600_767 + number / 1_000,
                    0,
                ));
                (intent(id.as_u128(), 1), outcome(id.as_u128(), 1))
            })
            .collect();
        let before = cpu();
        for batch in attempts.chunks(usize::try_from(batch).unwrap()) {
            let started = cpu_of_this_thread();
            for (intent, outcome) in batch {
                journal.intent(intent).unwrap();
                journal.outcome(outcome).unwrap();
            }
            // The kernel counts in ticks: only a long stretch can be measured.
            if batch.len() == attempts.len() {
                appending = cpu_of_this_thread().saturating_sub(started);
                show("append intent and outcome, CPU", appending, ATTEMPTS);
            }
            handle.flush().await;
        }
        let shipping = cpu().saturating_sub(before + appending);
        show(&format!("ship a row, {what}, CPU of all threads"), shipping, ATTEMPTS);
        assert_eq!(handle.metrics().rows.load(std::sync::atomic::Ordering::Relaxed), ATTEMPTS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints figures"]
async fn figures_of_postgres() {
    let store = Server::shared().database().store();
    let started_at = 1_772_600_767_008_u128;
    let rows: Vec<_> = (0..u128::from(ATTEMPTS))
        .map(|number| ((started_at + number) << 80) + number)
        .map(|id| Row { intent: intent(id, 1), outcome: outcome(id, 1) })
        .collect();
    store.insert(HOLDER, &rows[..1]).await.unwrap();
    for batch in [512, 64] {
        let rows = &rows[if batch == 512 { 1..50_001 } else { 50_001..60_001 }];
        let (started, before) = (Instant::now(), cpu());
        for batch in rows.chunks(batch) {
            store.insert(HOLDER, batch).await.unwrap();
        }
        let count = rows.len() as u64;
        show(&format!("a row into Postgres, in batches of {batch}, time"), started.elapsed(), count);
        show(
            &format!("a row into Postgres, in batches of {batch}, CPU here"),
            cpu().saturating_sub(before),
            count,
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints figures"]
async fn figures_of_exchanges() {
    let store = Server::shared().database().store();
    let ask = |number: u64, round: i64| Ask {
        place: Place { allowance: format!("budget:t/{number}").into(), window: FOREVER },
        cap: Cap::Fixed(i64::MAX),
        class: Class::Money,
        need: 1,
        least: 0,
        want: 1,
        granted: round,
        returned: round / 2,
        spent: 0,
    };
    for count in [1, 10, 300] {
        let rounds = if count == 300 { 30 } else { 300 };
        let started = Instant::now();
        for round in 0..rounds {
            let asks: Vec<_> = (0..count).map(|number| ask(number, round)).collect();
            store.exchange(HOLDER, Duration::from_mins(1), &asks).await.unwrap();
        }
        show(
            &format!("an exchange of {count} asks with Postgres, time"),
            started.elapsed(),
            rounds.unsigned_abs(),
        );
    }
}
