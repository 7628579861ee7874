//! The outbox of either store.

use std::time::Duration;

use super::Ledger;
use crate::ledger::outbox::{Alert, Fate, Level, Message, Outbox, Parked, SinkState, Watched};
use crate::ledger::store::StoreError;

impl Outbox for Ledger {
    async fn register(&self, sink: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.register(sink).await,
            Self::Postgres(store) => store.register(sink).await,
        }
    }

    async fn claim(&self, sink: &str, most: u32, hold: Duration) -> Result<Vec<Message>, StoreError> {
        match self {
            Self::Sqlite(store) => store.claim(sink, most, hold).await,
            Self::Postgres(store) => store.claim(sink, most, hold).await,
        }
    }

    async fn settle(&self, fates: &[(i64, Fate)]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.settle(fates).await,
            Self::Postgres(store) => store.settle(fates).await,
        }
    }

    async fn sinks(&self) -> Result<Vec<SinkState>, StoreError> {
        match self {
            Self::Sqlite(store) => store.sinks().await,
            Self::Postgres(store) => store.sinks().await,
        }
    }

    async fn parked(&self, most: u32) -> Result<Vec<Parked>, StoreError> {
        match self {
            Self::Sqlite(store) => store.parked(most).await,
            Self::Postgres(store) => store.parked(most).await,
        }
    }

    async fn retry(&self, sink: &str) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.retry(sink).await,
            Self::Postgres(store) => store.retry(sink).await,
        }
    }

    async fn forget(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Sqlite(store) => store.forget(sink).await,
            Self::Postgres(store) => store.forget(sink).await,
        }
    }

    async fn watched(&self, accounts: &[&str]) -> Result<Vec<Watched>, StoreError> {
        match self {
            Self::Sqlite(store) => store.watched(accounts).await,
            Self::Postgres(store) => store.watched(accounts).await,
        }
    }

    async fn alert(&self, alert: &Alert, sinks: &[&str]) -> Result<Option<Level>, StoreError> {
        match self {
            Self::Sqlite(store) => store.alert(alert, sinks).await,
            Self::Postgres(store) => store.alert(alert, sinks).await,
        }
    }
}
