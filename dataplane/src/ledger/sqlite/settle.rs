//! What new rows cost, counted against their places.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};
use uuid::Uuid;

use super::insert::{clamped, key};
use super::statements::Statements;
use crate::ledger::{Row, leases};
use crate::usage::Source;

/// Keys of rows.
pub(super) type Keys = HashSet<(Vec<u8>, i64)>;

/// Those of the rows that have their entries though they themselves were taken away, as the oldest are: they come again and
/// are not charged again. Nearly always none, and nobody is asked for a row.
pub(super) async fn charged_before(connection: &mut SqliteConnection, rows: &[Row]) -> sqlx::Result<Keys> {
    let oldest = sqlx::query_scalar("SELECT request_id FROM usage ORDER BY request_id LIMIT 1");
    let oldest: Option<Vec<u8>> = oldest.fetch_optional(&mut *connection).await?;
    let mut charged = Keys::new();
    for key in rows.iter().map(key) {
        if oldest.as_ref().is_some_and(|oldest| *oldest <= key.0) {
            continue;
        }
        let entry = sqlx::query_scalar("SELECT 1 FROM entries WHERE id = ? AND attempt = ?");
        let found: Option<i64> = entry.bind(&key.0).bind(key.1).fetch_optional(&mut *connection).await?;
        charged.extend(found.map(|_| key));
    }
    Ok(charged)
}

/// Adds the prices to what the holder spent.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    texts: &Statements,
    holder: Uuid,
    new: &[&Row],
    charged: &Keys,
) -> sqlx::Result<()> {
    let sums: Vec<_> = sums(new, charged).into_iter().collect();
    let mut rest = sums.as_slice();
    while !rest.is_empty() {
        let (size, text) = texts.spending.covering(rest.len());
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let mut arguments = SqliteArguments::default();
        for ((allowance, window), sums) in chunk {
            add(&mut arguments, allowance, *window, holder, sums).map_err(sqlx::Error::Encode)?;
        }
        sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Spent from the lease, beside it, and in suspense.
type Spent = [i128; 3];

fn sums<'a>(new: &[&'a Row], charged: &Keys) -> BTreeMap<(Cow<'a, str>, i64), Spent> {
    let mut sums = BTreeMap::<_, Spent>::new();
    for row in new {
        // As its entry has it.
        let price = i128::from(row.outcome.charge.price.0.max(-i64::MAX));
        let suspense = row.outcome.source == Source::Bound;
        if price == 0 || (!suspense && !charged.is_empty() && charged.contains(&key(row))) {
            continue;
        }
        for (allowance, window, reserved) in leases::draws(&row.intent) {
            let [spent, unreserved, held] = sums.entry((allowance, window)).or_default();
            *(if suspense {
                held
            } else if reserved {
                spent
            } else {
                unreserved
            }) += price;
        }
    }
    sums
}

fn add(
    to: &mut SqliteArguments,
    allowance: &str,
    window: i64,
    holder: Uuid,
    sums: &Spent,
) -> Result<(), sqlx::error::BoxDynError> {
    to.add(allowance)?;
    to.add(window)?;
    to.add(holder.as_bytes().as_slice())?;
    sums.iter().try_for_each(|sum| to.add(clamped(*sum)))
}
