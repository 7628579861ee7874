//! The audit log of either store.

use aigne_hub_crds::config::PriceSheet;

use super::Ledger;
use crate::ledger::accounts::{Done, Wish};
use crate::ledger::audit::{Audit, By, Line};
use crate::ledger::store::StoreError;

impl Audit for Ledger {
    async fn fulfil_as(&self, account: &str, wish: &Wish, now: i64, by: &By) -> Result<Done, StoreError> {
        match self {
            Self::Sqlite(store) => store.fulfil_as(account, wish, now, by).await,
            Self::Postgres(store) => store.fulfil_as(account, wish, now, by).await,
        }
    }

    async fn record(&self, account: Option<&str>, now: i64, by: &By) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.record(account, now, by).await,
            Self::Postgres(store) => store.record(account, now, by).await,
        }
    }

    async fn lines(&self, account: Option<&str>, most: u32) -> Result<Vec<Line>, StoreError> {
        match self {
            Self::Sqlite(store) => store.lines(account, most).await,
            Self::Postgres(store) => store.lines(account, most).await,
        }
    }

    async fn rerated(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        match self {
            Self::Sqlite(store) => store.rerated(account).await,
            Self::Postgres(store) => store.rerated(account).await,
        }
    }

    async fn sheets(&self) -> Result<Vec<PriceSheet>, StoreError> {
        match self {
            Self::Sqlite(store) => store.sheets().await,
            Self::Postgres(store) => store.sheets().await,
        }
    }
}
