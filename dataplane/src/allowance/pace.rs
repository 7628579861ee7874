//! How big a slice is worth asking for, and how much of one lies idle.

use super::lease::Lease;
use crate::ledger::leases::Class;

/// A slice that is gone sooner was too small, in milliseconds.
const SHORT_MS: u64 = 1000;
/// One that lasts longer is too big.
const LONG_MS: u64 = 4000;
/// A lease that was not used for so long goes back whole.
const UNUSED_MS: u64 = 750;
/// For how many ticks something must lie idle to go back.
const TICKS: usize = 3;

/// How one process spends one allowance. A slice should last for about two seconds: then a busy process writes the
/// allowance's row about once a second, for it asks when half of a slice is gone.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The last slice, and when it was granted.
    last: Option<(i64, u64)>,
    /// The least that was free in each of the last ticks.
    lows: [i64; TICKS],
    tick: usize,
    /// Nine tenths of the cap are taken: others may need what is not used here.
    scarce: bool,
}

impl Pace {
    /// What to ask for, at least.
    pub(super) fn want(&self, now: u64) -> i64 {
        let Some((slice, since)) = self.last else { return 1 };
        if now.saturating_sub(since) < SHORT_MS { slice.saturating_mul(2) } else { self.fair(now) }
    }

    /// The last slice, halved for each time that it was too big.
    fn fair(&self, now: u64) -> i64 {
        let Some((slice, since)) = self.last else { return 0 };
        let halvings = now.saturating_sub(since) / LONG_MS;
        (slice >> halvings.min(62)).max(1)
    }

    /// A slice was granted.
    pub(super) fn granted(&mut self, slice: i64, now: u64) {
        self.last = Some((slice, now));
    }

    /// What the ledger says of the whole.
    pub(super) fn told(&mut self, cap: i64, taken: i64) {
        self.scarce = taken > cap.saturating_sub(cap / 10);
    }

    /// How much of a lease lay idle long enough to go back. Called once a tick.
    pub(super) fn idle(&mut self, lease: &Lease, now: u64) -> i64 {
        self.tick = (self.tick + 1) % TICKS;
        let low = lease.low_water();
        if let Some(slot) = self.lows.get_mut(self.tick) {
            *slot = low;
        }
        let lowest = self.lows.iter().copied().min().unwrap_or(0);
        let unused = now.saturating_sub(lease.used_at()) >= UNUSED_MS;
        let keep = if unused || self.scarce || lease.class == Class::Held { 0 } else { self.fair(now) };
        let idle = lowest.saturating_sub(keep).max(0);
        for slot in &mut self.lows {
            *slot = slot.saturating_sub(idle);
        }
        idle
    }
}
