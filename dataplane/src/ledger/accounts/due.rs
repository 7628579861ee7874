//! What a wish does to an account: pure.
//!
//! Usage lowers the balance and touches no credit. Whenever credits change, what was spent since is first taken from
//! them in their order; so what is left of each is known when it lapses. What gateways hold would be taken from them in the
//! same order, and is promised to requests under way: that much of a credit lapses only when it was given back.

use uuid::Uuid;

use super::{Change, Credit, Done, Entry, Kind, Posting, State, Wish};

/// The change, and what to tell who wished it.
pub fn decide(state: &State, wish: &Wish, now: i64) -> (Change, Done) {
    // Before it is looked whether the account is closed: who asks again learns what became of it.
    if let Some(amount) = state.entered {
        return (Change::default(), Done::Already(amount));
    }
    if state.closed && *wish != Wish::Lapse {
        return (Change::default(), Done::Closed);
    }
    let mut credits = state.credits.clone();
    credits.sort_by(|a, b| order(a).cmp(&order(b)));
    spend(&mut credits, state.balance);
    let mut change = Change { close: *wish == Wish::Close, ..Change::default() };
    let mut leased = state.leased.max(0);
    for credit in &mut credits {
        let due = credit.expires_at.filter(|expires| *expires <= now);
        let held = credit.remaining.min(leased);
        leased -= held;
        if change.close {
            change.entries.extend(lapse(credit, 0, due, now));
        } else if due.is_some() {
            change.entries.extend(lapse(credit, held, due, now));
        }
    }
    let mut done = Done::Entered;
    if let Wish::Post(posting) = wish {
        if posting.expires_at.is_some_and(|expires| expires <= now) {
            done = Done::Expired;
        } else {
            let balance = state.balance.saturating_add(change.sum());
            post(posting, balance, now, &mut credits, &mut change);
        }
    }
    change.credits = credits.into_iter().filter(|credit| !state.credits.contains(credit)).collect();
    (change, done)
}

/// The lowest priority first, then the soonest expiry, then the oldest.
pub(super) fn order(credit: &Credit) -> (i64, i64, i64, &str) {
    (credit.priority, credit.expires_at.unwrap_or(i64::MAX), credit.given_at, &credit.reference)
}

/// Takes from the credits, in their order, until no more is left than the balance.
pub(super) fn spend(credits: &mut [Credit], balance: i64) {
    let left: i128 = credits.iter().map(|credit| i128::from(credit.remaining)).sum();
    let mut spent = (left - i128::from(balance.max(0))).max(0);
    for credit in credits {
        let taken = i128::from(credit.remaining).min(spent);
        spent -= taken;
        credit.remaining -= i64::try_from(taken).unwrap_or(credit.remaining);
    }
}

/// All but what is held. Nothing is entered for what had nothing left.
fn lapse(credit: &mut Credit, held: i64, expired_at: Option<i64>, now: i64) -> Option<Entry> {
    let left = credit.remaining - held;
    (credit.remaining, credit.lapsed) = (held, held == 0);
    let reference = match held {
        0 => format!("expiry/{}", credit.reference),
        // Less is held each time that something lapses.
        _ => format!("expiry-part/{held}/{}", credit.reference),
    };
    let note = match (expired_at, held) {
        (None, _) => Some("closed".to_owned()),
        (_, 0) => None,
        _ => Some("what gateways hold of it lapses when they give it back".to_owned()),
    };
    let (kind, at) = (Kind::Expiry, expired_at.unwrap_or(now));
    (left > 0).then(|| Entry { id: id(now), kind, amount: -left, at, reference, note })
}

fn post(posting: &Posting, balance: i64, now: i64, credits: &mut Vec<Credit>, change: &mut Change) {
    change.entries.push(Entry {
        id: id(now),
        kind: posting.kind,
        amount: posting.amount,
        at: now,
        reference: posting.reference.clone(),
        note: posting.note.clone(),
    });
    let after = balance.saturating_add(posting.amount);
    if posting.amount > 0 {
        // A debt is paid first.
        let remaining = posting.amount.min(after).max(0);
        credits.push(Credit {
            reference: posting.reference.clone(),
            amount: posting.amount,
            remaining,
            given_at: now,
            expires_at: posting.expires_at,
            priority: posting.priority,
            lapsed: false,
        });
    } else {
        spend(credits, after);
    }
}

fn id(now: i64) -> Uuid {
    let now = now.max(0).unsigned_abs();
    let nanos = u32::try_from(now % 1_000 * 1_000_000).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, now / 1_000, nanos))
}

#[cfg(test)]
mod properties;
