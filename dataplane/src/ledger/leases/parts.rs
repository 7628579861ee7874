//! From what a store has under lock to what each ask is granted.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::grant::{Held, Window, decide};
use super::{Answer, Ask, Cap};

/// A row that a store has of a place that is asked for.
pub(in crate::ledger) enum Part {
    /// Spent by holders that were closed.
    Spent(i64),
    /// What its account was given.
    Credited(i64),
    /// Of a holder: its lease, or what it spent.
    Holder(Uuid, Held),
}

/// For each ask, the asking holder's lease as it was and as it becomes, and the answer. Parts come with the number of
/// their ask.
pub(in crate::ledger) fn decide_all(
    holder: Uuid,
    asks: &[Ask],
    parts: Vec<(usize, Part)>,
) -> Vec<(Held, Held, Answer)> {
    let mut places: Vec<_> = asks.iter().map(|_| Found::default()).collect();
    for (place, part) in parts {
        let Some(found) = places.get_mut(place) else { continue };
        match part {
            Part::Spent(spent) => found.spent = spent,
            Part::Credited(credited) => found.credited = credited,
            Part::Holder(holder, part) => {
                let held = found.holders.entry(holder).or_default();
                held.granted = held.granted.saturating_add(part.granted);
                held.returned = held.returned.saturating_add(part.returned);
                held.spent = held.spent.saturating_add(part.spent);
                held.unreserved = held.unreserved.saturating_add(part.unreserved);
                held.suspense = held.suspense.saturating_add(part.suspense);
                held.silent = part.silent;
            }
        }
    }
    let decided = |(ask, mut found): (&Ask, Found)| {
        let own = found.holders.remove(&holder).unwrap_or_default();
        let cap = match ask.cap {
            Cap::Fixed(cap) => cap,
            Cap::Balance { overdraft } => found.credited.saturating_add(overdraft),
        };
        let window = Window { cap, spent: found.spent, others: found.holders.into_values().collect() };
        let (becomes, answer) = decide(&window, own, ask);
        (own, becomes, answer)
    };
    asks.iter().zip(places).map(decided).collect()
}

#[derive(Default)]
struct Found {
    spent: i64,
    credited: i64,
    holders: BTreeMap<Uuid, Held>,
}
