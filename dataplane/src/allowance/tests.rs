use std::sync::atomic::Ordering::Relaxed;

use aigne_hub_crds::config::{BillingMode, BudgetAction};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::testing::{Failure, Fake, START, budget, key, need, tenant};
use super::*;
use crate::ledger::leases::{FOREVER, Leases, Place};

/// A gateway process with one tenant.
struct Process {
    allowances: Allowances,
    holder: Uuid,
    task: JoinHandle<()>,
    caps: Caps,
    none: Caps,
}

impl Process {
    fn start(ledger: &Fake, number: u128, tenant: &config::Tenant) -> Self {
        let (allowances, leaser) = Allowances::new(Options::default());
        let holder = Uuid::from_u128(number);
        let task = tokio::spawn(leaser.run(ledger.clone(), holder));
        let caps = allowances.of_tenant(tenant);
        Self { allowances, holder, task, caps, none: Caps::default() }
    }

    async fn reserve(&self, need: &Need) -> Result<Reservation, Refused> {
        self.allowances.reserve([&self.caps, &self.none], need).await
    }

    /// A request that uses what it needs.
    async fn spend(&self, tokens: i64, money: i64) -> Result<(), Refused> {
        self.reserve(&need(tokens, money)).await.map(|mut reservation| reservation.settle(tokens, money))
    }

    fn count(&self, of: impl FnOnce(&Metrics) -> &std::sync::atomic::AtomicU64) -> u64 {
        of(self.allowances.metrics()).load(Relaxed)
    }
}

fn exhausted<T: std::fmt::Debug>(result: Result<T, Refused>) -> Exhausted {
    match result.unwrap_err() {
        Refused::Exhausted(exhausted) => *exhausted,
        Refused::Unavailable => panic!("there was no answer"),
    }
}

fn limited(requests: Option<u64>, tokens: Option<u64>, concurrent: Option<u64>) -> config::Tenant {
    let limits = config::Limits {
        requests_per_minute: requests,
        tokens_per_minute: tokens,
        concurrent_requests: concurrent,
    };
    config::Tenant { limits, ..tenant() }
}

fn budgeted(nanos: i64, action: BudgetAction) -> config::Tenant {
    config::Tenant { budgets: vec![budget(nanos, action)], ..tenant() }
}

fn on_credits() -> config::Tenant {
    let mut tenant = tenant();
    tenant.billing.mode = BillingMode::Credits;
    tenant
}

fn month() -> Place {
    let start = "2026-03-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    Place { allowance: "budget:team/acme/monthly".into(), window: start }
}

fn account() -> Place {
    Place { allowance: "account:acme-account".into(), window: FOREVER }
}

/// To the beginning of the next minute of the ledger's.
async fn next_minute() {
    sleep(Duration::from_mins(1)).await;
}

