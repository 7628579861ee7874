//! What a process is granted: pure. The store has the allowance under lock meanwhile.

use super::{Answer, Ask, Class};

/// An allowance as it is, but for the lease of the process that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// How much there is.
    pub cap: i64,
    /// Spent by holders that are gone.
    pub spent: i64,
    /// What the others hold.
    pub others: Vec<Held>,
}

/// One holder's part of an allowance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Granted since the lease began.
    pub granted: i64,
    /// Given back since the lease began.
    pub returned: i64,
    /// Spent from the lease since it began.
    pub spent: i64,
    /// Spent beside the lease, where nothing was reserved.
    pub unreserved: i64,
    /// What attempts whose outcome was never learned may have spent: of the lease that the holder had before, as whoever
    /// replays a journal closes that.
    pub suspense: i64,
    /// It has said nothing for longer than it was given.
    pub silent: bool,
}

impl Held {
    /// What counts against the cap: what was granted, or more where more was spent, and what stands beside it.
    pub fn taken(&self, class: Class) -> i64 {
        if self.silent && class == Class::Held {
            return 0;
        }
        self.lent().max(self.spent).saturating_add(self.beside())
    }

    /// Spent, or perhaps spent, of nothing that is lent now.
    fn beside(&self) -> i64 {
        self.unreserved.saturating_add(self.suspense)
    }

    fn lent(&self) -> i64 {
        self.granted.saturating_sub(self.returned)
    }

    /// Lent and not spent, as far as the ledger knows.
    fn open(&self, class: Class) -> i64 {
        if self.silent && class == Class::Held { 0 } else { self.lent().saturating_sub(self.spent).max(0) }
    }
}

/// The asking process's lease as it becomes, and the answer. `own` is its lease as the ledger has it.
///
/// Where there is enough, a process gets what it needs and, beyond that, at most its share of half of what is free: so
/// that those who ask next get something too, and the last of a cap is granted request by request.
pub fn decide(window: &Window, own: Held, ask: &Ask) -> (Held, Answer) {
    let mut becomes = Held {
        returned: own.returned.max(ask.returned),
        spent: own.spent.max(ask.spent),
        silent: false,
        ..own
    };
    let others = window.others.iter().map(|held| held.taken(ask.class));
    let others = others.fold(window.spent, i64::saturating_add);
    // What it spent beyond its lease is taken, and part of what it needs now: it counts once.
    let lent = becomes.lent().saturating_add(becomes.beside());
    let free = window.cap.saturating_sub(others).saturating_sub(lent).max(0);
    // An answer that was lost: it is granted already and only has to be told. Where it is enough nothing is added, so that
    // a message that is said again changes nothing.
    let untold = own.granted.saturating_sub(ask.granted).max(0);
    let (need, least, want) = (
        ask.need.saturating_sub(untold).max(0),
        ask.least.saturating_sub(untold).max(0),
        ask.want.saturating_sub(untold).max(0),
    );
    let holders = window.others.iter().filter(|held| !held.silent && held.open(ask.class) > 0).count();
    let share = free / 2 / i64::try_from(holders + 1).unwrap_or(i64::MAX);
    let grant = if untold > 0 && need == 0 {
        0
    } else if free >= need {
        want.min(share).max(need)
    } else if least > 0 && free >= least {
        free
    } else {
        0
    };
    if grant > 0 {
        becomes.granted = becomes.granted.saturating_add(grant);
    }
    let open = window.others.iter().map(|held| held.open(ask.class)).fold(0, i64::saturating_add);
    let spent = window.others.iter().chain([&becomes]).map(|held| held.spent.saturating_add(held.unreserved));
    let answer = Answer {
        granted: becomes.granted,
        cap: window.cap,
        spent: spent.fold(window.spent, i64::saturating_add),
        taken: others.saturating_add(becomes.taken(ask.class)),
        others: open,
    };
    (becomes, answer)
}

#[cfg(test)]
mod properties;
