//! The ledger in Postgres (15 or later), for any number of gateways.
//!
//! Nothing is connected to before it is needed, and a connection that failed is never used again: a gateway
//! starts and serves without its database, and ships what is in its journal when it comes back. Usage rows are
//! partitioned by month; see `migrations/postgres`.

mod accounts;
mod audit;
mod connection;
mod insert;
mod jobs;
mod leases;
mod outbox;
mod partitions;
mod report;
mod schema;
mod url;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aigne_hub_crds::config::PriceSheet;
use futures::stream::BoxStream;
use uuid::Uuid;

use self::connection::{Connections, within};
pub use self::schema::Migrated;
pub use self::url::{DatabaseUrl, URL_VARIABLE};
use super::Row;
use super::accounts::{Account, Accounts, Credit, Difference, Done, Statement, Wish};
use super::leases::{Ask, Exchanged, Holding, Leases};
use super::store::{Dimension, Filter, Group, Report, Store, StoreError, Totals, UsageRow};

/// How to use a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Whether the first use brings the schema up to date. Who may not is told to run `aigne-hub migrate`.
    pub migrate: bool,
    /// The longest wait for a connection, from name resolution to the server's greeting.
    pub connect_timeout: Duration,
    /// The longest wait for anything else: rows, reports. Holds on the server too.
    pub timeout: Duration,
    /// The longest wait for migrations, and for other processes that run them.
    pub migration_timeout: Duration,
}

impl Options {
    /// What a gateway takes, which may migrate.
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            migrate: true,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            migration_timeout: Duration::from_mins(10),
        }
    }
}

/// A database that may be away. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Postgres(Arc<Connections>);

impl Postgres {
    /// Does nothing yet.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Connections::new(options)))
    }

    /// Brings the schema up to date, whatever [`Options::migrate`] says, and returns what that took.
    pub async fn migrate(&self) -> Result<Vec<Migrated>, StoreError> {
        schema::migrate(self.0.options()).await
    }
}

impl Store for Postgres {
    async fn insert(&self, holder: Uuid, rows: &[Row]) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut lease = self.0.acquire().await?;
        let work = async {
            self.0.partitions().cover(&mut lease.connection, rows).await?;
            insert::insert(&mut lease.connection, holder, rows).await
        };
        match within(self.0.options().timeout, work).await {
            Ok(new) => {
                lease.give_back();
                Ok(new)
            }
            Err(error) => {
                // It may have been for want of a partition that somebody took away.
                self.0.partitions().forget();
                Err(error)
            }
        }
    }

    async fn record_sheets(&self, sheets: &[PriceSheet]) -> Result<(), StoreError> {
        let texts: Result<Vec<_>, _> = sheets.iter().map(serde_json::to_string).collect();
        let texts = texts.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let revisions: Vec<_> = sheets.iter().map(|sheet| sheet.revision.as_str()).collect();
        if revisions.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(
            "INSERT INTO price_sheets (revision, sheet) SELECT * FROM UNNEST($1::text[], $2::text[]) AS given \
             ORDER BY 1 ON CONFLICT DO NOTHING",
        );
        let mut lease = self.0.acquire().await?;
        let work = query.bind(revisions).bind(texts).execute(&mut lease.connection);
        within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(())
    }
}

impl Report for Postgres {
    async fn sheet(&self, revision: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT sheet FROM price_sheets WHERE revision = $1").bind(revision);
        let mut lease = self.0.acquire().await?;
        let found = within(self.0.options().timeout, query.fetch_optional(&mut lease.connection)).await?;
        lease.give_back();
        Ok(found)
    }

    async fn holdings(&self, allowance: Option<&str>) -> Result<Vec<Holding>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = leases::holdings(&mut lease.connection, allowance);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    fn rows(&self, filter: &Filter) -> BoxStream<'_, Result<UsageRow, StoreError>> {
        report::rows(Arc::clone(&self.0), filter.clone())
    }

    async fn rows_of(&self, requests: &[Uuid]) -> Result<Vec<UsageRow>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = report::rows_of(&mut lease.connection, requests);
        let rows = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(rows)
    }

    async fn totals(&self, filter: &Filter, by: &[Dimension]) -> Result<BTreeMap<Group, Totals>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = report::totals(&mut lease.connection, filter, by);
        let totals = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(totals)
    }
}

impl Accounts for Postgres {
    async fn fulfil(&self, account: &str, wish: &Wish, now: i64) -> Result<Done, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::fulfil(&mut lease.connection, account, wish, now);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn due(&self, now: i64) -> Result<Vec<String>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::due(&mut lease.connection, now);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn accounts(&self, only: Option<&str>) -> Result<Vec<Account>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::accounts(&mut lease.connection, only);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn credits(&self, account: &str) -> Result<Vec<Credit>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::credits(&mut lease.connection, account);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn statement(&self, account: &str, since: i64, until: i64) -> Result<Statement, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::statement(&mut lease.connection, account, since, until);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn differences(&self) -> Result<Vec<Difference>, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = accounts::differences(&mut lease.connection);
        let done = within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(done)
    }
}

impl Leases for Postgres {
    async fn exchange(&self, holder: Uuid, ttl: Duration, asks: &[Ask]) -> Result<Exchanged, StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = leases::exchange(&mut lease.connection, holder, ttl, asks);
        let done = within(self.0.options().timeout.min(leases::LIMIT), work).await?;
        lease.give_back();
        Ok(done)
    }

    async fn close(&self, holder: Uuid) -> Result<(), StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = leases::close(&mut lease.connection, holder);
        within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(())
    }

    async fn tidy(&self, patience: Duration) -> Result<(), StoreError> {
        let mut lease = self.0.acquire().await?;
        let work = leases::tidy(&mut lease.connection, patience);
        within(self.0.options().timeout, work).await?;
        lease.give_back();
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