#[tokio::test(start_paused = true)]
async fn without_caps_nothing_is_reserved_and_the_ledger_only_hears_who_lives() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &tenant());
    let reservation = process.reserve(&need(100, 100)).await.unwrap();
    assert_eq!((reservation.money(), reservation.draws().len()), (None, 0));
    assert_eq!(reservation.quotas(), Quotas::default());
    sleep(Duration::from_mins(10)).await;
    assert_eq!(process.count(|metrics| &metrics.asks), 0);
    assert!((70..=90).contains(&process.count(|metrics| &metrics.exchanges)), "every 7.5 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_minute_has_so_many_requests_and_the_next_as_many_again() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(Some(5), None, None));
    for left in (0..5).rev() {
        let mut reservation = process.reserve(&need(1, 0)).await.unwrap();
        let quota = reservation.quotas().requests.unwrap();
        assert_eq!((quota.limit, quota.remaining), (5, left));
        assert!(quota.reset_ms <= 60_000);
        reservation.settle(1, 0);
    }
    let refused = exhausted(process.spend(1, 0).await);
    assert_eq!((refused.which, refused.of_key), (Which::Requests, false));
    assert_eq!((refused.cap, refused.spent, refused.held), (5, 5, 0));
    assert_eq!(refused.quotas.requests.unwrap().remaining, 0);
    let wait = refused.retry_after_ms.unwrap();
    let ends_in = 60_000 - u64::try_from(START % 60_000).unwrap();
    assert!(wait <= ends_in && wait > ends_in - 1000, "{wait}");
    sleep(Duration::from_millis(wait)).await;
    process.spend(1, 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_tighter_of_tenant_and_key_is_told() {
    let ledger = Fake::new();
    let tenant = limited(Some(100), Some(1000), None);
    let key = config::Key { limits: limited(Some(3), None, None).limits, ..key() };
    let process = Process::start(&ledger, 1, &tenant);
    let caps = process.allowances.of_key(&tenant, &key);
    let reserve = || async { process.allowances.reserve([&process.caps, &caps], &need(10, 0)).await };
    let quotas = reserve().await.unwrap().quotas();
    assert_eq!((quotas.requests.unwrap().limit, quotas.requests.unwrap().remaining), (3, 2));
    assert_eq!((quotas.tokens.unwrap().limit, quotas.tokens.unwrap().remaining), (1000, 990));
    for _ in 0..3 {
        reserve().await.unwrap().settle(10, 0);
    }
    let refused = exhausted(reserve().await);
    assert_eq!((refused.which, refused.of_key, refused.cap), (Which::Requests, true, 3));
}

#[tokio::test(start_paused = true)]
async fn it_is_all_or_nothing() {
    let ledger = Fake::new();
    let mut tenant = budgeted(100, BudgetAction::Block);
    tenant.limits.concurrent_requests = Some(1);
    let process = Process::start(&ledger, 1, &tenant);
    let refused = exhausted(process.spend(1, 101).await);
    assert_eq!(refused.which, Which::Budget { name: "monthly".into() });
    assert_eq!((refused.cap, refused.spent), (100, 0));
    let reservation = process.reserve(&need(1, 100)).await.unwrap();
    assert_eq!(reservation.money(), Some(100));
    let refused = exhausted(process.spend(1, 0).await);
    assert_eq!((refused.which, refused.held, refused.retry_after_ms), (Which::Concurrent, 1, Some(1000)));
    drop(reservation);
    process.spend(1, 100).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_one_does_not_use_others_get_within_a_second() {
    let ledger = Fake::new();
    let tenant = budgeted(1000, BudgetAction::Block);
    let (first, second) = (Process::start(&ledger, 1, &tenant), Process::start(&ledger, 2, &tenant));
    for _ in 0..20 {
        first.spend(1, 10).await.unwrap();
    }
    assert!(ledger.books(|books| books.taken(&month())) > 200, "more than it needs was granted ahead");
    let before = Instant::now();
    second.spend(1, 800).await.unwrap();
    assert!(before.elapsed() <= Duration::from_millis(1100), "{:?}", before.elapsed());
    let refused = exhausted(second.spend(1, 1).await);
    assert_eq!(refused.cap, 1000);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_give_back_is_refused_at_once() {
    let ledger = Fake::new();
    let tenant = budgeted(1000, BudgetAction::Block);
    let (first, second) = (Process::start(&ledger, 1, &tenant), Process::start(&ledger, 2, &tenant));
    let held = first.reserve(&need(1, 400)).await.unwrap();
    let before = Instant::now();
    exhausted(second.spend(1, 1001).await);
    assert!(before.elapsed() < Duration::from_millis(20));
    let refused = exhausted(second.spend(1, 700).await);
    assert!(before.elapsed() >= Duration::from_millis(1200), "what is held may come back");
    assert_eq!((refused.held, refused.retry_after_ms), (400, Some(1000)));
    drop(held);
    // The refusal speaks for others no longer.
    sleep(Duration::from_millis(50)).await;
    second.spend(1, 700).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_balance_that_cannot_pay_the_most_pays_what_it_can() {
    let ledger = Fake::new();
    ledger.books(|books| books.balances.insert(account().allowance, 1000));
    let process = Process::start(&ledger, 1, &on_credits());
    let needs = |money, least_money| Need { least_money, ..need(1, money) };
    let whole = process.reserve(&needs(900, 100)).await.unwrap();
    assert_eq!(whole.money(), Some(900));
    let part = process.reserve(&needs(900, 100)).await.unwrap();
    assert_eq!(part.money(), Some(100));
    assert_eq!(&*part.draws(), &[crate::ledger::leases::Draw { place: account(), reserved: true }]);
    let refused = exhausted(process.reserve(&needs(900, 100)).await);
    assert_eq!((refused.which, refused.cap, refused.held), (Which::Credits, 1000, 1000));
    drop((whole, part));
    process.reserve(&needs(900, 100)).await.unwrap().settle(1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_held_to_what_the_balance_can_pay() {
    let ledger = Fake::new();
    ledger.books(|books| books.balances.insert(account().allowance, 300));
    let mut tenant = on_credits();
    tenant.budgets.push(budget(1000, BudgetAction::Block));
    let process = Process::start(&ledger, 1, &tenant);
    let cut = process.reserve(&Need { least_money: 100, ..need(1, 900) }).await.unwrap();
    assert_eq!((cut.money(), cut.draws().len()), (Some(300), 2));
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(ledger.books(|books| books.taken(&month())), 300);
}

#[tokio::test(start_paused = true)]
async fn an_overdraft_may_be_spent() {
    let ledger = Fake::new();
    let mut tenant = on_credits();
    tenant.billing.overdraft = Some(rust_decimal::Decimal::new(50, 9));
    let process = Process::start(&ledger, 1, &tenant);
    let mut reservation = process.reserve(&need(1, 50)).await.unwrap();
    ledger.books(|books| books.enter(process.holder, &reservation.draws(), 50));
    reservation.settle(1, 50);
    assert_eq!(exhausted(process.spend(1, 1).await).retry_after_ms, None, "no time makes it more");
}

#[tokio::test(start_paused = true)]
async fn an_alerting_budget_is_counted_and_refuses_nothing() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &budgeted(10, BudgetAction::Alert));
    sleep(Duration::from_millis(300)).await;
    let reservation = process.reserve(&need(1, 1000)).await.unwrap();
    assert_eq!(reservation.money(), None);
    assert_eq!(&*reservation.draws(), &[crate::ledger::leases::Draw { place: month(), reserved: false }]);
}

#[tokio::test(start_paused = true)]
async fn tokens_beyond_the_estimate_are_a_debt_that_later_minutes_pay() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(None, Some(1000), None));
    let mut reservation = process.reserve(&need(100, 0)).await.unwrap();
    // More than two minutes' worth, after its own minute has ended.
    next_minute().await;
    reservation.settle(2_600, 0);
    // 2,500 beyond: two minutes are gone, and half of the third.
    for _ in 0..2 {
        exhausted(process.reserve(&need(100, 0)).await);
        next_minute().await;
    }
    process.reserve(&need(100, 0)).await.unwrap();
    let refused = exhausted(process.reserve(&need(600, 0)).await);
    assert_eq!(refused.which, Which::Tokens);
}

#[tokio::test(start_paused = true)]
async fn with_the_ledger_away_leases_last_and_then_the_policy_decides() {
    let ledger = Fake::new();
    let mut tenant = budgeted(1_000_000, BudgetAction::Block);
    tenant.limits.requests_per_minute = Some(1000);
    tenant.billing.mode = BillingMode::Credits;
    ledger.books(|books| books.balances.insert(account().allowance, 1_000_000));
    let process = Process::start(&ledger, 1, &tenant);
    let kept = process.reserve(&need(1, 1000)).await.unwrap();
    ledger.fail(Failure::Away);
    drop(kept);
    let from_lease = process.reserve(&need(1, 1000)).await.unwrap();
    assert_eq!(from_lease.money(), Some(1000));
    drop(from_lease);
    let before = Instant::now();
    assert_eq!(process.reserve(&need(1, 500_000)).await.unwrap_err(), Refused::Unavailable);
    assert!(
        (27..=30).contains(&before.elapsed().as_secs()),
        "as long as leases last: {:?}",
        before.elapsed()
    );
    let before = Instant::now();
    assert_eq!(process.reserve(&need(1, 500_000)).await.unwrap_err(), Refused::Unavailable);
    assert_eq!(before.elapsed().as_secs(), 3, "not again");
    let may_go_on = Need { ledger_unavailable: LedgerUnavailable::Allow, ..need(1, 500_000) };
    let before = Instant::now();
    let unreserved = process.reserve(&may_go_on).await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(1), "it is known to be away");
    assert_eq!(unreserved.money(), None);
    assert_eq!(&*unreserved.draws(), &[crate::ledger::leases::Draw { place: month(), reserved: false }]);
    ledger.fail(None);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(process.reserve(&may_go_on).await.unwrap().money(), Some(500_000));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_restarts_lets_requests_wait_and_refuses_none() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &on_credits());
    ledger.books(|books| books.balances.insert(account().allowance, 1_000_000));
    process.spend(1, 1000).await.unwrap();
    // What was left is given back, and nothing is here to go on with.
    sleep(Duration::from_secs(5)).await;
    ledger.fail(Failure::Away);
    let comes_back = async {
        sleep(Duration::from_secs(15)).await;
        ledger.fail(None);
    };
    let (spent, ()) = tokio::join!(process.spend(1, 500_000), comes_back);
    spent.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_begins_while_the_ledger_restarts_refuses_none() {
    let ledger = Fake::new();
    ledger.fail(Failure::Away);
    ledger.books(|books| books.balances.insert(account().allowance, 1_000));
    let process = Process::start(&ledger, 1, &on_credits());
    let comes_back = async {
        sleep(Duration::from_secs(20)).await;
        ledger.fail(None);
    };
    let (spent, ()) = tokio::join!(process.spend(1, 1_000), comes_back);
    spent.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_spent_after_its_time() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(None, None, Some(10)));
    let held = process.reserve(&need(1, 0)).await.unwrap();
    ledger.fail(Failure::Away);
    sleep(Duration::from_secs(31)).await;
    drop(held);
    assert_eq!(process.reserve(&need(1, 0)).await.unwrap_err(), Refused::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_closed_is_void_and_begins_anew() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &budgeted(1000, BudgetAction::Block));
    process.spend(1, 300).await.unwrap();
    let old = process.reserve(&need(1, 100)).await.unwrap();
    ledger.fail(Failure::Away);
    sleep(Duration::from_mins(5)).await;
    ledger.books(|books| books.enter(process.holder, &old.draws(), 300));
    ledger.tidy(Duration::from_mins(2)).await.unwrap();
    ledger.fail(None);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(process.count(|metrics| &metrics.voided), 1);
    drop(old);
    process.spend(1, 700).await.unwrap();
    exhausted(process.spend(1, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_busy_process_writes_about_once_a_second() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &budgeted(1_000_000_000_000, BudgetAction::Block));
    for _ in 0..20_000 {
        process.spend(1, 1000).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    let asks = process.count(|metrics| &metrics.asks);
    assert!(asks <= 40, "{asks} asks in twenty seconds");
    let waits = process.count(|metrics| &metrics.waits);
    assert!(waits <= 20, "{waits} of 20,000 requests waited");
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_for_what_is_gone_cost_few_exchanges() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &budgeted(1000, BudgetAction::Block));
    process.spend(1, 950).await.unwrap();
    let before = process.count(|metrics| &metrics.exchanges);
    let needs = need(1, 10);
    let all = futures::future::join_all((0..200).map(|_| process.reserve(&needs))).await;
    assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 5);
    let exchanges = process.count(|metrics| &metrics.exchanges) - before;
    assert!(exchanges <= 5, "{exchanges}");
    for _ in 0..1000 {
        exhausted(process.reserve(&needs).await);
    }
    let exchanges = process.count(|metrics| &metrics.exchanges) - before;
    assert!(exchanges <= 50, "{exchanges}");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_waiting_takes_nothing_along() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &budgeted(100, BudgetAction::Block));
    for _ in 0..20 {
        let needs = need(1, 100);
        let waits = process.reserve(&needs);
        let _ = tokio::time::timeout(Duration::from_micros(1500), waits).await;
    }
    sleep(Duration::from_secs(1)).await;
    process.spend(1, 100).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_without_anybody_hearing_it_goes_back() {
    let ledger = Fake::new();
    let tenant = budgeted(100, BudgetAction::Block);
    let (first, second) = (Process::start(&ledger, 1, &tenant), Process::start(&ledger, 2, &tenant));
    sleep(Duration::from_millis(50)).await;
    ledger.fail(Failure::AnswersAreLost);
    let needs = need(1, 100);
    tokio::time::timeout(Duration::from_millis(100), first.reserve(&needs)).await.unwrap_err();
    assert_eq!(ledger.books(|books| books.taken(&month())), 100);
    ledger.fail(None);
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(ledger.books(|books| books.taken(&month())), 0);
    second.spend(1, 100).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_outlive_its_window() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(Some(1), None, None));
    process.spend(1, 0).await.unwrap();
    let ends_in = 60_000 - u64::try_from(START % 60_000).unwrap();
    let last =
        Duration::from_millis(ends_in - 20).saturating_sub(process.allowances.shared.instant(0).elapsed());
    sleep(last).await;
    exhausted(process.spend(1, 0).await);
    sleep(Duration::from_millis(30)).await;
    process.spend(1, 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rates_and_requests_under_way_are_never_overrun_together() {
    let ledger = Fake::new();
    let tenant = limited(Some(300), None, Some(20));
    let processes: Vec<_> = (1..=4).map(|number| Process::start(&ledger, number, &tenant)).collect();
    sleep(Duration::from_millis(50)).await;
    let (under_way, most) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let client = |index: usize| {
        let (process, under_way, most) = (&processes[index % 4], &under_way, &most);
        async move {
            let mut served = 0;
            for _ in 0..10 {
                if let Ok(mut reservation) = process.reserve(&need(1, 0)).await {
                    under_way.set(under_way.get() + 1);
                    most.set(most.get().max(under_way.get()));
                    sleep(Duration::from_millis(100)).await;
                    under_way.set(under_way.get() - 1);
                    reservation.settle(1, 0);
                    served += 1;
                }
                sleep(Duration::from_millis(10)).await;
            }
            served
        }
    };
    let served = futures::future::join_all((0..60).map(client)).await;
    assert!(most.get() <= 20, "{}", most.get());
    assert!(most.get() >= 18, "what is there is used: {}", most.get());
    assert_eq!(served.iter().sum::<i32>(), 300);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_forgotten_and_goes_on_where_it_was() {
    let ledger = Fake::new();
    let tenant = budgeted(1000, BudgetAction::Block);
    let mut process = Process::start(&ledger, 1, &tenant);
    for _ in 0..10 {
        process.spend(1, 50).await.unwrap();
    }
    process.caps = Caps::default();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(process.allowances.metrics().tracked.load(Relaxed), 0);
    assert!(process.allowances.shared.registry.is_empty());
    process.caps = process.allowances.of_tenant(&tenant);
    for _ in 0..10 {
        process.spend(1, 50).await.unwrap();
    }
    exhausted(process.spend(1, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_changed_cap_counts_at_once() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(Some(2), None, None));
    for _ in 0..2 {
        process.spend(1, 0).await.unwrap();
    }
    exhausted(process.spend(1, 0).await);
    let raised = process.allowances.of_tenant(&limited(Some(3), None, None));
    sleep(Duration::from_millis(100)).await;
    process.allowances.reserve([&raised, &process.none], &need(1, 0)).await.unwrap().settle(1, 0);
    exhausted(process.spend(1, 0).await);
}

#[tokio::test(start_paused = true)]
async fn at_its_end_a_process_tells_what_it_spent_and_gives_the_rest_back() {
    let ledger = Fake::new();
    let tenant = limited(Some(1000), None, Some(10));
    let process = Process::start(&ledger, 1, &tenant);
    for _ in 0..7 {
        process.spend(1, 0).await.unwrap();
    }
    process.allowances.close();
    process.task.await.unwrap();
    let (_, leased) = ledger.books(|books| {
        let pages = books.pages.iter();
        let sums =
            pages.map(|(_, page)| page.held.values().map(|held| (held.spent, held.granted - held.returned)));
        sums.flatten().fold((0, 0), |sum, held| (sum.0 + held.0, sum.1 + held.1))
    });
    assert_eq!(leased, 7, "what was spent of the rate; nothing is held");
    let process = Process::start(&ledger, 2, &tenant);
    assert_eq!(process.reserve(&need(1, 0)).await.unwrap().quotas().requests.unwrap().remaining, 992);
}

#[tokio::test(start_paused = true)]
async fn after_its_end_nobody_waits() {
    let ledger = Fake::new();
    let process = Process::start(&ledger, 1, &limited(Some(1000), None, None));
    process.allowances.close();
    sleep(Duration::from_millis(10)).await;
    let before = Instant::now();
    assert_eq!(process.spend(1, 0).await.unwrap_err(), Refused::Unavailable);
    assert_eq!(before.elapsed(), Duration::ZERO);
}
