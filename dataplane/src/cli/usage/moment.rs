//! Points in time as people write them.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A time, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `2026-03-01T08:00:00+08:00`, or the beginning of a day in UTC.
    At(Timestamp),
    /// `24h`, `7d`.
    Ago(SignedDuration),
}

impl Moment {
    /// In Unix milliseconds, seen from `now`.
    pub(super) fn before(self, now: Timestamp) -> anyhow::Result<i64> {
        let time = match self {
            Self::At(time) => time,
            Self::Ago(duration) => now.checked_sub(duration)?,
        };
        Ok(time.as_millisecond())
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        if let Ok(date) = text.parse::<Date>()
            && text.len() == "2026-03-01".len()
            && let Ok(zoned) = date.to_zoned(TimeZone::UTC)
        {
            return Ok(Self::At(zoned.timestamp()));
        }
        let span = text.parse::<Span>().ok().filter(|span| !span.is_negative());
        let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let wanted = "must be a date (2026-03-01), a time with its zone (2026-03-01T08:00:00Z) or how long ago (24h, 7d)";
        duration.map(Self::Ago).ok_or_else(|| wanted.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(text: &str) -> String {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let milliseconds = text.parse::<Moment>().unwrap().before(now).unwrap();
        Timestamp::from_millisecond(milliseconds).unwrap().to_string()
    }

    #[test]
    fn dates_times_and_how_long_ago() {
        assert_eq!(before("2026-03-01"), "2026-03-01T00:00:00Z");
        assert_eq!(before("2026-03-01T08:00:00+08:00"), "2026-03-01T00:00:00Z");
        assert_eq!(before("2026-03-01T08:00:00.5Z"), "2026-03-01T08:00:00.5Z");
        assert_eq!(before("24h"), "2026-03-09T12:00:00Z");
        assert_eq!(before("7d"), "2026-03-03T12:00:00Z");
        assert_eq!(before("1h30m"), "2026-03-10T10:30:00Z");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "yesterday", "2026-13-01", "2026-03-01T08:00:00", "-1d", "1mo", "7"] {
            let error = text.parse::<Moment>().unwrap_err();
            assert!(error.contains("2026-03-01"), "{text}: {error}");
        }
        let ages = "9999999h".parse::<Moment>().unwrap();
        assert!(ages.before(Timestamp::MIN).is_err());
    }
}
