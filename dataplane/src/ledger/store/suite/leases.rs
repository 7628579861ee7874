//! What every store does with leases.

use std::time::Duration;

use uuid::Uuid;

use super::accounts::{account, adds_up, charged, posting};
use crate::ledger::Row;
use crate::ledger::accounts::{Accounts, Kind, Wish};
use crate::ledger::leases::{Answer, Ask, Cap, Class, Draw, Exchanged, FOREVER, Holding, Leases, Place};
use crate::ledger::store::{Report, Store};
use crate::ledger::testing::{AT, intent};

const A: Uuid = Uuid::from_u128(0xA);
const B: Uuid = Uuid::from_u128(0xB);
const C: Uuid = Uuid::from_u128(0xC);
const LONG: Duration = Duration::from_hours(1);
const DAY: i64 = 86_400_000;

fn place(allowance: &str) -> Place {
    Place { allowance: allowance.into(), window: FOREVER }
}

/// Of 100, as one who has nothing yet.
fn ask(need: i64, want: i64) -> Ask {
    Ask {
        place: place("budget:t/b"),
        cap: Cap::Fixed(100),
        class: Class::Money,
        need,
        least: 0,
        want,
        granted: 0,
        returned: 0,
        spent: 0,
    }
}

/// Of an account's balance.
fn credit(need: i64) -> Ask {
    Ask { place: place("account:a"), cap: Cap::Balance { overdraft: 0 }, ..ask(need, need) }
}

async fn one(store: &impl Leases, holder: Uuid, ask: Ask) -> Answer {
    exchange(store, holder, ask).await.answers[0]
}

async fn exchange(store: &impl Leases, holder: Uuid, ask: Ask) -> Exchanged {
    store.exchange(holder, LONG, &[ask]).await.unwrap()
}

/// A row that costs this much, drawn from these places.
fn drawn(number: u128, price: i64, places: &[(&str, bool)]) -> Row {
    let mut row = charged(number, "a", price);
    let draw = |(name, reserved): &(&str, bool)| Draw { place: place(name), reserved: *reserved };
    row.intent.draws = places.iter().map(draw).collect();
    row
}

/// A row whose outcome was never learned.
fn unknown(number: u128, price: i64, places: &[(&str, bool)]) -> Row {
    let mut intent = intent(number, 1);
    let known = drawn(number, price, places).intent;
    (intent.account, intent.draws) = (known.account, known.draws);
    intent.bound_charge.price.0 = price;
    Row::interrupted(intent)
}

fn answer(granted: i64, spent: i64, taken: i64, others: i64) -> Answer {
    Answer { granted, cap: 100, spent, taken, others }
}

pub(crate) async fn leases_never_exceed_their_cap(store: &impl Leases) {
    // More than it needs, but not more than half of what is free.
    assert_eq!(one(store, A, ask(10, 80)).await, answer(50, 0, 50, 0));
    // Another gets its share of half of the rest, and what it needs.
    assert_eq!(one(store, B, ask(5, 80)).await, answer(12, 0, 62, 50));
    assert_eq!(one(store, C, ask(38, 38)).await, answer(38, 0, 100, 62));
    // Nothing is left: the answer says why.
    let more = Ask { granted: 12, ..ask(1, 80) };
    assert_eq!(one(store, B, more).await, answer(12, 0, 100, 88));
    let other = Ask { place: Place { allowance: "budget:t/b".into(), window: 7 }, ..ask(60, 60) };
    assert_eq!(one(store, B, other).await.granted, 60, "another window is another place");
}

pub(crate) async fn an_answer_that_was_lost_is_told_again(store: &impl Leases) {
    assert_eq!(one(store, A, ask(10, 10)).await.granted, 10);
    assert_eq!(one(store, A, ask(10, 10)).await, answer(10, 0, 10, 0), "it is not granted twice");
    assert_eq!(one(store, A, ask(15, 15)).await.granted, 15, "only what is missing is added");
    assert_eq!(one(store, A, Ask { granted: 15, ..ask(5, 5) }).await.granted, 20);
}

