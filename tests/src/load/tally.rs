//! What became of all requests so far.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::judge::Fault;
use super::plan::Kind;
use crate::chaos::Got;

/// More faults of a kind are only counted.
const NAMED: usize = 8;

/// Counts, and what clients got.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: BTreeMap<Kind, Counts>,
    faults: BTreeMap<Fault, (u64, Vec<Value>)>,
    pub(super) got: Vec<Got>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    open: u64,
    whole: u64,
    /// Of whole ones: until the head, and until the end.
    first: Vec<Duration>,
    end: Vec<Duration>,
}

impl Tally {
    pub(super) fn began(&mut self, kind: Kind) {
        let counts = self.kinds.entry(kind).or_default();
        counts.sent += 1;
        counts.open += 1;
    }

    pub(super) fn whole(&mut self, kind: Kind, first: Duration, end: Duration) {
        let counts = self.kinds.entry(kind).or_default();
        counts.open -= 1;
        counts.whole += 1;
        counts.first.push(first);
        counts.end.push(end);
    }

    pub(super) fn failed(&mut self, kind: Kind, fault: Fault, line: &Value) {
        self.kinds.entry(kind).or_default().open -= 1;
        let (count, examples) = self.faults.entry(fault).or_default();
        *count += 1;
        if examples.len() < NAMED {
            examples.push(line.clone());
        }
    }

    /// The report: sums, then by kind of request, then by kind of failure with the first of each.
    pub(super) fn report(&self, running: bool) -> Value {
        let sum = |count: fn(&Counts) -> u64| self.kinds.values().map(count).sum::<u64>();
        let of_kind = |kind: Kind| {
            let none = Counts::default();
            let counts = self.kinds.get(&kind).unwrap_or(&none);
            let value = json!({"sent": counts.sent, "answered": counts.whole, "open": counts.open,
                "first_ms": latencies(&counts.first), "end_ms": latencies(&counts.end)});
            (kind.name().to_owned(), value)
        };
        let faults = self.faults.iter().map(|(fault, (count, first))| {
            let name = serde_json::to_value(fault).ok().and_then(|name| name.as_str().map(str::to_owned));
            (name.unwrap_or_default(), json!({"count": count, "first": first}))
        });
        json!({
            "running": running,
            "sent": sum(|counts| counts.sent),
            "answered": sum(|counts| counts.whole),
            "open": sum(|counts| counts.open),
            "failed": self.faults.values().map(|(count, _)| count).sum::<u64>(),
            "kinds": Kind::ALL.into_iter().map(of_kind).collect::<serde_json::Map<_, _>>(),
            "faults": faults.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// In milliseconds.
fn latencies(times: &[Duration]) -> Value {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        let index = (sorted.len().saturating_sub(1) * percent).div_ceil(100);
        sorted.get(index).map(|time| time.as_secs_f64() * 1000.0)
    };
    json!({"p50": at(50), "p99": at(99), "max": at(100)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_adds_up() {
        let mut tally = Tally::default();
        for _ in 0..12 {
            tally.began(Kind::Chat);
        }
        tally.began(Kind::Long);
        tally.whole(Kind::Chat, Duration::from_millis(1), Duration::from_millis(2));
        for _ in 0..10 {
            tally.failed(Kind::Chat, Fault::NoAnswer, &json!({"at": "now"}));
        }
        let report = tally.report(true);
        assert_eq!(
            [&report["sent"], &report["answered"], &report["failed"], &report["open"]],
            [&json!(13), &json!(1), &json!(10), &json!(2)]
        );
        assert_eq!(report["faults"]["no_answer"]["count"], 10);
        assert_eq!(report["faults"]["no_answer"]["first"].as_array().map(Vec::len), Some(NAMED));
        assert_eq!(report["kinds"]["long"]["open"], 1);
        assert_eq!(report["kinds"]["chat"]["end_ms"]["max"], 2.0);
        assert_eq!(report["kinds"]["long"]["end_ms"]["p50"], Value::Null);
    }
}
