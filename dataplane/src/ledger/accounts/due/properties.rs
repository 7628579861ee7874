use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_000;

/// Their references are their places; some are due.
fn credits() -> impl Strategy<Value = Vec<Credit>> {
    let one = (1..500_i64, prop::option::of(900..1_100_i64), 0..=100_i64, 0..NOW);
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let credit =
            |(place, (amount, expires_at, priority, given_at)): (usize, (i64, Option<i64>, i64, i64))| {
                let (reference, remaining, lapsed) = (format!("grant/{place}"), amount, false);
                Credit { reference, amount, remaining, given_at, expires_at, priority, lapsed }
            };
        all.into_iter().enumerate().map(credit).collect()
    })
}

fn sum(credits: &[Credit]) -> i64 {
    credits.iter().map(|credit| credit.remaining).sum()
}

/// The credits as a store has them afterwards, in the order in which they are spent.
fn after(state: &State, change: &Change) -> Vec<Credit> {
    let mut credits = state.credits.clone();
    for changed in &change.credits {
        match credits.iter_mut().find(|credit| credit.reference == changed.reference) {
            Some(credit) => *credit = changed.clone(),
            None => credits.push(changed.clone()),
        }
    }
    credits.sort_by(|a, b| order(a).cmp(&order(b)));
    credits
}

proptest! {
    #[test]
    fn what_is_spent_is_taken_by_priority_then_expiry_then_age(credits in credits(), spent in 0..2_000_i64) {
        let mut credits = credits;
        credits.sort_by(|a, b| order(a).cmp(&order(b)));
        for pair in credits.windows(2) {
            let key = |credit: &Credit| (credit.priority, credit.expires_at.unwrap_or(i64::MAX), credit.given_at);
            prop_assert!(key(&pair[0]) <= key(&pair[1]));
        }
        let before = sum(&credits);
        spend(&mut credits, before - spent);
        prop_assert_eq!(sum(&credits), (before - spent).max(0));
        // Of those before the first that has something left, nothing is left; of those after it, nothing was taken.
        let first = credits.iter().position(|credit| credit.remaining > 0).unwrap_or(credits.len());
        prop_assert!(credits.iter().skip(first + 1).all(|credit| credit.remaining == credit.amount));
    }

    #[test]
    fn what_lapses_is_entered_and_leaves_what_gateways_hold(
        credits in credits(),
        spent in 0..2_000_i64,
        leased in 0..1_500_i64,
    ) {
        let balance = sum(&credits) - spent;
        let mut state = State { balance, leased, credits, ..State::default() };
        let (change, done) = decide(&state, &Wish::Lapse, NOW);
        prop_assert_eq!(done, Done::Entered);
        let left = after(&state, &change);
        let becomes = balance + change.sum();
        prop_assert!(becomes >= balance.min(leased), "{} of {} with {} leased", becomes, balance, leased);
        prop_assert_eq!(sum(&left), becomes.max(0));
        // What is due and left is what is held, no more.
        let due = |credit: &&Credit| credit.expires_at.is_some_and(|at| at <= NOW);
        prop_assert!(left.iter().filter(due).map(|credit| credit.remaining).sum::<i64>() <= leased);
        // Gateways give back, by and by: each part is entered once, and in the end all that was due is gone.
        let mut references: Vec<_> = change.entries.iter().map(|entry| entry.reference.clone()).collect();
        (state.balance, state.credits) = (becomes, left);
        for leased in [leased / 2, leased / 3, 0] {
            state.leased = leased;
            let (change, _) = decide(&state, &Wish::Lapse, NOW);
            references.extend(change.entries.iter().map(|entry| entry.reference.clone()));
            let left = after(&state, &change);
            (state.balance, state.credits) = (state.balance + change.sum(), left);
        }
        prop_assert!(state.credits.iter().filter(due).all(|credit| credit.remaining == 0));
        let count = references.len();
        references.sort();
        references.dedup();
        prop_assert_eq!(references.len(), count);
    }
}
