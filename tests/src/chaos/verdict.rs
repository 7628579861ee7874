//! The books are opened: what the provider counted, what the ledger has, and what clients got, one by one.

mod books;
mod caps;
mod figures;
mod joining;
mod rows;

use std::collections::BTreeMap;

use sqlx::PgPool;

use super::Options;
use super::client::{End, Got};
use super::events::Happened;
use super::tenants::Customer;
use crate::scripted::Record;

use books::joined;
pub use books::{Books, compare};
pub use caps::{AllCaps, Caps};
pub use figures::Figures;
use joining::Attempts;
pub use joining::Joined;
use rows::Row;

/// More of a kind are only counted.
const NAMED: usize = 8;

/// What a run leaves behind, beside the database.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) got: Vec<Got>,
    pub(super) records: Vec<Record>,
    pub(super) happened: Happened,
    pub(super) cuts: u64,
    /// What `aigne-hub reconcile` says where it does not add up.
    pub(super) reconciled: Result<(), String>,
    pub(super) panicked: Vec<String>,
}

/// Figures, and what does not hold.
#[derive(Debug)]
pub struct Verdict {
    /// For people.
    pub figures: Figures,
    /// Empty where all is well; each with examples.
    pub violations: Vec<String>,
}

/// Collects what does not hold, the first few of each kind by name.
#[derive(Debug, Default)]
struct Violations(BTreeMap<&'static str, (usize, Vec<String>)>);

impl Violations {
    fn add(&mut self, kind: &'static str, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(kind).or_default();
        *count += 1;
        if examples.len() < NAMED {
            examples.push(example());
        }
    }

    fn count(&self, kind: &str) -> usize {
        self.0.get(kind).map_or(0, |(count, _)| *count)
    }

    fn into_lines(self) -> Vec<String> {
        let line = |(kind, (count, examples)): (&str, (usize, Vec<String>))| {
            format!("{kind}: {count}\n    {}", examples.join("\n    "))
        };
        self.0.into_iter().map(line).collect()
    }
}

const TWICE: &str = "an attempt has two rows";

pub(super) async fn judge(
    options: &Options,
    customers: &[Customer],
    evidence: Evidence,
    ledger: &PgPool,
) -> anyhow::Result<Verdict> {
    let mut violations = Violations::default();
    let rows = rows::all(ledger).await?;
    let joined = joined(&evidence.got, &evidence.records, &rows, &mut violations);
    if let Err(said) = &evidence.reconciled {
        violations.add("the ledger does not add up", || said.clone());
    }
    for line in &evidence.panicked {
        violations.add("a panic", || line.clone());
    }
    for difference in rows::hourly_differences(ledger).await? {
        violations.add("hourly sums are not those of the rows", || difference);
    }
    let caps = caps::check(options, customers, &rows, &evidence.got, &mut violations);
    let refused = refused(&evidence.got);
    let figures = Figures {
        seed: options.seed,
        requests: evidence.got.len(),
        whole: evidence.got.iter().filter(|got| matches!(got.end, End::Whole { .. })).count(),
        left: evidence.got.iter().filter(|got| matches!(got.end, End::Partial | End::Nothing)).count(),
        refused,
        seen: evidence.records.len(),
        by_source: rows::by_source(&rows),
        rows: rows.len(),
        happened: evidence.happened,
        cuts: evidence.cuts,
        double: violations.count(TWICE),
        joined,
        caps,
        priced: rows.iter().map(Row::charged).sum(),
        suspense: rows.iter().map(Row::suspended).sum(),
    };
    sanity(&figures, &mut violations);
    Ok(Verdict { figures, violations: violations.into_lines() })
}

/// Whoever got a whole answer has one row that says so; nobody got what no gateway may give.
fn clients(marker: &str, attempts: &Attempts<'_>, violations: &mut Violations) {
    let Some(got) = attempts.got else {
        return violations
            .add("a row or an attempt that no client asked for", || format!("{marker}: {attempts:?}"));
    };
    match &got.end {
        End::Whole { request_id } => {
            let completed = attempts.rows.iter().filter(|row| row.status == "Completed").count();
            let others = attempts.rows.iter().filter(|row| row.request_id != *request_id).count();
            if completed != 1 || others > 0 {
                violations
                    .add("a whole answer without exactly one Completed row", || format!("{attempts:?}"));
            }
        }
        End::Wrong(what) => {
            violations.add("an answer that no gateway may give", || format!("{marker}: {what}"));
        }
        _ => {}
    }
}

fn refused(got: &[Got]) -> BTreeMap<String, usize> {
    let mut refused = BTreeMap::new();
    for got in got {
        if let End::Refused { status, kind } = &got.end {
            *refused.entry(format!("{status} {kind}")).or_default() += 1;
        }
    }
    refused
}

/// A run in which nothing happened proves nothing.
fn sanity(figures: &Figures, violations: &mut Violations) {
    let happened = figures.happened;
    let least = [
        ("whole answers", figures.whole, figures.requests / 3),
        ("SIGKILLs", usize::try_from(happened.kills).unwrap_or_default(), 1),
        ("rows counted by the provider", figures.by_source.get("Provider").copied().unwrap_or_default(), 50),
        ("estimated rows", figures.by_source.get("Estimated").copied().unwrap_or_default(), 1),
        ("rows in suspense", figures.by_source.get("Bound").copied().unwrap_or_default(), 1),
        ("clients that left", figures.left, 1),
        ("connections cut", usize::try_from(figures.cuts).unwrap_or_default(), 1),
    ];
    for (what, count, least) in least {
        if count < least {
            violations
                .add("the run proves too little", || format!("{what}: {count}, at least {least} expected"));
        }
    }
}
