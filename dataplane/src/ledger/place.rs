//! Which store a ledger is in, chosen when the program starts.

mod audit;
mod jobs;
mod outbox;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aigne_hub_crds::config::PriceSheet;
use futures::stream::BoxStream;
use uuid::Uuid;

use super::Row;
use super::accounts::{Account, Accounts, Credit, Difference, Done, Statement, Wish};
use super::leases::{Ask, Exchanged, Holding, Leases};
use super::postgres::{self, Postgres};
use super::sqlite::{self, Sqlite};
use super::store::{Dimension, Filter, Group, Report, Store, StoreError, Totals, UsageRow};

/// Where the ledger is.
#[derive(Clone, Debug)]
pub enum LedgerPlace {
    /// In a file of this folder, which exists; for one process.
    Sqlite {
        /// Holds [`sqlite::FILE`].
        folder: PathBuf,
    },
    /// In a Postgres database, for any number of processes.
    Postgres(postgres::Options),
}

/// A ledger in either store.
#[derive(Clone, Debug)]
pub enum Ledger {
    /// In a file.
    Sqlite(Sqlite),
    /// In a database server.
    Postgres(Postgres),
}

impl Ledger {
    /// Opens the file (and makes it, and brings its schema up to date). Postgres is only connected to when it is
    /// first needed: that it is away is no error here.
    pub async fn open(place: LedgerPlace) -> Result<Self, StoreError> {
        match place {
            LedgerPlace::Sqlite { folder } => {
                Sqlite::open(&folder.join(sqlite::FILE)).await.map(Self::Sqlite)
            }
            LedgerPlace::Postgres(options) => Ok(Self::Postgres(Postgres::new(options))),
        }
    }
}

impl Store for Ledger {
    async fn insert(&self, holder: Uuid, rows: &[Row]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.insert(holder, rows).await,
            Self::Postgres(store) => store.insert(holder, rows).await,
        }
    }

    async fn record_sheets(&self, sheets: &[PriceSheet]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.record_sheets(sheets).await,
            Self::Postgres(store) => store.record_sheets(sheets).await,
        }
    }
}

impl Report for Ledger {
    async fn sheet(&self, revision: &str) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.sheet(revision).await,
            Self::Postgres(store) => store.sheet(revision).await,
        }
    }

    async fn holdings(&self, allowance: Option<&str>) -> Result<Vec<Holding>, StoreError> {
        match self {
            Self::Sqlite(store) => store.holdings(allowance).await,
            Self::Postgres(store) => store.holdings(allowance).await,
        }
    }

    fn rows(&self, filter: &Filter) -> BoxStream<'_, Result<UsageRow, StoreError>> {
        match self {
            Self::Sqlite(store) => store.rows(filter),
            Self::Postgres(store) => store.rows(filter),
        }
    }

    async fn rows_of(&self, requests: &[Uuid]) -> Result<Vec<UsageRow>, StoreError> {
        match self {
            Self::Sqlite(store) => store.rows_of(requests).await,
            Self::Postgres(store) => store.rows_of(requests).await,
        }
    }

    async fn totals(&self, filter: &Filter, by: &[Dimension]) -> Result<BTreeMap<Group, Totals>, StoreError> {
        match self {
            Self::Sqlite(store) => store.totals(filter, by).await,
            Self::Postgres(store) => store.totals(filter, by).await,
        }
    }
}

impl Accounts for Ledger {
    async fn fulfil(&self, account: &str, wish: &Wish, now: i64) -> Result<Done, StoreError> {
        match self {
            Self::Sqlite(store) => store.fulfil(account, wish, now).await,
            Self::Postgres(store) => store.fulfil(account, wish, now).await,
        }
    }

    async fn due(&self, now: i64) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.due(now).await,
            Self::Postgres(store) => store.due(now).await,
        }
    }

    async fn accounts(&self, only: Option<&str>) -> Result<Vec<Account>, StoreError> {
        match self {
            Self::Sqlite(store) => store.accounts(only).await,
            Self::Postgres(store) => store.accounts(only).await,
        }
    }

    async fn credits(&self, account: &str) -> Result<Vec<Credit>, StoreError> {
        match self {
            Self::Sqlite(store) => store.credits(account).await,
            Self::Postgres(store) => store.credits(account).await,
        }
    }

    async fn statement(&self, account: &str, since: i64, until: i64) -> Result<Statement, StoreError> {
        match self {
            Self::Sqlite(store) => store.statement(account, since, until).await,
            Self::Postgres(store) => store.statement(account, since, until).await,
        }
    }

    async fn differences(&self) -> Result<Vec<Difference>, StoreError> {
        match self {
            Self::Sqlite(store) => store.differences().await,
            Self::Postgres(store) => store.differences().await,
        }
    }
}

impl Leases for Ledger {
    async fn exchange(&self, holder: Uuid, ttl: Duration, asks: &[Ask]) -> Result<Exchanged, StoreError> {
        match self {
            Self::Sqlite(store) => store.exchange(holder, ttl, asks).await,
            Self::Postgres(store) => store.exchange(holder, ttl, asks).await,
        }
    }

    async fn close(&self, holder: Uuid) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.close(holder).await,
            Self::Postgres(store) => store.close(holder).await,
        }
    }

    async fn tidy(&self, patience: Duration) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.tidy(patience).await,
            Self::Postgres(store) => store.tidy(patience).await,
        }
    }
}
