//! Whether the ledger has what journals have: pure, but for asking for the rows.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use uuid::Uuid;

use super::accounts::Difference;
use super::journal::{Seen, look};
use super::store::{Report, StoreError, UsageRow};
use super::{Intent, Outcome};

/// Requests asked for at once.
const AT_ONCE: usize = 1_000;

const SAME: &str = "each row in a journal is the same in the ledger";
const KNOWN: &str = "each outcome in a journal has its intent or its row";
const WAITS: &str = "each row in a journal was moved into the ledger";
const OPEN: &str = "each attempt in a journal has ended";

/// Why journals could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(#[from] std::io::Error),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every difference between the journals below `root` and the ledger. Gateways may go on: the journals are looked at
/// first, so what is moved meanwhile is found.
pub async fn compare(root: &Path, ledger: &impl Report) -> Result<Vec<Difference>, CompareError> {
    let seen = look(root)?;
    let mut requests: Vec<_> = seen.keys().map(|(request, _)| *request).collect();
    requests.dedup();
    let mut rows = HashMap::new();
    for some in requests.chunks(AT_ONCE) {
        rows.extend(ledger.rows_of(some).await?.into_iter().map(|row| ((row.request_id, row.attempt), row)));
    }
    Ok(differences(&seen, &rows))
}

fn differences(seen: &BTreeMap<(Uuid, u32), Seen>, rows: &HashMap<(Uuid, i64), UsageRow>) -> Vec<Difference> {
    let mut found = Vec::new();
    for ((request, attempt), Seen { intent, outcome }) in seen {
        let name = format!("{} {attempt}", request.simple());
        let row = rows.get(&(*request, i64::from(*attempt)));
        match (intent, outcome, row) {
            (intent, Some(outcome), Some(row)) => {
                compare_row(&name, intent.as_ref(), outcome, row, &mut found);
            }
            (Some(_), Some(outcome), None) => found.push(Difference {
                check: WAITS,
                what: name,
                expected: Some(outcome.charge.price.0),
                found: None,
                pending: true,
            }),
            (None, Some(outcome), None) => found.push(Difference {
                check: KNOWN,
                what: name,
                expected: Some(outcome.charge.price.0),
                found: None,
                pending: false,
            }),
            (Some(intent), None, None) => found.push(Difference {
                check: OPEN,
                what: name,
                expected: None,
                found: Some(intent.bound_charge.price.0),
                pending: true,
            }),
            // It has ended since the journal was looked at.
            (_, None, _) => {}
        }
    }
    found
}

