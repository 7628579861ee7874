//! What may be spent is an allowance: a name and a window of time, under which the ledger keeps what was. Gateways spend
//! from it and the operator reports on it, so both have its name and its window from here.

use std::sync::LazyLock;

use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::config::{Budget, Period};

/// Bundled, so that no file of the machine is read and everybody knows the same rules.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The allowance of an account's balance; its window is [`Window::FOREVER`].
pub fn account(account_id: &str) -> String {
    format!("account:{account_id}")
}

/// The allowance of a tenant's budget, or of one of its keys'. `tenant` is `namespace/name`.
pub fn budget(tenant: &str, key: Option<&str>, budget: &str) -> String {
    match key {
        None => format!("budget:{tenant}/{budget}"),
        Some(key) => format!("budget:{tenant}#{key}/{budget}"),
    }
}

/// A stretch of time in Unix milliseconds. Windows of a calendar leave no gap and do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first millisecond; also the window's name.
    pub start: i64,
    /// The first millisecond after it.
    pub end: i64,
}

impl Window {
    /// What is never counted anew. Its name is 0.
    pub const FOREVER: Self = Self { start: 0, end: i64::MAX };
}

/// How time is cut into a budget's windows: days, weeks from Monday, or months, as the people of a zone count them.
#[derive(Clone, Debug)]
pub struct Calendar {
    period: Period,
    zone: TimeZone,
}

impl Calendar {
    /// A zone that is not known (`compile` lets none through) counts as UTC.
    pub fn new(period: Period, zone: &str) -> Self {
        Self { period, zone: ZONES.get(zone).unwrap_or(TimeZone::UTC) }
    }

    /// A budget's.
    pub fn of(budget: &Budget) -> Self {
        Self::new(budget.period, &budget.time_zone)
    }

    /// The window that has `at`, in Unix milliseconds; `None` only at the ends of what a calendar can hold.
    pub fn window(&self, at: i64) -> Option<Window> {
        let now = Timestamp::from_millisecond(at).ok()?.to_zoned(self.zone.clone());
        let mut day = self.first_day(now.date())?;
        let mut start = self.midnight(day)?;
        // A day's first moment can come a second time (a clock set back over midnight), or not on that date at all.
        if start.timestamp().as_millisecond() > at {
            day = self.first_day(day.yesterday().ok()?)?;
            start = self.midnight(day)?;
        }
        let end = self.midnight(self.next(day)?)?;
        Some(Window { start: start.timestamp().as_millisecond(), end: end.timestamp().as_millisecond() })
    }

    /// A time as the people of the zone write it.
    pub fn says(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    fn first_day(&self, day: Date) -> Option<Date> {
        match self.period {
            Period::Day => Some(day),
            Period::Week => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok(),
            Period::Month => Some(day.first_of_month()),
        }
    }

    fn next(&self, first: Date) -> Option<Date> {
        match self.period {
            Period::Day => first.tomorrow().ok(),
            Period::Week => first.checked_add(1.week()).ok(),
            Period::Month => first.checked_add(1.month()).ok(),
        }
    }

    /// A date's first moment: where clocks are set forward over midnight, the first that there is.
    fn midnight(&self, day: Date) -> Option<Zoned> {
        day.to_zoned(self.zone.clone()).and_then(|zoned| zoned.start_of_day()).ok()
    }
}

#[cfg(test)]
mod tests;
