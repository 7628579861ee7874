//! From samples to a table or to JSON. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    metric::{self, Metric, Repeat},
    sample::{Sample, Spread},
    target::Target,
};

/// The table's columns.
const TARGETS: [Target; 4] = [Target::Direct, Target::Nginx, Target::Verbatim, Target::Translated];

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Results {
    /// One entry a repeat.
    pub(crate) repeats: Vec<Repeat>,
}

/// What one repeat gave of one target.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Measured {
    /// By the scenario's name.
    pub(crate) scenarios: BTreeMap<&'static str, Sample>,
    /// Resident memory after the first request, in KiB.
    pub(crate) idle_kib: u64,
    /// The most during all scenarios, in KiB.
    pub(crate) peak_kib: u64,
    /// Why it could not be measured to the end, or is not to be believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

impl Results {
    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let mut lines =
            vec![row("", TARGETS.map(|target| target.name().into()), ["× nginx"; 2].map(Into::into))];
        for metric in &metric::ALL {
            let figures = TARGETS.map(|target| metric.spread(&self.repeats, target));
            if figures.iter().any(Option::is_some) {
                let ratios =
                    [Target::Verbatim, Target::Translated].map(|target| metric.ratio(&self.repeats, target));
                lines.push(row(metric.name, figures.map(or_dash(median)), ratios.map(or_dash(ratio))));
            }
        }
        lines.push(format!(
            "\nMedians of {}; × nginx: median (least–most) of the ratios of the single runs. \"added\" is over direct,\n\
             whose own column is absolute. * How fast an idle core wakes up dominates: reported, not judged.\n",
            self.repeats.len()
        ));
        lines.concat()
    }

    /// Everything for machines: the table's figures, and every run's.
    pub(crate) fn json(&self) -> Value {
        let summary: Vec<Value> = metric::ALL.iter().filter_map(|metric| self.summary(metric)).collect();
        json!({ "summary": summary, "repeats": self.repeats })
    }

    fn summary(&self, metric: &Metric) -> Option<Value> {
        let by_target = |figure: &dyn Fn(Target) -> Option<Spread>| -> BTreeMap<Target, Spread> {
            TARGETS.into_iter().filter_map(|target| Some((target, figure(target)?))).collect()
        };
        let values = by_target(&|target| metric.spread(&self.repeats, target));
        let ratios = by_target(&|target| metric.ratio(&self.repeats, target));
        let name = metric.name.trim_end_matches(" *");
        (!values.is_empty()).then(|| json!({ "metric": name, "values": values, "ratiosToNginx": ratios }))
    }

    /// What went wrong, a line each.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (number, repeat) in (1..).zip(&self.repeats) {
            for (target, measured) in repeat {
                let place = format!("run {number}, {}", target.name());
                failures.extend(measured.failure.iter().map(|why| format!("{place}: {why}")));
                failures.extend(measured.scenarios.iter().filter_map(|(scenario, sample)| {
                    let first = sample.first_error.as_ref()?;
                    Some(format!("{place}, {scenario}: {} errors, first: {first}", sample.errors))
                }));
            }
        }
        failures
    }
}

fn row(name: &str, figures: [String; 4], ratios: [String; 2]) -> String {
    let ([direct, nginx, verbatim, translated], [times_verbatim, times_translated]) = (figures, ratios);
    format!(
        "{name:<38}{direct:>9}{nginx:>9}{verbatim:>10}  {times_verbatim:<18}{translated:>11}  {times_translated}\n"
    )
}

fn or_dash(format: fn(Spread) -> String) -> impl Fn(Option<Spread>) -> String {
    move |spread| spread.map_or_else(|| "–".into(), format)
}

/// With the digits that matter.
fn median(Spread { median, .. }: Spread) -> String {
    match median.abs() {
        size if size >= 99.95 => format!("{median:.0}"),
        size if size >= 9.995 => format!("{median:.1}"),
        _ => format!("{median:.2}"),
    }
}

fn ratio(Spread { median, min, max }: Spread) -> String {
    format!("{median:.2} ({min:.2}–{max:.2})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let measured = |cpu_us_per_request, errors: u64| {
            let first_error = (errors > 0).then(|| "status 500".into());
            let sample = Sample { cpu_us_per_request, errors, first_error, ..Sample::default() };
            Measured { scenarios: BTreeMap::from([("plain-c32", sample)]), ..Measured::default() }
        };
        let failed = Measured { failure: Some("no ledger".into()), ..Measured::default() };
        let repeat = [
            (Target::Nginx, measured(20.0, 0)),
            (Target::Verbatim, measured(25.0, 2)),
            (Target::Translated, failed),
        ];
        Results { repeats: vec![repeat.into()] }
    }

    #[test]
    fn the_table_shows_figures_and_ratios() {
        let table = results().table();
        let row = table.lines().find(|line| line.starts_with("CPU µs/request, 32 connections"));
        let cells: Vec<_> = row.unwrap_or_default().split_whitespace().skip(4).collect();
        assert_eq!(cells, ["–", "20.0", "25.0", "1.25", "(1.25–1.25)", "–", "–"]);
        assert!(!table.contains("500 requests/s"), "a row without any figure");
    }

    #[test]
    fn failures_name_their_run() {
        let expected =
            ["run 1, verbatim, plain-c32: 2 errors, first: status 500", "run 1, translated: no ledger"];
        assert_eq!(results().failures(), expected);
    }
}