fn compare_row(
    name: &str,
    intent: Option<&Intent>,
    outcome: &Outcome,
    row: &UsageRow,
    found: &mut Vec<Difference>,
) {
    let usage = &outcome.usage;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    for (field, here, there) in [
        ("http_status", i64::from(outcome.http_status), row.http_status),
        ("input_tokens", count(usage.input), row.input_tokens),
        ("cached_input_tokens", count(usage.cached_input), row.cached_input_tokens),
        ("cache_write_tokens", count(usage.cache_write), row.cache_write_tokens),
        ("output_tokens", count(usage.output), row.output_tokens),
        ("reasoning_tokens", count(usage.reasoning), row.reasoning_tokens),
        ("audio_input_tokens", count(usage.audio_input), row.audio_input_tokens),
        ("audio_output_tokens", count(usage.audio_output), row.audio_output_tokens),
        ("image_input_tokens", count(usage.image_input), row.image_input_tokens),
        ("image_output_tokens", count(usage.image_output), row.image_output_tokens),
        ("images", count(usage.images), row.images),
        ("media_ms", count(usage.millis), row.media_ms),
        ("characters", count(usage.characters), row.characters),
        ("cost_nanos", outcome.charge.cost.0, row.cost_nanos),
        ("price_nanos", outcome.charge.price.0, row.price_nanos),
    ] {
        if here != there {
            let what = format!("{name} {field}");
            found.push(Difference {
                check: SAME,
                what,
                expected: Some(here),
                found: Some(there),
                pending: false,
            });
        }
    }
    let mut words = vec![
        ("status", outcome.status.name(), &*row.status),
        ("source", outcome.source.name(), &*row.source),
        ("image_size", usage.image.size.as_str(), row.image_size.as_deref().unwrap_or_default()),
        ("image_quality", usage.image.quality.as_str(), row.image_quality.as_deref().unwrap_or_default()),
    ];
    if let Some(intent) = intent {
        words.extend([
            ("tenant", &*intent.tenant, &*row.tenant),
            ("account", &*intent.account, &*row.account),
            ("key", &*intent.key, &*row.key),
            ("provider", &*intent.provider, &*row.provider),
            ("model", &*intent.model, &*row.model),
        ]);
    }
    for (field, here, there) in words {
        // Postgres keeps no NUL.
        if here.replace('\0', "\u{FFFD}") != there.replace('\0', "\u{FFFD}") {
            let what = format!("{name} with {field} {here:?} instead of {there:?}");
            found.push(Difference { check: SAME, what, expected: Some(1), found: Some(0), pending: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Row;
    use crate::ledger::journal::{Journals, Options};
    use crate::ledger::sqlite::Sqlite;
    use crate::ledger::store::Store as _;
    use crate::ledger::testing::{HOLDER, intent, outcome};

    fn said(found: &[Difference]) -> Vec<(&str, String, bool)> {
        found.iter().map(|one| (one.check, one.what.clone(), one.pending)).collect()
    }

    #[tokio::test]
    async fn what_a_living_journal_has_is_compared_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("journal");
        assert!(compare(&root, &Sqlite::open(&folder.path().join("l")).await.unwrap()).await.is_err());
        let options = Options { segment_bytes: 1 << 16, ready_segments: 1, max_segments: 2 };
        let journals = Journals::create(&root, options).unwrap();
        let mut journal = journals.open(0).unwrap();
        for number in 1..=4 {
            journal.intent(&intent(number, 1)).unwrap();
        }
        for number in 1..=3 {
            journal.outcome(&outcome(number, 1)).unwrap();
        }
        // 1 was moved, 2 differs, 3 waits, 4 is open.
        let store = Sqlite::open(&folder.path().join("ledger")).await.unwrap();
        let mut other = outcome(2, 1);
        other.usage.output += 7;
        other.charge.price.0 -= 1;
        let rows = [
            Row { intent: intent(1, 1), outcome: outcome(1, 1) },
            Row { intent: crate::ledger::Intent { account: "other".into(), ..intent(2, 1) }, outcome: other },
        ];
        store.insert(HOLDER, &rows).await.unwrap();
        let found = compare(&root, &store).await.unwrap();
        let id = |number: u128| format!("{} 1", intent(number, 1).request_id.simple());
        assert_eq!(
            said(&found),
            [
                (SAME, format!("{} output_tokens", id(2)), false),
                (SAME, format!("{} price_nanos", id(2)), false),
                (
                    SAME,
                    format!("{} with account {:?} instead of \"other\"", id(2), &*intent(2, 1).account),
                    false
                ),
                (WAITS, id(3), true),
                (OPEN, id(4), true),
            ]
        );
        let (expected, there) = (found[0].expected.unwrap(), found[0].found.unwrap());
        assert_eq!(there - expected, 7);
        // Nothing was touched: the process goes on, and another look finds what it did.
        journal.outcome(&outcome(4, 1)).unwrap();
        store.insert(HOLDER, &[Row { intent: intent(3, 1), outcome: outcome(3, 1) }]).await.unwrap();
        let found = compare(&root, &store).await.unwrap();
        assert_eq!(said(&found[3..]), [(WAITS, id(4), true)]);
    }

    #[test]
    fn an_outcome_alone_is_a_mistake_only_where_its_row_is_missing() {
        let key = (outcome(1, 1).request_id, 1);
        let seen = [(key, Seen { intent: None, outcome: Some(outcome(1, 1)) })].into();
        assert_eq!(
            said(&differences(&seen, &HashMap::new())),
            [(KNOWN, format!("{} 1", key.0.simple()), false)]
        );
    }
}
