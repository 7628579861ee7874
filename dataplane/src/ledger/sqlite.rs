//! The ledger in one `SQLite` file, for a single node.
//!
//! Write-ahead log, `synchronous = NORMAL`: a commit costs no fsync and survives the process; after a power
//! failure the database is whole and may lack the last moments.

mod accounts;
mod audit;
mod insert;
mod jobs;
mod leases;
mod outbox;
mod report;
mod settle;
mod statements;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aigne_hub_crds::config::PriceSheet;
use futures::stream::BoxStream;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row as _};
use uuid::Uuid;

use self::statements::Statements;
use super::Row;
use super::accounts::{Account, Accounts, Credit, Difference, Done, Statement, Wish};
use super::leases::{Ask, Exchanged, Holding, Leases};
use super::store::{Dimension, Filter, Group, Report, Store, StoreError, Totals, UsageRow};

/// The database's name in a data folder.
pub const FILE: &str = "ledger.sqlite";

/// The migrations of this version.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations/sqlite");

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// An open database.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
    statements: Arc<Statements>,
}

impl Sqlite {
    /// Opens the file, makes it where it does not exist, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = options(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // 16 MiB: the hot pages of the hourly sums are copied back less often.
            .pragma("wal_autocheckpoint", "4000");
        let store = Self::connect(options).await?;
        MIGRATIONS.run(&store.pool).await?;
        Ok(store)
    }

    /// Opens an existing file for reading, while a gateway may be writing to it.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let store = Self::connect(options(path).read_only(true)).await?;
        // Opening alone reads nothing.
        sqlx::query("SELECT 1 FROM usage LIMIT 0").execute(&store.pool).await?;
        Ok(store)
    }

    async fn connect(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self { pool, statements: Arc::new(Statements::new()) })
    }
}

#[cfg(test)]
impl Sqlite {
    /// What nobody else can do.
    pub(crate) async fn tamper(&self, text: &'static str) {
        sqlx::query(text).execute(&self.pool).await.unwrap();
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging()
}

impl Store for Sqlite {
    async fn insert(&self, holder: Uuid, rows: &[Row]) -> Result<u64, StoreError> {
        Ok(insert::insert(&self.pool, &self.statements, holder, rows).await?)
    }

    async fn record_sheets(&self, sheets: &[PriceSheet]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for sheet in sheets {
            let json =
                serde_json::to_string(sheet).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let text = "INSERT INTO price_sheets (revision, sheet, recorded_at) \
                 VALUES (?, ?, MAX(CAST(unixepoch('subsec') * 1000 AS INTEGER), \
                     (SELECT COALESCE(MAX(recorded_at), 0) + 1 FROM price_sheets))) ON CONFLICT DO NOTHING";
            sqlx::query(text).bind(&sheet.revision).bind(json).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

impl Report for Sqlite {
    async fn sheet(&self, revision: &str) -> Result<Option<String>, StoreError> {
        let found = sqlx::query("SELECT sheet FROM price_sheets WHERE revision = ?").bind(revision);
        Ok(found.fetch_optional(&self.pool).await?.map(|row| row.try_get(0)).transpose()?)
    }

    async fn holdings(&self, allowance: Option<&str>) -> Result<Vec<Holding>, StoreError> {
        Ok(leases::holdings(&self.pool, allowance).await?)
    }

    fn rows(&self, filter: &Filter) -> BoxStream<'_, Result<UsageRow, StoreError>> {
        report::rows(&self.pool, filter)
    }

    async fn rows_of(&self, requests: &[Uuid]) -> Result<Vec<UsageRow>, StoreError> {
        Ok(report::rows_of(&self.pool, requests).await?)
    }

    async fn totals(&self, filter: &Filter, by: &[Dimension]) -> Result<BTreeMap<Group, Totals>, StoreError> {
        Ok(report::totals(&self.pool, filter, by).await?)
    }
}

impl Accounts for Sqlite {
    async fn fulfil(&self, account: &str, wish: &Wish, now: i64) -> Result<Done, StoreError> {
        Ok(accounts::fulfil(&self.pool, account, wish, now).await?)
    }

    async fn due(&self, now: i64) -> Result<Vec<String>, StoreError> {
        Ok(accounts::due(&self.pool, now).await?)
    }

    async fn accounts(&self, only: Option<&str>) -> Result<Vec<Account>, StoreError> {
        Ok(accounts::accounts(&self.pool, only).await?)
    }

    async fn credits(&self, account: &str) -> Result<Vec<Credit>, StoreError> {
        Ok(accounts::credits(&self.pool, account).await?)
    }

    async fn statement(&self, account: &str, since: i64, until: i64) -> Result<Statement, StoreError> {
        Ok(accounts::statement(&self.pool, account, since, until).await?)
    }

    async fn differences(&self) -> Result<Vec<Difference>, StoreError> {
        Ok(accounts::differences(&self.pool).await?)
    }
}

impl Leases for Sqlite {
    async fn exchange(&self, holder: Uuid, ttl: Duration, asks: &[Ask]) -> Result<Exchanged, StoreError> {
        Ok(leases::exchange(&self.pool, holder, ttl, asks).await?)
    }

    async fn close(&self, holder: Uuid) -> Result<(), StoreError> {
        Ok(leases::close(&self.pool, holder).await?)
    }

    async fn tidy(&self, patience: Duration) -> Result<(), StoreError> {
        Ok(leases::tidy(&self.pool, patience).await?)
    }
}

#[cfg(test)]
mod tests;
