//! One process's part of an allowance within a window, shared by its cores.
//!
//! At any moment `granted − returned = free + reserved + spent`, where what is reserved is in the hands of requests
//! ([`super::Reservation`]). Only the leaser grants and returns; any core takes and settles. No lock anywhere.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

use super::window::Window;
use crate::ledger::leases::{Answer, Class, Draw, Draws, Place};

/// A clock that is set back by no more milliseconds does not bring an earlier window back.
const SET_BACK_MS: i64 = 60_000;

/// A lease. What was taken from it is settled into it, also when its window is over.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) place: Place,
    pub(super) class: Class,
    /// First millisecond after its window, on the ledger's clock.
    pub(super) end: i64,
    /// What a request names that draws on this alone: most draw on one, so it is made once.
    pub(super) draws: Draws,
    /// Below zero where requests used more than was reserved for them.
    free: AtomicI64,
    granted: AtomicI64,
    returned: AtomicI64,
    spent: AtomicI64,
    /// The least that was free since this was last asked.
    low: AtomicI64,
    /// The leaser is told when less is free.
    refill_below: AtomicI64,
    /// When something was last taken, in milliseconds of the process's own clock.
    used_at: AtomicU64,
    /// What the ledger said is left of the cap beside the lease.
    rest: AtomicI64,
    /// The ledger has closed this process meanwhile: nothing may be taken, and nothing comes back.
    void: AtomicBool,
}

impl Lease {
    pub(super) fn new(place: Place, class: Class, window: Window) -> Self {
        Self {
            draws: [Draw { place: place.clone(), reserved: true }].into(),
            place,
            class,
            end: window.end,
            free: AtomicI64::new(0),
            granted: AtomicI64::new(0),
            returned: AtomicI64::new(0),
            spent: AtomicI64::new(0),
            low: AtomicI64::new(0),
            refill_below: AtomicI64::new(i64::MIN),
            used_at: AtomicU64::new(0),
            rest: AtomicI64::new(0),
            void: AtomicBool::new(false),
        }
    }

    /// A lease that goes on where one was forgotten whose totals the ledger still has.
    pub(super) fn resume(self, totals: Totals) -> Self {
        self.granted.store(totals.granted, Relaxed);
        self.returned.store(totals.returned, Relaxed);
        self.spent.store(totals.spent, Relaxed);
        self.free.store(totals.granted - totals.returned - totals.spent, Relaxed);
        self
    }

    /// Takes `need` where there is as much.
    pub(super) fn take(&self, need: i64, now: u64) -> bool {
        self.take_between(need, need, now).is_some()
    }

    /// Takes `most`, or what there is where that is at least `least`.
    pub(super) fn take_between(&self, least: i64, most: i64, now: u64) -> Option<i64> {
        if self.void.load(Relaxed) {
            return None;
        }
        let mut free = self.free.load(Relaxed);
        loop {
            let amount = most.min(free);
            if amount < least {
                return None;
            }
            match self.free.compare_exchange_weak(free, free - amount, Relaxed, Relaxed) {
                Ok(_) => {
                    let left = free - amount;
                    if left < self.low.load(Relaxed) {
                        self.low.fetch_min(left, Relaxed);
                    }
                    self.used_at.store(now, Relaxed);
                    return Some(amount);
                }
                Err(found) => free = found,
            }
        }
    }

    /// What was taken comes back, less what was spent. More may have been spent than was taken.
    pub(super) fn settle(&self, taken: i64, spent: i64) {
        if self.void.load(Relaxed) {
            return;
        }
        if spent != 0 {
            self.spent.fetch_add(spent, Relaxed);
        }
        let left = taken.saturating_sub(spent);
        let free = self.free.fetch_add(left, Relaxed).saturating_add(left);
        if left < 0 {
            self.low.fetch_min(free, Relaxed);
        }
    }

