//! The rows of the table: which figure of which scenario each one is.

use std::collections::BTreeMap;

use crate::{
    report::Measured,
    sample::{Sample, Spread},
    target::Target,
};

/// What one repeat gave, by target.
pub(crate) type Repeat = BTreeMap<Target, Measured>;

/// One row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Metric {
    /// Its label.
    pub(crate) name: &'static str,
    of: Of,
}

/// Where a row's figure comes from.
#[derive(Clone, Copy)]
enum Of {
    /// A scenario's own figure.
    Sample(&'static str, fn(&Sample) -> f64),
    /// A scenario's figure about the target's process, which the direct run has none of.
    Process(&'static str, fn(&Sample) -> f64),
    /// How full a core was, in percent: says how far to trust the rest, and has no ratio.
    Share(&'static str, fn(&Sample) -> f64),
    /// What a scenario's figure is above that of the direct run in the same repeat.
    Added(&'static str, fn(&Sample) -> f64),
    /// The memory of the target's process, in KiB.
    Memory(fn(&Measured) -> u64),
}

/// Every row, in order. Those that end in `*` depend on how fast an idle core wakes up.
pub(crate) const ALL: [Metric; 25] = {
    use Of::{Added, Memory, Process, Sample, Share};
    const fn row(name: &'static str, of: Of) -> Metric {
        Metric { name, of }
    }
    [
        row("CPU µs/request, 1 connection *", Process("plain-c1", |s| s.cpu_us_per_request)),
        row("CPU µs/request, 500 requests/s *", Process("plain-500rps", |s| s.cpu_us_per_request)),
        row("CPU µs/request, 32 connections", Process("plain-c32", |s| s.cpu_us_per_request)),
        row("CPU µs/request, 256 connections", Process("plain-c256", |s| s.cpu_us_per_request)),
        row("requests/s, 32 connections", Sample("plain-c32", |s| s.requests_per_second)),
        row("requests/s, 256 connections", Sample("plain-c256", |s| s.requests_per_second)),
        row("added p50 µs, 1 connection *", Added("plain-c1", |s| s.whole_p50_us)),
        row("added p99 µs, 1 connection *", Added("plain-c1", |s| s.whole_p99_us)),
        row("added p50 µs, 500 requests/s *", Added("plain-500rps", |s| s.whole_p50_us)),
        row("added p99 µs, 500 requests/s *", Added("plain-500rps", |s| s.whole_p99_us)),
        row("added first token p50 µs, 1 stream *", Added("stream-c1", |s| s.first_piece_p50_us)),
        row("added first token p99 µs, 1 stream *", Added("stream-c1", |s| s.first_piece_p99_us)),
        row("added first token p50 µs, 64 streams", Added("stream-c64", |s| s.first_piece_p50_us)),
        row("added first token p99 µs, 64 streams", Added("stream-c64", |s| s.first_piece_p99_us)),
        row("CPU µs/chunk, 64 paced streams", Process("stream-c64", |s| s.cpu_us_per_chunk)),
        row("CPU µs/chunk, 256 paced streams", Process("stream-c256", |s| s.cpu_us_per_chunk)),
        row("CPU µs/chunk, 64 unpaced streams", Process("stream-unpaced", |s| s.cpu_us_per_chunk)),
        row("chunks/s, 64 unpaced streams", Sample("stream-unpaced", |s| s.chunks_per_second)),
        row("memory idle, MiB", Memory(|m| m.idle_kib)),
        row("memory under load, MiB", Memory(|m| m.peak_kib)),
        row("its core %, 32 connections", Share("plain-c32", |s| s.target_share)),
        row("load's core %, 32 connections", Share("plain-c32", |s| s.load_share)),
        row("load's core %, 256 paced streams", Share("stream-c256", |s| s.load_share)),
        row("load's core %, 64 unpaced streams", Share("stream-unpaced", |s| s.load_share)),
        row("others on both %, 32 connections", Share("plain-c32", |s| s.others_share)),
    ]
};

impl Metric {
    /// The figure in one repeat; `None` where it was not measured or has no sense.
    fn value(&self, repeat: &Repeat, target: Target) -> Option<f64> {
        let sample = |target, scenario| repeat.get(&target)?.scenarios.get(scenario);
        match self.of {
            Of::Process(..) | Of::Memory(_) if target == Target::Direct => None,
            Of::Sample(scenario, figure) | Of::Process(scenario, figure) => {
                sample(target, scenario).map(figure)
            }
            Of::Share(scenario, figure) => sample(target, scenario).map(|sample| figure(sample) * 100.0),
            // The baseline itself is shown as it is.
            Of::Added(scenario, figure) if target == Target::Direct => sample(target, scenario).map(figure),
            Of::Added(scenario, figure) => {
                Some(figure(sample(target, scenario)?) - figure(sample(Target::Direct, scenario)?))
            }
            Of::Memory(figure) => repeat.get(&target).map(figure).filter(|kib| *kib > 0).map(mebibytes),
        }
    }

    /// Over all repeats.
    pub(crate) fn spread(&self, repeats: &[Repeat], target: Target) -> Option<Spread> {
        Spread::of(repeats.iter().filter_map(|repeat| self.value(repeat, target)))
    }

    /// To nginx in the same repeat, over all repeats. What is not above zero has no ratio.
    pub(crate) fn ratio(&self, repeats: &[Repeat], target: Target) -> Option<Spread> {
        if matches!(self.of, Of::Share(..)) {
            return None;
        }
        Spread::of(repeats.iter().filter_map(|repeat| {
            let (value, reference) = (self.value(repeat, target)?, self.value(repeat, Target::Nginx)?);
            (value > 0.0 && reference > 0.0).then(|| value / reference)
        }))
    }
}

fn mebibytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeat of `plain-c1`: direct, nginx and verbatim, each as (CPU µs a request, p50 µs).
    fn repeat(figures: [(f64, f64); 3]) -> Repeat {
        let measured = |(cpu_us_per_request, whole_p50_us)| {
            let sample = Sample { cpu_us_per_request, whole_p50_us, ..Sample::default() };
            Measured { scenarios: BTreeMap::from([("plain-c1", sample)]), ..Measured::default() }
        };
        [Target::Direct, Target::Nginx, Target::Verbatim].into_iter().zip(figures.map(measured)).collect()
    }

    fn ratio(name: &str, repeats: &[Repeat]) -> Option<Spread> {
        ALL.iter().find(|metric| metric.name.starts_with(name))?.ratio(repeats, Target::Verbatim)
    }

    #[test]
    fn ratios_are_within_a_repeat() {
        let repeats = [
            repeat([(0.0, 10.0), (20.0, 30.0), (30.0, 40.0)]),
            repeat([(0.0, 10.0), (40.0, 30.0), (40.0, 50.0)]),
            repeat([(0.0, 10.0), (30.0, 30.0), (60.0, 60.0)]),
        ];
        let cpu = ratio("CPU µs/request, 1 connection", &repeats);
        assert_eq!(cpu, Some(Spread { median: 1.5, min: 1.0, max: 2.0 }));
        let added = ratio("added p50 µs, 1 connection", &repeats);
        assert_eq!(added, Some(Spread { median: 2.0, min: 1.5, max: 2.5 }));
    }

    #[test]
    fn what_is_below_the_noise_has_no_ratio() {
        let repeats = [repeat([(0.0, 50.0), (20.0, 45.0), (20.0, 60.0)])];
        assert_eq!(ratio("added p50 µs, 1 connection", &repeats), None);
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        let repeats = [repeat([(0.0, 50.0), (20.0, 45.0), (20.0, 60.0)])];
        assert_eq!(ratio("CPU µs/request, 32 connections", &repeats), None);
        assert_eq!(ratio("memory idle", &repeats), None);
    }
}
