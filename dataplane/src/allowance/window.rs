//! When what is spent begins anew.

use std::sync::LazyLock;

use aigne_hub_crds::config::Period;
use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::ledger::leases::FOREVER;

/// Bundled, so that no file of the machine is read and every gateway knows the same rules.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const MINUTE_MS: i64 = 60_000;

/// Unix milliseconds on the ledger's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first millisecond; also its name.
    pub(super) start: i64,
    /// The first millisecond after it.
    pub(super) end: i64,
}

impl Window {
    /// What never ends.
    pub(super) const FOREVER: Self = Self { start: FOREVER, end: i64::MAX };
}

/// How time is cut into windows: without gaps, each beginning where the one before ends.
#[derive(Clone, Debug)]
pub(super) enum Cut {
    /// Not at all.
    Forever,
    /// UTC minutes.
    Minute,
    /// Days, weeks from Monday, or months, as the people of a zone count them.
    Calendar(Period, TimeZone),
}

impl Cut {
    /// A budget's. A zone that is not known (`compile` lets none through) counts as UTC.
    pub(super) fn of_budget(period: Period, zone: &str) -> Self {
        Self::Calendar(period, ZONES.get(zone).unwrap_or(TimeZone::UTC))
    }

    /// The window that has `at`.
    pub(super) fn window(&self, at: i64) -> Window {
        match self {
            Self::Forever => Window::FOREVER,
            Self::Minute => minute(at),
            Self::Calendar(period, zone) => calendar(*period, zone, at).unwrap_or_else(|| minute(at)),
        }
    }
}

fn minute(at: i64) -> Window {
    let start = at.saturating_sub(at.rem_euclid(MINUTE_MS));
    Window { start, end: start.saturating_add(MINUTE_MS) }
}

/// `None` only at the ends of what a calendar can hold.
fn calendar(period: Period, zone: &TimeZone, at: i64) -> Option<Window> {
    let now = Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone());
    let mut day = first_day(period, now.date())?;
    let mut start = midnight(day, zone)?;
    // A day's first moment can come a second time (a clock set back over midnight), or not on that date at all.
    if start.timestamp().as_millisecond() > at {
        day = first_day(period, day.yesterday().ok()?)?;
        start = midnight(day, zone)?;
    }
    let end = midnight(next(period, day)?, zone)?;
    Some(Window { start: start.timestamp().as_millisecond(), end: end.timestamp().as_millisecond() })
}

fn first_day(period: Period, day: Date) -> Option<Date> {
    match period {
        Period::Day => Some(day),
        Period::Week => day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok(),
        Period::Month => Some(day.first_of_month()),
    }
}

fn next(period: Period, first: Date) -> Option<Date> {
    match period {
        Period::Day => first.tomorrow().ok(),
        Period::Week => first.checked_add(1.week()).ok(),
        Period::Month => first.checked_add(1.month()).ok(),
    }
}

/// A date's first moment in a zone: where clocks are set forward over midnight, the first that there is.
fn midnight(day: Date, zone: &TimeZone) -> Option<Zoned> {
    day.to_zoned(zone.clone()).and_then(|zoned| zoned.start_of_day()).ok()
}

#[cfg(test)]
mod tests;