    /// Whether it runs low and the leaser has not been told yet.
    pub(super) fn wants_refill(&self) -> bool {
        let below = self.refill_below.load(Relaxed);
        below != i64::MIN
            && self.free.load(Relaxed) < below
            && self.refill_below.swap(i64::MIN, Relaxed) != i64::MIN
    }

    /// From now on, the leaser wants to hear once when less than `below` is free.
    pub(super) fn watch(&self, below: i64) {
        self.refill_below.store(below, Relaxed);
    }

    /// What the ledger says: how much it has granted in all, and what is left beside. Returns how much is new.
    pub(super) fn grant(&self, answer: &Answer) -> i64 {
        self.rest.store(answer.cap.saturating_sub(answer.taken), Relaxed);
        let new = answer.granted.saturating_sub(self.granted.load(Relaxed));
        if new <= 0 {
            return 0;
        }
        self.granted.store(answer.granted, Relaxed);
        self.free.fetch_add(new, Relaxed);
        new
    }

    /// Takes up to `most` out of what is free, to give it back to the ledger.
    pub(super) fn give_back(&self, most: i64) -> i64 {
        let mut free = self.free.load(Relaxed);
        loop {
            let amount = most.min(free);
            if amount <= 0 {
                return 0;
            }
            match self.free.compare_exchange_weak(free, free - amount, Relaxed, Relaxed) {
                Ok(_) => {
                    self.returned.fetch_add(amount, Relaxed);
                    return amount;
                }
                Err(found) => free = found,
            }
        }
    }

    /// The least that was free since this was last asked.
    pub(super) fn low_water(&self) -> i64 {
        let free = self.free();
        self.low.swap(free, Relaxed).min(free)
    }

    /// Whether it may be spent at a time on the ledger's clock. Where that clock was set back a little, its window goes on.
    pub(super) fn covers(&self, ledger: i64) -> bool {
        ledger < self.end && ledger >= self.place.window.saturating_sub(SET_BACK_MS)
    }

    pub(super) fn free(&self) -> i64 {
        self.free.load(Relaxed)
    }

    /// What the cap has left, as far as is known here.
    pub(super) fn remaining(&self) -> i64 {
        self.rest.load(Relaxed).saturating_add(self.free()).max(0)
    }

    pub(super) fn used_at(&self) -> u64 {
        self.used_at.load(Relaxed)
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            granted: self.granted.load(Relaxed),
            returned: self.returned.load(Relaxed),
            spent: self.spent.load(Relaxed),
        }
    }

    /// What the ledger is told. What was spent beyond the lease is not: it is asked for, and told once it is granted, for the ledger
    /// would count it twice else, as spent and as needed.
    pub(super) fn account(&self) -> Totals {
        let totals = self.totals();
        Totals { spent: totals.spent.min(totals.granted - totals.returned), ..totals }
    }

    pub(super) fn make_void(&self) {
        self.void.store(true, Relaxed);
    }

    pub(super) fn is_void(&self) -> bool {
        self.void.load(Relaxed)
    }
}

/// What the ledger is told of a lease: sums since it began, which never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) granted: i64,
    pub(super) returned: i64,
    pub(super) spent: i64,
}

/// Something taken from a lease. Dropping it gives everything back.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) lease: Arc<Lease>,
    pub(super) amount: i64,
    over: bool,
}

impl Taken {
    pub(super) fn new(lease: Arc<Lease>, amount: i64) -> Self {
        Self { lease, amount, over: false }
    }

    /// So much of it was spent; the rest goes back. Returns how much more was spent than was taken.
    pub(super) fn settle(&mut self, spent: i64) -> i64 {
        if self.over {
            return 0;
        }
        self.over = true;
        self.lease.settle(self.amount, spent);
        spent.saturating_sub(self.amount).max(0)
    }

    /// Keeps `amount` at most.
    pub(super) fn shrink(&mut self, amount: i64) {
        if !self.over && amount < self.amount {
            self.lease.settle(self.amount - amount, 0);
            self.amount = amount;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.settle(0);
    }
}

#[cfg(test)]
mod tests;
