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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        allowance::window::Window,
        ledger::leases::{Answer, Place},
    };

    fn lease(class: Class, granted: i64) -> Lease {
        let lease =
            Lease::new(Place { allowance: "requests:team/acme".into(), window: 0 }, class, Window::FOREVER);
        lease.grant(&Answer { granted, ..Answer::default() });
        lease
    }

    #[test]
    fn slices_grow_while_they_are_short_and_shrink_while_they_last() {
        let mut pace = Pace::default();
        assert_eq!(pace.want(0), 1, "nothing is known");
        pace.granted(100, 1000);
        assert_eq!(pace.want(1999), 200);
        assert_eq!(pace.want(2000), 100);
        assert_eq!(pace.want(4999), 100);
        assert_eq!(pace.want(5000), 50);
        assert_eq!(pace.want(9000), 25);
        assert_eq!(pace.want(u64::MAX), 1);
    }

    #[test]
    fn what_is_not_used_goes_back_whole() {
        let lease = lease(Class::Money, 100);
        assert!(lease.take(10, 1000));
        let mut pace = Pace::default();
        pace.granted(100, 1000);
        let idle: Vec<i64> = (1..=4).map(|tick| pace.idle(&lease, 1000 + tick * 250)).collect();
        assert_eq!(idle, [0, 0, 0, 90]);
    }

    #[test]
    fn of_what_is_used_a_slice_is_kept_and_what_was_reserved_in_a_burst_goes_back() {
        let lease = lease(Class::Money, 1000);
        let mut pace = Pace::default();
        pace.granted(100, 1000);
        let mut idle = Vec::new();
        for tick in 1..=4 {
            let now = 1000 + tick * 250;
            assert!(lease.take(10, now));
            lease.settle(10, 0);
            idle.push(pace.idle(&lease, now));
        }
        assert_eq!(idle, [0, 0, 0, 890]);
    }

    #[test]
    fn where_it_is_scarce_or_held_nothing_is_kept_that_was_not_used() {
        for (class, taken) in [(Class::Held, 0), (Class::Money, 91)] {
            let lease = lease(class, 100);
            let mut pace = Pace::default();
            pace.granted(100, 1000);
            pace.told(100, taken);
            let mut idle = 0;
            for tick in 1..=4 {
                assert!(lease.take(10, 1000 + tick * 250));
                lease.settle(10, 0);
                idle = pace.idle(&lease, 1000 + tick * 250);
            }
            assert_eq!(idle, 90);
        }
    }
}
