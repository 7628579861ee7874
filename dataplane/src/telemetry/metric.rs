//! Numbers that one core writes and a scrape reads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Written by one core only: a load and a store, without the bus lock that an atomic addition takes.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    /// For gauges: never below zero.
    pub(super) fn subtract(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).saturating_sub(count), Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds and the unit of a histogram. The numbers are integers; `unit` turns them into what is shown.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) bounds: &'static [u64],
    pub(super) unit: f64,
}

const MS: u64 = 1_000_000;

/// Nanoseconds, shown as seconds: 10 ms to 82 s by doubling, as the conventions advise for whole operations.
pub(super) const DURATION: Scale = Scale {
    bounds: &[
        10 * MS,
        20 * MS,
        40 * MS,
        80 * MS,
        160 * MS,
        320 * MS,
        640 * MS,
        1_280 * MS,
        2_560 * MS,
        5_120 * MS,
        10_240 * MS,
        20_480 * MS,
        40_960 * MS,
        81_920 * MS,
    ],
    unit: 1e-9,
};

/// Nanoseconds, shown as seconds: finer where a first token comes.
pub(super) const FIRST_TOKEN: Scale = Scale {
    bounds: &[
        MS,
        5 * MS,
        10 * MS,
        20 * MS,
        40 * MS,
        60 * MS,
        80 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        750 * MS,
        1_000 * MS,
        2_500 * MS,
        5_000 * MS,
        7_500 * MS,
        10_000 * MS,
    ],
    unit: 1e-9,
};

/// Tokens: 1 to 67 million by fours.
pub(super) const TOKENS: Scale = Scale {
    bounds: &[
        1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
        67_108_864,
    ],
    unit: 1.0,
};

/// Counts by bucket, and the sum. Written by one core.
#[derive(Debug)]
pub(super) struct Histogram {
    scale: &'static Scale,
    /// One more than there are bounds: the last is beyond all of them.
    counts: Box<[Counter]>,
    sum: Counter,
}

impl Histogram {
    pub(super) fn new(scale: &'static Scale) -> Self {
        let counts = (0..=scale.bounds.len()).map(|_| Counter::default()).collect();
        Self { scale, counts, sum: Counter::default() }
    }

    pub(super) fn observe(&self, value: u64) {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.add(1);
        }
        self.sum.add(value);
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }
}

/// Histograms of several cores, added up.
#[derive(Debug)]
pub(super) struct Total {
    pub(super) sum: f64,
    pub(super) count: u64,
    /// Upper bound and count of that bucket alone, ascending; the last bound is infinite.
    pub(super) buckets: Vec<(f64, u64)>,
}

impl Total {
    pub(super) fn new(scale: &Scale) -> Self {
        let bounds = scale.bounds.iter().map(|bound| shown(*bound, scale.unit)).chain([f64::INFINITY]);
        Self { sum: 0.0, count: 0, buckets: bounds.map(|bound| (bound, 0)).collect() }
    }

    pub(super) fn add(&mut self, histogram: &Histogram) {
        self.sum += shown(histogram.sum.get(), histogram.scale.unit);
        for ((_, total), count) in self.buckets.iter_mut().zip(&histogram.counts) {
            *total += count.get();
            self.count += count.get();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a scraped sum is a float")]
pub(super) fn shown(value: u64, unit: f64) -> f64 {
    // Dividing by a whole number keeps 0.01 from becoming 0.010000000000000002.
    if unit < 1.0 { value as f64 / (1.0 / unit).round() } else { value as f64 * unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_to_that_bucket() {
        let histogram = Histogram::new(&TOKENS);
        for value in [0, 1, 2, 4, 67_108_864, 67_108_865] {
            histogram.observe(value);
        }
        let counts: Vec<u64> = histogram.counts.iter().map(Counter::get).collect();
        assert_eq!(counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(histogram.count(), 6);
    }

    #[test]
    fn cores_are_added_up_in_shown_units() {
        let (one, two) = (Histogram::new(&DURATION), Histogram::new(&DURATION));
        one.observe(5 * MS);
        two.observe(15 * MS);
        let mut total = Total::new(&DURATION);
        total.add(&one);
        total.add(&two);
        assert_eq!(total.count, 2);
        assert_eq!(&total.buckets[..2], &[(0.01, 1), (0.02, 1)]);
        assert!((total.sum - 0.02).abs() < 1e-12);
    }

    #[test]
    fn a_gauge_never_falls_below_zero() {
        let gauge = Counter::default();
        gauge.add(1);
        gauge.subtract(2);
        assert_eq!(gauge.get(), 0);
    }
}
