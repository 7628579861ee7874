//! Which row is about which attempt that the provider has seen.
//!
//! The marker says which request it was. Its attempts are told apart by their order, so an assignment of what was seen to
//! rows must keep the order, and every row that is left must be one that may never have arrived.

use super::super::client::Got;
use super::super::tenants::provider_of;
use super::rows::Row;
use super::{TWICE, Violations};
use crate::scripted::{Outcome, Record};

/// All that is known of a request.
#[derive(Debug, Default)]
pub(super) struct Attempts<'a> {
    pub(super) got: Option<&'a Got>,
    pub(super) seen: Vec<&'a Record>,
    pub(super) rows: Vec<&'a Row>,
}

/// Sums over what was joined.
#[derive(Clone, Copy, Debug, Default)]
pub struct Joined {
    /// Tokens of rows with source Provider.
    pub rows: i64,
    /// The provider's own count of the same attempts.
    pub provider: i64,
    /// Attempts that were joined.
    pub attempts: usize,
    /// Tokens in rows that are estimates.
    pub estimated: i64,
    /// The provider's own count of the same attempts.
    pub estimated_provider: i64,
    /// Rows of attempts that the provider has not seen: never sent, or lost on the way.
    pub unseen: usize,
    /// Nano-dollars that those were charged.
    pub unseen_price: i64,
}

impl Joined {
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            provider: self.provider + other.provider,
            attempts: self.attempts + other.attempts,
            estimated: self.estimated + other.estimated,
            estimated_provider: self.estimated_provider + other.estimated_provider,
            unseen: self.unseen + other.unseen,
            unseen_price: self.unseen_price + other.unseen_price,
        }
    }
}

/// Joins one request's.
pub(super) fn join(marker: &str, attempts: &mut Attempts<'_>, violations: &mut Violations) -> Joined {
    attempts.seen.sort_by_key(|record| record.ordinal);
    attempts.rows.sort_by_key(|row| row.attempt);
    let (seen, rows) = (&attempts.seen, &attempts.rows);
    if rows
        .windows(2)
        .any(|pair| pair[0].attempt == pair[1].attempt || pair[0].request_id != pair[1].request_id)
    {
        violations.add(TWICE, || format!("{marker}: {rows:?}"));
    }
    let bound = attempts.got.map_or((i64::MAX, i64::MAX), |got| got.bound);
    let Some(pairs) = assign(seen, rows, bound) else {
        let kind = match seen.len().cmp(&rows.len()) {
            std::cmp::Ordering::Greater => "an attempt that the provider has seen has no row",
            _ => "the rows of a request are not what the provider has seen",
        };
        violations.add(kind, || format!("{marker}: seen {seen:?}, rows {rows:?}"));
        return Joined::default();
    };
    let mut joined = Joined::default();
    for (row, record) in rows.iter().zip(pairs) {
        let ours = row.tokens();
        let Some(record) = record else {
            joined.unseen += 1;
            joined.unseen_price += row.charged();
            continue;
        };
        let theirs = counted(record, row);
        joined.attempts += 1;
        match row.source.as_str() {
            "Provider" => {
                joined.rows += ours.0 + ours.1;
                joined.provider += theirs.0 + theirs.1;
            }
            "Estimated" => {
                joined.estimated += ours.0 + ours.1;
                joined.estimated_provider += theirs.0 + theirs.1;
            }
            _ => {}
        }
    }
    joined
}

/// For each row the record that it is about, if any. Requests have a handful of attempts.
fn assign<'a>(seen: &[&'a Record], rows: &[&Row], bound: (i64, i64)) -> Option<Vec<Option<&'a Record>>> {
    let Some((row, later)) = rows.split_first() else {
        return seen.is_empty().then(Vec::new);
    };
    let prefixed = |record, mut pairs: Vec<_>| {
        pairs.insert(0, record);
        pairs
    };
    if let Some((record, rest)) = seen.split_first()
        && fits(record, row, bound)
        && let Some(pairs) = assign(rest, later, bound)
    {
        return Some(prefixed(Some(*record), pairs));
    }
    if may_be_unseen(row) { assign(seen, later, bound).map(|pairs| prefixed(None, pairs)) } else { None }
}

/// Whether a row says of an attempt what it may say.
fn fits(record: &Record, row: &Row, bound: (i64, i64)) -> bool {
    let within = |tokens: (i64, i64), most: (i64, i64)| tokens.0 <= most.0 && tokens.1 <= most.1;
    let (ours, theirs) = (row.tokens(), counted(record, row));
    let status = i64::from(record.status);
    let provider = row.provider.rsplit('/').next();
    provider_of(&record.path).is_some_and(|name| provider == Some(name))
        && (row.http_status == 0 || status == 0 || row.http_status == status)
        && match row.source.as_str() {
            "Provider" => ours == theirs && (row.cached_input_tokens == cached(record) || theirs == (0, 0)),
            // Neither the estimate nor the truth is beyond the bound that was reserved.
            "Estimated" => within(ours, bound) && within(theirs, bound),
            "Bound" => within(theirs, ours),
            _ => false,
        }
}

