//! What every store does with accounts.

use std::collections::{BTreeMap, BTreeSet};

use super::{all_rows, various};
use crate::ledger::accounts::{
    Account, Accounts, Credit, Done, Kind, PRIORITY, Posting, Statement, Wish, refunds,
};
use crate::ledger::store::{Report, Store};
use crate::ledger::testing::{AT, HOLDER, intent, outcome};
use crate::ledger::{Nanos, Row};

const DAY: i64 = 86_400_000;

pub(crate) fn posting(kind: Kind, reference: &str, amount: i64, expires_at: Option<i64>) -> Wish {
    of_priority(PRIORITY, kind, reference, amount, expires_at)
}

fn of_priority(priority: i64, kind: Kind, reference: &str, amount: i64, expires_at: Option<i64>) -> Wish {
    let reference = reference.to_owned();
    Wish::Post(Posting { kind, reference, amount, expires_at, priority, note: None })
}

/// A row of this account that costs this much.
pub(super) fn charged(number: u128, account: &str, price: i64) -> Row {
    let mut row = Row { intent: intent(number, 1), outcome: outcome(number, 1) };
    row.intent.account = account.into();
    row.outcome.charge.price = Nanos(price);
    row
}

pub(super) async fn account(store: &impl Accounts, name: &str) -> Account {
    store.accounts(Some(name)).await.unwrap().pop().unwrap()
}

/// Reference, what is left, whether it lapsed.
async fn left(store: &impl Accounts, name: &str) -> Vec<(String, i64, bool)> {
    let credits = store.credits(name).await.unwrap();
    credits.into_iter().map(|credit| (credit.reference, credit.remaining, credit.lapsed)).collect()
}

async fn always(store: &impl Accounts, name: &str) -> Statement {
    store.statement(name, 0, AT + 10_000 * DAY).await.unwrap()
}

pub(super) async fn adds_up(store: &impl Accounts) {
    assert_eq!(store.differences().await.unwrap(), []);
}

pub(crate) async fn usage_is_entered_with_its_row(store: &(impl Store + Report + Accounts)) {
    let rows = various(200);
    for batch in [&rows[..120], &rows[50..], &rows] {
        store.insert(HOLDER, batch).await.unwrap();
    }
    let (mut price, mut suspense) = (0, 0);
    for row in all_rows(store).await {
        *(if row.source == "Bound" { &mut suspense } else { &mut price }) += row.price_nanos;
    }
    assert!(price > 0 && suspense > 0);
    let expected = Account {
        account: "acme-account".into(),
        balance: -price,
        closed_at: None,
        suspense,
        leased: 0,
        frozen: suspense,
    };
    assert_eq!(store.accounts(None).await.unwrap(), [expected]);
    assert_eq!(always(store, "acme-account").await.closing(), i128::from(-price));
    // What is free is no entry.
    store.insert(HOLDER, &[charged(9_000, "free", 0)]).await.unwrap();
    assert_eq!(store.accounts(Some("free")).await.unwrap(), []);
    adds_up(store).await;
}

pub(crate) async fn what_is_given_is_given_once(store: &(impl Store + Accounts)) {
    let grant = posting(Kind::Grant, "grant/launch", 500, None);
    assert_eq!(store.fulfil("a", &grant, AT).await.unwrap(), Done::Entered);
    let other = posting(Kind::Grant, "grant/launch", 900, None);
    for wish in [&grant, &other] {
        assert_eq!(store.fulfil("a", wish, AT + 1).await.unwrap(), Done::Already(500));
    }
    let lapsed = posting(Kind::Grant, "grant/late", 900, Some(AT));
    assert_eq!(store.fulfil("a", &lapsed, AT).await.unwrap(), Done::Expired);
    assert_eq!(store.fulfil("b", &grant, AT).await.unwrap(), Done::Entered);
    assert_eq!((account(store, "a").await.balance, account(store, "b").await.balance), (500, 500));
    adds_up(store).await;
}

