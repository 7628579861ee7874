//! How long to wait before trying again: longer each time, and not all at the same moment.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// After so many failures.
    pub(super) fn after(failures: i64) -> Self {
        Self(u32::try_from(failures).unwrap_or(u32::MAX))
    }

    /// Nothing has failed.
    pub(super) fn is_fresh(self) -> bool {
        self.0 == 0
    }

    /// How long to wait, were this to fail.
    pub(super) fn peek(self) -> Duration {
        wait(self.0, RandomState::new().build_hasher().finish())
    }

    /// It failed: how long to wait.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.peek();
        self.0 = self.0.saturating_add(1);
        wait
    }
}

/// Doubles, up to a minute; between half of it and all of it.
fn wait(failures: u32, random: u64) -> Duration {
    let whole = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    let half = whole / 2;
    half + half.mul_f64(f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let seconds = |failures| (wait(failures, 0).as_millis(), wait(failures, u64::MAX).as_millis());
        assert_eq!(seconds(0), (500, 1_000));
        assert_eq!(seconds(1), (1_000, 2_000));
        assert_eq!(seconds(5), (16_000, 32_000));
        assert_eq!(seconds(6), (30_000, 60_000));
        assert_eq!(seconds(u32::MAX), (30_000, 60_000));
        let mut backoff = Backoff::default();
        assert!(backoff.is_fresh() && backoff.next() <= FIRST && !backoff.is_fresh());
    }
}
