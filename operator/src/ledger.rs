//! The ledger's Postgres, as far as the operator needs it: what tenants have and have spent, and the months of usage.
//!
//! What is read and called here stands in the ledger's migrations (`hub_balances`, `hub_spend`, `hub_usage_months`,
//! `make_usage_partition`): that is all that the operator knows of it. It may be away at any time.

mod error;
pub mod months;
mod url;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, Row as _};
use tokio::time::timeout;

pub use self::{
    error::LedgerError,
    url::{DatabaseUrl, URL_VARIABLE},
};
use crate::money::{Question, Reading};

/// From name resolution to the server's greeting.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A reading; holds on the server too.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// An allowance may have several rows: they add up.
const SPENT: &str = "SELECT allowance, \"window\", \
    greatest(least(sum(s.spent), 9223372036854775807), -9223372036854775808)::bigint \
    FROM UNNEST($1::text[], $2::bigint[]) AS asked (allowance, \"window\") \
    JOIN hub_spend AS s USING (allowance, \"window\") GROUP BY allowance, \"window\"";
const BALANCES: &str = "SELECT account, balance FROM hub_balances WHERE account = ANY($1::text[])";

/// The ledger.
pub struct Ledger {
    url: DatabaseUrl,
    /// The connection that readings share. One that failed, or whose answer was given up on, is closed.
    idle: Mutex<Option<PgConnection>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Connects to nothing yet.
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, idle: Mutex::default() }
    }

    /// Reads what is asked.
    pub async fn read(&self, question: Question) -> Result<Reading, LedgerError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = idle {
            match self.read_by(connection, question.clone()).await {
                Err(LedgerError::Unavailable(_)) => {}
                read => return read,
            }
        }
        // The one that there was may have been cut long ago.
        let connection = self.connect(READ_WITHIN).await?;
        self.read_by(connection, question).await
    }

    async fn read_by(
        &self,
        mut connection: PgConnection,
        question: Question,
    ) -> Result<Reading, LedgerError> {
        let reading = within(READ_WITHIN, ask(&mut connection, question)).await?;
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(reading)
    }

    /// A connection whose statements take no longer than this, and wait for a lock for moments only: nobody must wait
    /// behind one of ours that waits.
    async fn connect(&self, longest: Duration) -> Result<PgConnection, LedgerError> {
        let target = self.url.options()?.application_name("aigne-hub-operator");
        let connecting = async {
            let mut connection = target.connect().await?;
            let settings = format!(
                "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; SET lock_timeout = 2000; \
                 SET TIME ZONE 'UTC'",
                longest.as_millis()
            );
            connection.execute(AssertSqlSafe(settings)).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        within(CONNECT_WITHIN, connecting).await
    }
}

async fn ask(connection: &mut PgConnection, question: Question) -> sqlx::Result<Reading> {
    let (mut balances, mut spent) = (Vec::new(), Vec::new());
    if !question.accounts.is_empty() {
        let rows = sqlx::query(BALANCES).bind(&question.accounts).fetch_all(&mut *connection).await?;
        for row in rows {
            balances.push((row.try_get(0)?, row.try_get(1)?));
        }
    }
    if !question.budgets.is_empty() {
        let (allowances, windows): (Vec<_>, Vec<_>) =
            question.budgets.iter().map(|(allowance, window)| (allowance.as_str(), *window)).unzip();
        let rows = sqlx::query(SPENT).bind(allowances).bind(windows).fetch_all(&mut *connection).await?;
        for row in rows {
            spent.push(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
        }
    }
    Ok(question.answered(balances, spent))
}

async fn within<T>(limit: Duration, work: impl Future<Output = sqlx::Result<T>>) -> Result<T, LedgerError> {
    timeout(limit, work).await.map_err(|_| LedgerError::Late(limit))?.map_err(LedgerError::from)
}
