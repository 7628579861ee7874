//! The month's partition is there before its first row.

use std::sync::{Mutex, PoisonError};

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::ledger::Row;

/// Ranges of ids that are known to have a partition. The database alone knows what a month is.
#[derive(Debug, Default)]
pub(super) struct Partitions(Mutex<Vec<Range>>);

#[derive(Clone, Copy, Debug)]
struct Range {
    lower: Uuid,
    /// None: to the end.
    upper: Option<Uuid>,
}

impl Range {
    fn holds(&self, id: Uuid) -> bool {
        self.lower <= id && self.upper.is_none_or(|upper| id < upper)
    }
}

impl Partitions {
    /// Makes what is missing for these rows, each in a transaction of its own. Nearly always asks nobody.
    pub(super) async fn cover(&self, connection: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
        while let Some(id) = self.uncovered(rows) {
            let query = sqlx::query("SELECT lower, upper FROM make_usage_partition($1)").bind(id);
            let made = query.fetch_one(&mut *connection).await?;
            let range = Range { lower: made.try_get(0)?, upper: made.try_get(1)? };
            if !range.holds(id) {
                return Err(sqlx::Error::Protocol(format!("{id} is not in the partition made for it")));
            }
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(range);
        }
        Ok(())
    }

    /// The next batch asks again.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn uncovered(&self, rows: &[Row]) -> Option<Uuid> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The latest is the likeliest.
        let covered = |id| known.iter().rev().any(|range| range.holds(id));
        rows.iter().map(|row| row.intent.request_id).find(|id| !covered(*id))
    }
}
