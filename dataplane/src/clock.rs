//! The only place that reads the time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of day, with an offset for tests of clocks that are off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    offset_ms: i64,
}

impl Clock {
    /// A clock that is `offset_ms` milliseconds ahead (negative: behind).
    pub fn with_offset(offset_ms: i64) -> Self {
        Self { offset_ms }
    }

    /// Milliseconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now_ms(self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX).saturating_add(self.offset_ms)
    }

    /// The same as a timestamp.
    pub fn now(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now_ms()).unwrap_or(jiff::Timestamp::MAX)
    }
}
