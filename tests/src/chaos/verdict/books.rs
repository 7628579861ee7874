//! The three accounts of every request side by side: its client's, the provider's, the ledger's.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use sqlx::PgPool;

use super::joining::{Attempts, Joined, join};
use super::rows::{self, Row};
use super::{Violations, clients};
use crate::chaos::Got;
use crate::scripted::Record;

/// What the ledger says of a run that somebody else has made.
#[derive(Clone, Debug)]
pub struct Books {
    /// Tokens.
    pub joined: Joined,
    /// Usage rows by source.
    pub by_source: BTreeMap<String, usize>,
    /// Nano-dollars charged.
    pub priced: i64,
    /// Nano-dollars in suspense.
    pub suspense: i64,
    /// Empty where all is well; each with examples.
    pub violations: Vec<String>,
}

/// Compares what clients got, what the provider counted by marker, and the ledger, attempt by attempt: rows with source
/// Provider are the provider's own count to the token, every other row is within what it declares, and each attempt has its
/// row. Call it when nothing is under way and every gateway's journal is empty. Rows without a user are not of the run.
pub async fn compare(got: &[Got], records: &[Record], ledger: &PgPool) -> anyhow::Result<Books> {
    let mut rows = rows::all(ledger).await?;
    rows.retain(|row| row.user.is_some());
    let mut violations = Violations::default();
    let joined = joined(got, records, &rows, &mut violations);
    for difference in rows::hourly_differences(ledger).await? {
        violations.add("hourly sums are not those of the rows", || difference);
    }
    Ok(Books {
        joined,
        by_source: rows::by_source(&rows),
        priced: rows.iter().map(Row::charged).sum(),
        suspense: rows.iter().map(Row::suspended).sum(),
        violations: violations.into_lines(),
    })
}

/// Joins all of them by marker.
pub(super) fn joined(got: &[Got], records: &[Record], rows: &[Row], violations: &mut Violations) -> Joined {
    let mut attempts: HashMap<&str, Attempts<'_>> = HashMap::new();
    for got in got {
        attempts.insert(&got.marker, Attempts { got: Some(got), ..Attempts::default() });
    }
    for record in records {
        attempts.entry(&record.marker).or_default().seen.push(record);
    }
    for row in rows {
        attempts.entry(row.user.as_deref().unwrap_or_default()).or_default().rows.push(row);
    }
    let mut joined = Joined::default();
    for (marker, attempts) in &mut attempts {
        joined = joined.with(join(marker, attempts, violations));
        clients(marker, attempts, violations);
    }
    joined
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = &self.joined;
        writeln!(f, "rows by source: {:?}", self.by_source)?;
        writeln!(
            f,
            "tokens in rows with source Provider / of the provider itself: {} / {}",
            joined.rows, joined.provider
        )?;
        writeln!(f, "attempts joined / never seen by the provider: {} / {}", joined.attempts, joined.unseen)?;
        write!(f, "nano-dollars charged / in suspense: {} / {}", self.priced, self.suspense)?;
        self.violations.iter().try_for_each(|line| write!(f, "\nDOES NOT HOLD: {line}"))
    }
}
