//! When what is spent begins anew.

pub(super) use aigne_hub_crds::allowance::Window;
use aigne_hub_crds::{allowance::Calendar, config::Period};

const MINUTE_MS: i64 = 60_000;

/// How time is cut into windows (on the ledger's clock): without gaps, each beginning where the one before ends.
#[derive(Clone, Debug)]
pub(super) enum Cut {
    /// Not at all.
    Forever,
    /// UTC minutes.
    Minute,
    /// A budget's.
    Calendar(Calendar),
}

impl Cut {
    /// A budget's.
    pub(super) fn of_budget(period: Period, zone: &str) -> Self {
        Self::Calendar(Calendar::new(period, zone))
    }

    /// The window that has `at`.
    pub(super) fn window(&self, at: i64) -> Window {
        match self {
            Self::Forever => Window::FOREVER,
            Self::Minute => minute(at),
            Self::Calendar(calendar) => calendar.window(at).unwrap_or_else(|| minute(at)),
        }
    }
}

fn minute(at: i64) -> Window {
    let start = at.saturating_sub(at.rem_euclid(MINUTE_MS));
    Window { start, end: start.saturating_add(MINUTE_MS) }
}

#[cfg(test)]
mod tests;