pub(crate) async fn what_is_returned_can_be_granted_again(store: &impl Leases) {
    assert_eq!(one(store, A, ask(100, 100)).await.granted, 100);
    assert_eq!(one(store, B, ask(1, 1)).await, answer(0, 0, 100, 100));
    let returned = Ask { granted: 100, returned: 70, ..ask(0, 0) };
    for _ in 0..2 {
        assert_eq!(one(store, A, returned.clone()).await, answer(100, 0, 30, 0));
    }
    // An older message that comes late takes nothing back.
    assert_eq!(one(store, A, Ask { granted: 100, returned: 20, ..ask(0, 0) }).await.taken, 30);
    assert_eq!(one(store, B, ask(70, 70)).await, answer(70, 0, 100, 30));
    assert_eq!(one(store, C, Ask { least: 0, ..ask(5, 5) }).await.granted, 0);
    assert_eq!(one(store, B, Ask { granted: 70, returned: 67, ..ask(0, 0) }).await.taken, 33);
    let least = Ask { least: 10, ..ask(90, 90) };
    assert_eq!(one(store, C, least).await.granted, 67, "less than it needs, but worth having");
    let least = Ask { granted: 67, least: 10, ..ask(90, 90) };
    assert_eq!(one(store, C, least).await, answer(67, 0, 100, 33), "less than what is worth having");
}

pub(crate) async fn many_are_asked_for_at_once(store: &impl Leases) {
    let asks: Vec<_> = (0..300_u32)
        .map(|number| Ask { place: place(&format!("budget:t/{:03}", 251 * number % 300)), ..ask(1, 1) })
        .collect();
    for _ in 0..2 {
        let answers = store.exchange(A, LONG, &asks).await.unwrap().answers;
        assert!(answers.len() == 300 && answers.iter().all(|answer| *answer == self::answer(1, 0, 1, 0)));
    }
    let said = store.exchange(A, LONG, &[]).await.unwrap();
    assert_eq!(said.answers, []);
    assert!(said.now > AT, "the ledger's clock");
}

pub(crate) async fn draws_are_settled_once_however_often_a_row_comes(
    store: &(impl Store + Leases + Accounts),
) {
    assert_eq!(one(store, A, ask(60, 60)).await.granted, 60);
    let rows = [
        drawn(1, 20, &[("budget:t/b", true)]),
        drawn(2, 7, &[("budget:t/b", true), ("account:a", true)]),
        drawn(3, 3, &[("budget:t/b", false)]),
        drawn(3, 3, &[("budget:t/b", false)]),
    ];
    for batch in [&rows[..1], &rows, &rows[1..]] {
        store.insert(A, batch).await.unwrap();
    }
    // 27 from the lease, 3 beside it.
    assert_eq!(one(store, A, Ask { granted: 60, ..ask(0, 0) }).await, answer(60, 30, 63, 0));
    assert_eq!(one(store, B, ask(1, 1)).await, answer(1, 30, 64, 33));
    // More than was leased is taken too.
    store.insert(B, &[drawn(4, 50, &[("budget:t/b", true)])]).await.unwrap();
    assert_eq!(one(store, C, ask(1, 1)).await, answer(0, 80, 113, 33));
    // Whatever the draws name, the account is charged once.
    assert_eq!(account(store, "a").await.balance, -80);
    adds_up(store).await;
}

pub(crate) async fn what_may_have_been_spent_stays_taken_until_it_is_let_go_of(
    store: &(impl Store + Report + Leases + Accounts),
) {
    store.fulfil("a", &posting(Kind::Grant, "grant/x", 100, None), AT).await.unwrap();
    let places = [("budget:t/b", true), ("account:a", true)];
    store.exchange(A, LONG, &[ask(80, 80), credit(80)]).await.unwrap();
    store.insert(A, &[drawn(1, 10, &places), unknown(2, 30, &places)]).await.unwrap();
    let before = account(store, "a").await;
    assert_eq!((before.balance, before.leased, before.frozen), (90, 40, 30));
    let held = Holding {
        allowance: "budget:t/b".into(),
        window: FOREVER,
        class: "Money".into(),
        holder: A,
        granted: 80,
        returned: 0,
        spent: 10,
        unreserved: 0,
        suspense: 30,
        silent_since: None,
        closed_at: None,
    };
    assert_eq!(store.holdings(Some("budget:t/b")).await.unwrap(), std::slice::from_ref(&held));
    for _ in 0..2 {
        store.close(A).await.unwrap();
        let closed = account(store, "a").await;
        assert_eq!(
            (closed.balance, closed.leased, closed.frozen),
            (90, 0, 30),
            "what is not spent goes back"
        );
        assert_eq!(one(store, B, ask(0, 0)).await, answer(0, 10, 40, 0));
    }
    let left = store.holdings(None).await.unwrap();
    let closed_at = left[0].closed_at;
    let held = Holding { granted: 0, spent: 0, closed_at, ..held };
    assert_eq!(left, [Holding { allowance: "account:a".into(), ..held.clone() }, held]);
    assert!(closed_at > Some(AT));
    store.tidy(LONG).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await.taken, 40);
    store.tidy(Duration::ZERO).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await, answer(0, 10, 10, 0));
    assert_eq!(account(store, "a").await.frozen, 0);
    adds_up(store).await;
}

