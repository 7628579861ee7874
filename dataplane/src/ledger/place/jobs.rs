//! The jobs of either store.

use uuid::Uuid;

use super::Ledger;
use crate::ledger::jobs::{Due, Jobs};
use crate::ledger::store::StoreError;

impl Jobs for Ledger {
    async fn take_due(&self, now: i64, most: u32) -> Result<Vec<Due>, StoreError> {
        match self {
            Self::Sqlite(store) => store.take_due(now, most).await,
            Self::Postgres(store) => store.take_due(now, most).await,
        }
    }

    async fn job_over(&self, request_id: Uuid) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.job_over(request_id).await,
            Self::Postgres(store) => store.job_over(request_id).await,
        }
    }
}
