//! What admission costs, as figures to read:
//! `cargo test --release -p aigne-hub --lib figures_of_admission -- --ignored --nocapture`

use std::time::{Duration, Instant};

use aigne_hub_crds::config::{BillingMode, BudgetAction};
use uuid::Uuid;

use super::testing::{Fake, budget, need, tenant};
use super::{Allowances, Caps, Options, config};
use crate::ledger::figures::cpu_of_this_thread;

const REQUESTS: u32 = 500_000;

/// Reserves and settles as a core does, while the leaser and its ledger run on another thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "prints figures"]
async fn figures_of_admission() {
    let credits = config::Billing { mode: BillingMode::Credits, ..tenant().billing };
    let limits = config::Limits {
        requests_per_minute: Some(1_000_000_000),
        tokens_per_minute: Some(1_000_000_000_000),
        concurrent_requests: Some(1_000_000),
    };
    let balance = config::Tenant { billing: credits, ..tenant() };
    let budgets = vec![budget(i64::MAX / 2, BudgetAction::Block)];
    let both = config::Tenant { budgets, ..balance.clone() };
    let all = config::Tenant { limits, ..both.clone() };
    for (what, tenant) in [("a balance", balance), ("a balance and a budget", both), ("all five caps", all)] {
        let ledger = Fake::new();
        ledger.books(|books| books.balances.insert("account:acme-account".into(), i64::MAX / 2));
        let (allowances, leaser) = Allowances::new(Options::default());
        tokio::spawn(leaser.run(ledger, Uuid::from_u128(1)));
        let (caps, none) = (allowances.of_tenant(&tenant), Caps::default());
        let mut took = Vec::with_capacity(REQUESTS as usize);
        let before = cpu_of_this_thread();
        for _ in 0..REQUESTS {
            let began = Instant::now();
            let mut reservation = allowances.reserve([&caps, &none], &need(100, 1_000)).await.unwrap();
            took.push(began.elapsed());
            reservation.settle(60, 600);
        }
        let spent = cpu_of_this_thread().saturating_sub(before) / REQUESTS;
        took.sort_unstable();
        let at = |permille: usize| took[(took.len() - 1) * permille / 1_000];
        println!(
            "{what}: {spent:?} of CPU a request; reserved within {:?} (p50), {:?} (p99), {:?} (p99.9)",
            at(500),
            at(990),
            at(999)
        );
        assert!(at(1_000) < Duration::from_secs(3), "the ledger was waited for");
    }
}