pub(crate) async fn a_row_that_comes_after_its_holder_was_closed_counts(
    store: &(impl Store + Leases + Accounts),
) {
    one(store, A, ask(50, 50)).await;
    store.close(A).await.unwrap();
    store.insert(A, &[drawn(1, 30, &[("budget:t/b", true)])]).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await, answer(0, 30, 30, 0));
    // Never heard of, and an earlier version's.
    for (number, holder) in [(2, C), (3, Uuid::nil())] {
        store.insert(holder, &[drawn(number, 5, &[("budget:t/b", true)])]).await.unwrap();
        store.close(holder).await.unwrap();
    }
    store.tidy(Duration::ZERO).await.unwrap();
    store.insert(A, &[drawn(4, 5, &[("budget:t/b", true)])]).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await, answer(0, 45, 45, 0));
    assert_eq!(account(store, "a").await.balance, -45);
    adds_up(store).await;
}

pub(crate) async fn a_holder_that_was_closed_begins_again(store: &impl Leases) {
    let first = exchange(store, A, ask(50, 50)).await;
    assert_eq!(exchange(store, A, Ask { granted: 50, ..ask(0, 0) }).await.epoch, first.epoch);
    store.close(A).await.unwrap();
    let second = exchange(store, A, Ask { granted: 50, ..ask(10, 10) }).await;
    assert!(second.epoch > first.epoch);
    assert_eq!(second.answers[0], answer(10, 0, 10, 0), "what it knew of is void");
    // Also if it was forgotten meanwhile.
    store.close(A).await.unwrap();
    store.tidy(Duration::ZERO).await.unwrap();
    assert!(exchange(store, A, ask(0, 0)).await.epoch > second.epoch);
}

pub(crate) async fn a_balance_is_what_can_be_leased_of_it(store: &(impl Store + Leases + Accounts)) {
    let free = async |overdraft: i64| {
        let answer = one(store, B, Ask { cap: Cap::Balance { overdraft }, ..credit(0) }).await;
        answer.cap - answer.taken
    };
    assert_eq!(one(store, A, credit(1)).await, Answer::default(), "nothing was given");
    let grants =
        [posting(Kind::Grant, "grant/x", 60, Some(AT + DAY)), posting(Kind::TopUp, "topup/1", 40, None)];
    for grant in &grants {
        store.fulfil("a", grant, AT).await.unwrap();
    }
    assert_eq!((free(0).await, free(25).await), (100, 125));
    assert_eq!(one(store, A, credit(30)).await.granted, 30);
    // 10 beside the lease, by somebody who reserved nothing, and 20 from it.
    store.insert(C, &[drawn(1, 10, &[])]).await.unwrap();
    store.insert(A, &[drawn(2, 20, &[("account:a", true)])]).await.unwrap();
    assert_eq!((free(0).await, account(store, "a").await.leased), (60, 10));
    store.fulfil("a", &Wish::Lapse, AT + DAY).await.unwrap();
    // Of the 30 that were left of it 10 are held.
    assert_eq!((free(0).await, account(store, "a").await.balance), (40, 50));
    let over = Ask { cap: Cap::Balance { overdraft: 5 }, granted: 30, ..credit(45) };
    assert_eq!(one(store, A, over).await.granted, 75);
    assert_eq!(free(5).await, 0);
    adds_up(store).await;
}

pub(crate) async fn silence_voids_what_is_held_and_keeps_money(store: &(impl Report + Leases + Accounts)) {
    let held = Ask { place: place("concurrency:t"), class: Class::Held, ..ask(40, 40) };
    let asks = [ask(40, 40), held.clone()];
    store.exchange(A, Duration::ZERO, &asks).await.unwrap();
    let now = store.exchange(B, LONG, &[ask(0, 0), Ask { need: 0, want: 0, ..held.clone() }]).await.unwrap();
    assert_eq!(now.answers, [answer(0, 0, 40, 40), answer(0, 0, 0, 0)]);
    // It was only slow.
    let again = [Ask { granted: 40, ..ask(0, 0) }, Ask { need: 0, want: 0, granted: 40, ..held.clone() }];
    store.exchange(A, LONG, &again).await.unwrap();
    store.tidy(Duration::ZERO).await.unwrap();
    assert_eq!(one(store, B, Ask { need: 0, want: 0, ..held }).await.taken, 40);
    // It does not come back: its money does, after a while.
    let last = store.exchange(A, Duration::ZERO, &[]).await.unwrap().now;
    let silent = store.holdings(Some("concurrency:t")).await.unwrap()[0].silent_since;
    assert!(silent.is_some_and(|since| (since - last).abs() < 1_000), "{silent:?}");
    store.tidy(LONG).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await.taken, 40);
    store.tidy(Duration::ZERO).await.unwrap();
    assert_eq!(one(store, B, ask(0, 0)).await.taken, 0);
    adds_up(store).await;
}

