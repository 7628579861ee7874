//! What one scenario's run gave: raw counts, and the figures made of them. Pure.

use std::time::Duration;

use serde::Serialize;

use crate::usage::Spent;

/// Counts of one run, warm-up included where it says so.
#[derive(Default)]
pub(crate) struct Counted {
    /// Requests sent, warm-up included.
    pub(crate) sent: u64,
    /// Correct answers, warm-up included.
    pub(crate) answered: u64,
    /// Answers that ended within the window.
    pub(crate) requests: usize,
    /// Pieces of streamed text that arrived within the window.
    pub(crate) pieces: usize,
    /// Waits for the whole answer, of requests begun within the window.
    pub(crate) whole: Vec<Duration>,
    /// Waits for the first piece of text, likewise.
    pub(crate) first_piece: Vec<Duration>,
    /// Answers that were wrong or never came.
    pub(crate) errors: u64,
    /// What the first of them said.
    pub(crate) first_error: Option<String>,
}

impl Counted {
    /// Counts a request that is about to be sent; gives its number.
    pub(crate) fn send(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// Counts an error.
    pub(crate) fn fail(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }
}

/// One run's window: how long it was, and what was used and counted in it.
pub(crate) struct Window {
    /// Its length.
    pub(crate) wall: Duration,
    /// CPU time.
    pub(crate) spent: Spent,
    /// What was counted.
    pub(crate) counted: Counted,
}

/// The figures of one run. Times are microseconds, shares are of one core.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// Answers a second.
    pub(crate) requests_per_second: f64,
    /// Pieces of text a second, in all streams together.
    pub(crate) chunks_per_second: f64,
    /// CPU time of the target per answer.
    pub(crate) cpu_us_per_request: f64,
    /// CPU time of the target per piece of streamed text.
    pub(crate) cpu_us_per_chunk: f64,
    /// Wait for the whole answer: half of the requests took no longer.
    pub(crate) whole_p50_us: f64,
    /// 99 of 100 took no longer.
    pub(crate) whole_p99_us: f64,
    /// Wait for the first piece of text, likewise.
    pub(crate) first_piece_p50_us: f64,
    /// Likewise.
    pub(crate) first_piece_p99_us: f64,
    /// Share of a core that the target used.
    pub(crate) target_share: f64,
    /// Share of a core that client and upstream used: near 1, they and not the target are being measured.
    pub(crate) load_share: f64,
    /// Share of a core that others used on these two cores: more than a few percent make the figures doubtful.
    pub(crate) others_share: f64,
    /// Requests sent, warm-up included.
    pub(crate) sent: u64,
    /// Correct answers, warm-up included.
    pub(crate) answered: u64,
    /// Answers that were wrong or never came.
    pub(crate) errors: u64,
    /// What the first of them said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_error: Option<String>,
}

impl Sample {
    /// Makes figures of a window.
    pub(crate) fn of(window: Window) -> Self {
        let Window { wall, spent, counted } = window;
        let seconds = wall.as_secs_f64();
        let per = |count: usize| if count == 0 { 0.0 } else { microseconds(spent.target) / float(count) };
        let [whole_p50_us, whole_p99_us] = percentiles(counted.whole).map(microseconds);
        let [first_piece_p50_us, first_piece_p99_us] = percentiles(counted.first_piece).map(microseconds);
        Self {
            requests_per_second: float(counted.requests) / seconds,
            chunks_per_second: float(counted.pieces) / seconds,
            cpu_us_per_request: per(counted.requests),
            cpu_us_per_chunk: per(counted.pieces),
            whole_p50_us,
            whole_p99_us,
            first_piece_p50_us,
            first_piece_p99_us,
            target_share: spent.target.as_secs_f64() / seconds,
            load_share: spent.own.as_secs_f64() / seconds,
            others_share: spent.others.as_secs_f64() / seconds,
            sent: counted.sent,
            answered: counted.answered,
            errors: counted.errors,
            first_error: counted.first_error,
        }
    }
}

/// Counts stay far below 2^52, where this is exact.
#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The 50th and 99th percentile by nearest rank; zero where there is nothing.
fn percentiles(mut values: Vec<Duration>) -> [Duration; 2] {
    values.sort_unstable();
    [50, 99].map(|percent| {
        let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
        values.get(rank).copied().unwrap_or_default()
    })
}

/// Median, least and most of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub(crate) median: f64,
    /// The least.
    pub(crate) min: f64,
    /// The most.
    pub(crate) max: f64,
}

impl Spread {
    /// Of the values that are numbers; `None` where there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values = (1..=100).rev().map(Duration::from_micros).collect();
        assert_eq!(percentiles(values), [50, 99].map(Duration::from_micros));
        assert_eq!(percentiles(vec![Duration::from_micros(7)]), [Duration::from_micros(7); 2]);
        assert_eq!(percentiles(Vec::new()), [Duration::ZERO; 2]);
    }

    #[test]
    fn a_spread_ignores_what_is_no_number() {
        assert_eq!(Spread::of([3.0, f64::NAN, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([f64::INFINITY]), None);
    }

    #[test]
    fn figures_are_per_window() {
        let counted =
            Counted { requests: 2_000, pieces: 4_000, sent: 2_100, answered: 2_100, ..Counted::default() };
        let [target, own] = [100, 1_000].map(Duration::from_millis);
        let spent = Spent { target, own, ..Spent::default() };
        let sample = Sample::of(Window { wall: Duration::from_secs(2), spent, counted });
        assert!((sample.requests_per_second - 1_000.0).abs() < 1e-9);
        assert!((sample.cpu_us_per_request - 50.0).abs() < 1e-9);
        assert!((sample.cpu_us_per_chunk - 25.0).abs() < 1e-9);
        assert!((sample.load_share - 0.5).abs() < 1e-9);
    }
}