pub(crate) async fn a_job_that_failed_is_given_back_once(store: &(impl Store + Accounts)) {
    let owed = |number| refunds::Owed {
        account: "a".into(),
        request_id: uuid::Uuid::from_u128(number),
        amount: 130,
    };
    store.fulfil("a", &posting(Kind::TopUp, "topup/1", 500, None), AT).await.unwrap();
    store.insert(HOLDER, &[charged(1, "a", 130)]).await.unwrap();
    assert_eq!(refunds::enter(store, &owed(1), AT + 1).await.unwrap(), Done::Entered);
    // Another gateway has seen it too, and the row comes again.
    assert_eq!(refunds::enter(store, &owed(1), AT + 2).await.unwrap(), Done::Already(130));
    store.insert(HOLDER, &[charged(1, "a", 130)]).await.unwrap();
    assert_eq!(account(store, "a").await.balance, 500);
    adds_up(store).await;
    // It is known to have failed before its charge has come out of its gateway's journal.
    assert_eq!(refunds::enter(store, &owed(2), AT + 3).await.unwrap(), Done::Entered);
    store.insert(HOLDER, &[charged(2, "a", 130)]).await.unwrap();
    assert_eq!(refunds::enter(store, &owed(2), AT + 4).await.unwrap(), Done::Already(130));
    assert_eq!(account(store, "a").await.balance, 500);
    let statement = always(store, "a").await;
    assert_eq!(statement.lines.iter().filter(|line| line.kind == "Refund").count(), 2);
    adds_up(store).await;
}

pub(crate) async fn what_expires_soonest_is_spent_first_and_the_rest_of_it_lapses(
    store: &(impl Store + Accounts),
) {
    for (reference, amount, expires) in
        [("stays", 100, None), ("late", 100, Some(AT + 2 * DAY)), ("soon", 100, Some(AT + DAY))]
    {
        store.fulfil("a", &posting(Kind::Grant, reference, amount, expires), AT).await.unwrap();
    }
    store.insert(HOLDER, &[charged(1, "a", 30), charged(2, "a", 40)]).await.unwrap();
    assert_eq!(store.due(AT + DAY - 1).await.unwrap(), [""; 0]);
    assert_eq!(store.due(AT + DAY).await.unwrap(), ["a"]);
    for _ in 0..2 {
        store.fulfil("a", &Wish::Lapse, AT + DAY).await.unwrap();
    }
    assert_eq!(store.due(AT + DAY).await.unwrap(), [""; 0]);
    let credit = |name: &str, left, lapsed| (name.to_owned(), left, lapsed);
    let expected = [credit("soon", 0, true), credit("late", 100, false), credit("stays", 100, false)];
    assert_eq!(left(store, "a").await, expected);
    assert_eq!(account(store, "a").await.balance, 200);
    // More than the next one has: nothing is left of it to lapse.
    store.insert(HOLDER, &[charged(3, "a", 150)]).await.unwrap();
    store.fulfil("a", &Wish::Lapse, AT + 5 * DAY).await.unwrap();
    assert_eq!(left(store, "a").await[1..], [credit("late", 0, true), credit("stays", 50, false)]);
    let expired: Vec<_> = always(store, "a").await.lines;
    let expired: Vec<_> = expired.iter().filter(|line| line.kind == "Expiry").collect();
    assert_eq!(expired.len(), 1);
    assert_eq!((expired[0].amount, expired[0].at), (-30, AT + DAY));
    assert_eq!(expired[0].reference.as_deref(), Some("expiry/soon"));
    adds_up(store).await;
}

