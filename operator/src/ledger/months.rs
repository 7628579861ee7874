//! The months of usage: those to come are made ahead, those that are old enough are dropped where that is asked for.
//!
//! Nothing here holds up a gateway: a lock that is not free is not waited for, and a month is detached concurrently
//! before it is dropped.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};
use tokio::{sync::watch, time::sleep};

use super::{Ledger, LedgerError};
use crate::{clock, metrics::Metrics};

/// How often it is looked.
const EVERY: Duration = Duration::from_hours(1);
/// After it could not be done.
const AGAIN: Duration = Duration::from_secs(10);
/// A statement: detaching waits for those who still read the month.
const WITHIN: Duration = Duration::from_mins(1);
/// What is to be dropped says so, so that whoever comes next goes on where somebody ended; what a person has detached does
/// not.
const MARK: &str = "aigne-hub: usage that is older than its retention; to be dropped";

/// How many whole months of usage rows are kept beside the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(NonZeroU32);

impl Retention {
    /// The fewest: the statement of a month can still be asked for in the next.
    pub const FEWEST: u32 = 2;

    /// `None` where that is too few.
    pub fn new(months: u32) -> Option<Self> {
        NonZeroU32::new(months).filter(|months| months.get() >= Self::FEWEST).map(Self)
    }

    /// The first month that is kept.
    fn first(self, now: Timestamp) -> Option<Date> {
        let this = now.to_zoned(TimeZone::UTC).date().first_of_month();
        this.checked_sub(jiff::Span::new().try_months(self.0.get()).ok()?).ok()
    }
}

/// A month, as the database has it.
#[derive(Clone, Debug)]
struct Month {
    table: String,
    /// Such as `2026-03`.
    name: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Attached,
    /// Somebody began to detach it.
    Detaching,
    /// Ours, and only to be dropped.
    Detached,
}

/// Sees to it while this one leads. Ends with its task.
pub async fn keep(
    ledger: Arc<Ledger>,
    retention: Option<Retention>,
    metrics: Metrics,
    mut leads: watch::Receiver<bool>,
) {
    if leads.wait_for(|leads| *leads).await.is_err() {
        return;
    }
    let mut said = false;
    loop {
        let wait = match ledger.see_to_months(retention, clock::now()).await {
            Ok(months) => {
                metrics.months(months);
                said = false;
                EVERY
            }
            Err(error) if !said => {
                tracing::warn!(%error, "the months of usage could not be seen to; it is tried again");
                said = true;
                AGAIN
            }
            Err(_) => AGAIN,
        };
        sleep(wait).await;
    }
}

impl Ledger {
    /// Makes this month and the next two, and drops what is too old. Returns how many there are.
    async fn see_to_months(
        &self,
        retention: Option<Retention>,
        now: Timestamp,
    ) -> Result<usize, LedgerError> {
        let mut connection = self.connect(WITHIN).await?;
        for ahead in 0..=1 {
            // Each makes its own month and the one after.
            let query = "SELECT make_usage_partition(usage_id((now() AT TIME ZONE 'UTC') + make_interval(months => $1)))";
            sqlx::query(query).bind(ahead).execute(&mut connection).await?;
        }
        let mut months = months(&mut connection).await?;
        if let Some(first) = retention.and_then(|retention| retention.first(now)) {
            let first = first.strftime("%Y-%m").to_string();
            let (old, kept): (Vec<_>, Vec<_>) = months.into_iter().partition(|month| month.name < first);
            for month in old {
                drop_month(&mut connection, &month).await?;
                tracing::info!(
                    month = month.name,
                    "a month of usage was dropped: it is older than its retention"
                );
            }
            months = kept;
        }
        Ok(months.iter().filter(|month| month.state == State::Attached).count())
    }
}

async fn months(connection: &mut PgConnection) -> sqlx::Result<Vec<Month>> {
    let query = "SELECT partition, month, CASE WHEN detaching THEN 1 WHEN attached THEN 0 ELSE 2 END FROM hub_usage_months \
        WHERE attached OR remark = $1 ORDER BY month";
    let rows = sqlx::query(query).bind(MARK).fetch_all(connection).await?;
    let month = |row: sqlx::postgres::PgRow| {
        let state = match row.try_get::<i32, _>(2)? {
            0 => State::Attached,
            1 => State::Detaching,
            _ => State::Detached,
        };
        Ok(Month { table: row.try_get(0)?, name: row.try_get(1)?, state })
    };
    rows.into_iter().map(month).collect()
}

/// Goes on from whatever state it is in. `table` is a quoted identifier, as the database gives it.
async fn drop_month(connection: &mut PgConnection, Month { table, state, .. }: &Month) -> sqlx::Result<()> {
    if *state == State::Attached {
        connection.execute(AssertSqlSafe(format!("COMMENT ON TABLE {table} IS '{MARK}'"))).await?;
        connection
            .execute(AssertSqlSafe(format!("ALTER TABLE usage DETACH PARTITION {table} CONCURRENTLY")))
            .await?;
    }
    if *state == State::Detaching {
        connection.execute(AssertSqlSafe(format!("COMMENT ON TABLE {table} IS '{MARK}'"))).await?;
        connection
            .execute(AssertSqlSafe(format!("ALTER TABLE usage DETACH PARTITION {table} FINALIZE")))
            .await?;
    }
    connection.execute(AssertSqlSafe(format!("DROP TABLE {table}"))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_are_kept_and_never_fewer_than_two() {
        let now = "2026-03-31T23:59:59Z".parse().unwrap();
        let first = |months| Retention::new(months)?.first(now).map(|first| first.to_string());
        assert_eq!(first(0), None);
        assert_eq!(first(1), None);
        assert_eq!(first(2).as_deref(), Some("2026-01-01"));
        assert_eq!(first(13).as_deref(), Some("2025-02-01"));
        assert_eq!(first(u32::MAX), None, "before the calendar begins nothing is dropped");
    }
}