pub(crate) async fn rates_are_spent_as_their_holders_say_and_forgotten(store: &impl Leases) {
    let now = store.exchange(A, LONG, &[]).await.unwrap().now;
    let rate = |window| Ask {
        place: Place { allowance: "requests:t".into(), window },
        class: Class::Rate,
        ..ask(0, 0)
    };
    for window in [now, now - 11 * 60_000] {
        one(store, A, Ask { need: 30, want: 30, ..rate(window) }).await;
        let spent = Ask { granted: 30, returned: 5, spent: 20, ..rate(window) };
        assert_eq!(one(store, A, spent).await, answer(30, 20, 25, 0));
        // A debt: more was spent than was leased.
        assert_eq!(one(store, A, Ask { granted: 30, spent: 40, ..rate(window) }).await.taken, 40);
        assert_eq!(one(store, B, rate(window)).await, answer(0, 40, 40, 0));
    }
    let old = Ask { place: Place { allowance: "budget:t/b".into(), window: now - 401 * DAY }, ..ask(9, 9) };
    let year = Ask { place: Place { allowance: "budget:t/b".into(), window: now - 399 * DAY }, ..ask(9, 9) };
    store.exchange(A, LONG, &[old.clone(), year.clone(), ask(9, 9)]).await.unwrap();
    store.tidy(LONG).await.unwrap();
    let nothing = |ask: Ask| Ask { need: 0, want: 0, ..ask };
    let asks = [rate(now), rate(now - 11 * 60_000), nothing(old), nothing(year), ask(0, 0)];
    let taken = store.exchange(B, LONG, &asks).await.unwrap().answers;
    assert_eq!(taken.iter().map(|answer| answer.taken).collect::<Vec<_>>(), [40, 0, 0, 9, 9]);
}

pub(crate) async fn a_process_that_ends_gives_nothing_of_a_minute_back(store: &impl Leases) {
    let rate = |need| Ask { place: place("requests:t"), class: Class::Rate, ..ask(need, need) };
    one(store, A, rate(30)).await;
    one(store, A, Ask { granted: 30, returned: 5, spent: 10, ..rate(0) }).await;
    // Killed: it may have spent all of it since it last said what it has.
    store.close(A).await.unwrap();
    store.close(A).await.unwrap();
    assert_eq!(one(store, B, rate(76)).await, answer(0, 25, 25, 0));
    assert_eq!(one(store, B, rate(75)).await.granted, 75);
}

pub(crate) async fn what_is_held_of_a_credit_lapses_when_it_comes_back(
    store: &(impl Store + Accounts + Leases + Report),
) {
    let given = posting(Kind::Grant, "grant/x", 100, Some(AT + DAY));
    store.fulfil("a", &given, AT).await.unwrap();
    assert_eq!(one(store, A, credit(30)).await.granted, 30);
    for later in 0..2 {
        store.fulfil("a", &Wish::Lapse, AT + DAY + later).await.unwrap();
        let found = account(store, "a").await;
        assert_eq!((found.balance, found.leased), (30, 30), "only what nobody holds has lapsed");
    }
    // It is nobody else's, and whoever has it may spend it.
    assert_eq!(one(store, B, credit(1)).await.granted, 0);
    store.insert(A, &[drawn(1, 20, &[("account:a", true)])]).await.unwrap();
    assert_eq!(store.due(AT + DAY).await.unwrap(), ["a"]);
    store.fulfil("a", &Wish::Lapse, AT + DAY + 2).await.unwrap();
    assert_eq!(account(store, "a").await.balance, 10);
    store.close(A).await.unwrap();
    store.fulfil("a", &Wish::Lapse, AT + DAY + 3).await.unwrap();
    assert_eq!(account(store, "a").await.balance, 0);
    assert_eq!(store.due(AT + 2 * DAY).await.unwrap(), [""; 0]);
    let lines = store.statement("a", 0, AT + 30 * DAY).await.unwrap().lines;
    let lapsed: Vec<_> =
        lines.iter().filter(|line| line.kind == "Expiry").map(|line| (line.at, line.amount)).collect();
    assert_eq!(lapsed.iter().map(|(_, amount)| amount).sum::<i64>(), -80);
    assert!(lapsed.len() == 2 && lapsed.iter().all(|(at, _)| *at == AT + DAY), "{lapsed:?}");
    adds_up(store).await;
}