pub(crate) async fn a_lower_priority_is_spent_before_what_expires_sooner(store: &(impl Store + Accounts)) {
    for (priority, reference, expires) in [
        (50, "soon", Some(AT + DAY)),
        (100, "last", None),
        (0, "first", None),
        (0, "before-that", Some(AT + 2 * DAY)),
    ] {
        let wish = of_priority(priority, Kind::Grant, reference, 100, expires);
        store.fulfil("a", &wish, AT).await.unwrap();
    }
    store.insert(HOLDER, &[charged(1, "a", 130)]).await.unwrap();
    store.fulfil("a", &Wish::Lapse, AT + DAY).await.unwrap();
    let credit = |name: &str, left, lapsed| (name.to_owned(), left, lapsed);
    let expected = [
        credit("before-that", 0, false),
        credit("first", 70, false),
        credit("soon", 0, true),
        credit("last", 100, false),
    ];
    assert_eq!(left(store, "a").await, expected, "what expires sooner has lapsed whole");
    assert_eq!(account(store, "a").await.balance, 170);
    adds_up(store).await;
}

pub(crate) async fn a_debt_is_paid_first(store: &(impl Store + Accounts)) {
    store.insert(HOLDER, &[charged(1, "a", 70)]).await.unwrap();
    store.fulfil("a", &posting(Kind::TopUp, "topup/1", 50, None), AT).await.unwrap();
    assert_eq!((account(store, "a").await.balance, left(store, "a").await[0].1), (-20, 0));
    store.fulfil("a", &posting(Kind::Refund, "refund/1", 30, Some(AT + DAY)), AT + 1).await.unwrap();
    assert_eq!((account(store, "a").await.balance, left(store, "a").await[0].1), (10, 10));
    store.fulfil("a", &posting(Kind::Correction, "correction/1", -4, None), AT + 2).await.unwrap();
    assert_eq!((account(store, "a").await.balance, left(store, "a").await[0].1), (6, 6));
    store.fulfil("a", &Wish::Lapse, AT + DAY).await.unwrap();
    assert_eq!(account(store, "a").await.balance, 0);
    adds_up(store).await;
}

pub(crate) async fn a_closed_account_takes_usage_alone(store: &(impl Store + Accounts)) {
    store.fulfil("a", &posting(Kind::TopUp, "topup/1", 50, None), AT).await.unwrap();
    store.insert(HOLDER, &[charged(1, "a", 20)]).await.unwrap();
    assert_eq!(store.fulfil("a", &Wish::Close, AT + 5).await.unwrap(), Done::Entered);
    let closed = account(store, "a").await;
    assert_eq!((closed.balance, closed.closed_at), (0, Some(AT + 5)));
    for wish in [Wish::Close, posting(Kind::Grant, "grant/x", 5, None)] {
        assert_eq!(store.fulfil("a", &wish, AT + 6).await.unwrap(), Done::Closed);
    }
    store.insert(HOLDER, &[charged(2, "a", 7)]).await.unwrap();
    assert_eq!(account(store, "a").await.balance, -7);
    adds_up(store).await;
}

pub(crate) async fn statements_add_up(store: &(impl Store + Accounts)) {
    store.insert(HOLDER, &various(200)).await.unwrap();
    for day in 0..3 {
        let top_up = posting(Kind::TopUp, &format!("topup/{day}"), 1_000 + day, None);
        store.fulfil("acme-account", &top_up, AT + day * DAY).await.unwrap();
    }
    let balance = i128::from(account(store, "acme-account").await.balance);
    let midnight = AT - AT % DAY;
    let mut closing = 0;
    let (mut top_ups, mut used) = (0, 0);
    for day in 0..10 {
        let since = midnight + day * DAY;
        let statement = store.statement("acme-account", since, since + DAY).await.unwrap();
        assert_eq!(i128::from(statement.opening), closing, "each begins where the last one ended");
        assert!(statement.lines.iter().all(|line| (since..since + DAY).contains(&line.at)));
        closing = statement.closing();
        top_ups += statement.lines.iter().filter(|line| line.kind == "TopUp").count();
        used +=
            statement.lines.iter().filter(|line| line.kind == "Usage").map(|line| line.entries).sum::<i64>();
    }
    assert_eq!((closing, top_ups), (balance, 3));
    let charged = various(200).iter().filter(|row| row.duration_ms().is_some()).count();
    assert_eq!(usize::try_from(used).unwrap(), charged);
    assert_eq!(store.statement("nobody", 0, AT).await.unwrap(), Statement::default());
}