/// Nothing was sent, or nobody can tell whether it arrived.
fn may_be_unseen(row: &Row) -> bool {
    match row.status.as_str() {
        "Unreachable" | "Interrupted" => true,
        // It left while its request was on the way.
        "ClientGone" => row.source == "Estimated" && row.output_tokens == 0,
        _ => false,
    }
}

/// Input of every kind, and output. An answer that breaks off was generated all the same; an error costs nothing, unless
/// the provider has said before what the answer costs.
fn counted(record: &Record, row: &Row) -> (i64, i64) {
    if record.outcome == Outcome::Failed && row.status == "Failed" {
        return (0, 0);
    }
    let tokens = &record.tokens;
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    (count(tokens.input + tokens.cached + tokens.cache_write), count(tokens.output))
}

fn cached(record: &Record) -> i64 {
    i64::try_from(record.tokens.cached).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::super::client::End;
    use super::*;
    use crate::scripted::Tokens;

    fn record(ordinal: u32, status: u16, output: u64) -> Record {
        Record {
            marker: "m".into(),
            ordinal,
            number: 0,
            path: "/as/near/v1/chat/completions".into(),
            status,
            tokens: Tokens { input: 5, cached: 2, output, ..Tokens::default() },
            events: 1,
            outcome: Outcome::Complete,
        }
    }

    fn row(attempt: i64, status: &str, source: &str, output: i64) -> Row {
        let seen = status == "Completed";
        Row {
            request_id: "r".into(),
            attempt,
            tenant: "hub/t".into(),
            user: Some("m".into()),
            provider: "hub/near".into(),
            status: status.into(),
            http_status: if seen { 200 } else { 0 },
            source: source.into(),
            input_tokens: 5,
            cached_input_tokens: 2,
            cache_write_tokens: 0,
            output_tokens: output,
            price_nanos: 1,
        }
    }

    /// What does not hold of these, and the sums.
    fn joined(seen: &[Record], rows: &[Row]) -> (Vec<String>, Joined) {
        let got = Got { marker: "m".into(), tenant: 0, bound: (100, 20), end: End::Partial };
        let mut attempts =
            Attempts { got: Some(&got), seen: seen.iter().collect(), rows: rows.iter().collect() };
        let mut violations = Violations::default();
        let joined = join("m", &mut attempts, &mut violations);
        (violations.into_lines(), joined)
    }

    fn holds(seen: &[Record], rows: &[Row]) -> bool {
        joined(seen, rows).0.is_empty()
    }

    #[test]
    fn the_providers_own_count_must_be_the_rows_to_the_token() {
        let (violations, sums) = joined(&[record(1, 200, 9)], &[row(1, "Completed", "Provider", 9)]);
        assert_eq!((violations.len(), sums.rows, sums.provider), (0, 16, 16));
        assert!(!holds(&[record(1, 200, 9)], &[row(1, "Completed", "Provider", 10)]));
        assert!(!holds(&[record(1, 500, 9)], &[row(1, "Completed", "Provider", 9)]), "another status");
    }

    #[test]
    fn other_counts_are_within_what_the_row_declares() {
        assert!(holds(&[record(1, 200, 20)], &[row(1, "Completed", "Estimated", 3)]));
        assert!(
            !holds(&[record(1, 200, 21)], &[row(1, "Completed", "Estimated", 3)]),
            "more than was allowed"
        );
        assert!(!holds(&[record(1, 200, 3)], &[row(1, "Completed", "Estimated", 21)]), "a wild estimate");
        assert!(holds(&[record(1, 200, 8)], &[row(1, "Interrupted", "Bound", 8)]));
        assert!(!holds(&[record(1, 200, 9)], &[row(1, "Interrupted", "Bound", 8)]));
    }

    #[test]
    fn each_attempt_has_its_row_and_each_row_its_attempt() {
        let completed = || row(2, "Completed", "Provider", 9);
        assert!(!holds(&[record(1, 200, 9)], &[]), "lost");
        assert!(!holds(&[], &[completed()]), "never asked for");
        assert!(!holds(&[record(1, 200, 9)], &[completed(), completed()]), "twice");
        let lost = || row(1, "Unreachable", "Estimated", 0);
        assert!(holds(&[record(1, 200, 9)], &[lost(), completed()]), "the first never arrived");
        assert!(holds(&[record(1, 200, 3), record(2, 200, 9)], &[lost(), completed()]), "both arrived");
        assert!(
            !holds(&[record(1, 200, 9), record(2, 200, 3)], &[lost(), completed()]),
            "the wrong way round"
        );
    }
}