/// What an account should be, with each charge taken from the credits at once.
#[derive(Default)]
struct Model {
    balance: i64,
    credits: Vec<Credit>,
    references: BTreeSet<String>,
}

impl Model {
    fn spend(&mut self, mut amount: i64) {
        self.balance -= amount;
        self.credits
            .sort_by_key(|credit| (credit.priority, credit.expires_at.unwrap_or(i64::MAX), credit.given_at));
        for credit in &mut self.credits {
            let taken = credit.remaining.min(amount);
            credit.remaining -= taken;
            amount -= taken;
        }
    }

    fn give(&mut self, reference: &str, amount: i64, expires_at: Option<i64>, priority: i64, now: i64) {
        if !self.references.insert(reference.to_owned()) {
            return;
        }
        self.balance += amount;
        let remaining = amount.min(self.balance).max(0);
        let (reference, lapsed) = (reference.to_owned(), false);
        let given_at = now;
        self.credits.push(Credit { reference, amount, remaining, given_at, expires_at, priority, lapsed });
    }

    fn lapse(&mut self, now: i64) {
        for credit in &mut self.credits {
            if credit.expires_at.is_some_and(|expires| expires <= now) {
                self.balance -= std::mem::take(&mut credit.remaining);
            }
        }
    }
}

pub(crate) async fn books_balance_whatever_happens_in_whatever_order(
    store: &(impl Store + Report + Accounts),
) {
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let names = ["a", "b", "c"];
    let mut models = BTreeMap::<&str, Model>::new();
    let mut rows = Vec::<Row>::new();
    let mut now = AT;
    for step in 0..240_u64 {
        now += i64::try_from(1 + random(3_600_000)).unwrap();
        let name = names[usize::try_from(random(3)).unwrap()];
        let model = models.entry(name).or_default();
        match random(4) {
            // New rows of anybody, and some that were there.
            0 | 1 => {
                let mut batch = Vec::new();
                for _ in 0..random(6) {
                    let name = names[usize::try_from(random(3)).unwrap()];
                    let price = i64::try_from(random(400)).unwrap();
                    let mut new = charged(rows.len() as u128 + 1, name, price);
                    new.intent.at = now;
                    models.entry(name).or_default().spend(price);
                    rows.push(new.clone());
                    batch.push(new);
                }
                for _ in 0..random(4).min(rows.len() as u64) {
                    batch.push(rows[usize::try_from(random(rows.len() as u64)).unwrap()].clone());
                }
                store.insert(HOLDER, &batch).await.unwrap();
            }
            // One of few names, so that many come again.
            2 => {
                let reference = format!("grant/{}", random(step + 1));
                let amount = i64::try_from(1 + random(1_500)).unwrap();
                let expires =
                    (random(2) == 0).then(|| now + i64::try_from(1 + random(50) * 3_600_000).unwrap());
                // Whoever posts lets lapse first, unless it was there already.
                if !model.references.contains(&reference) {
                    model.lapse(now);
                }
                let priority = i64::try_from(random(3) * 50).unwrap();
                model.give(&reference, amount, expires, priority, now);
                let wish = of_priority(priority, Kind::Grant, &reference, amount, expires);
                store.fulfil(name, &wish, now).await.unwrap();
            }
            _ => {
                model.lapse(now);
                store.fulfil(name, &Wish::Lapse, now).await.unwrap();
            }
        }
    }
    now += 1;
    for (name, model) in &mut models {
        model.lapse(now);
        store.fulfil(name, &Wish::Lapse, now).await.unwrap();
        assert_eq!(account(store, name).await.balance, model.balance);
        let key = |credit: &Credit| (credit.reference.clone(), credit.amount, credit.remaining);
        let mut expected: Vec<_> = model.credits.iter().map(key).collect();
        let mut found: Vec<_> = store.credits(name).await.unwrap().iter().map(key).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(always(store, name).await.closing(), i128::from(model.balance));
    }
    adds_up(store).await;
    assert_eq!(all_rows(store).await.len(), rows.len());
}
