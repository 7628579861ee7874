//! Jobs whose end nobody has seen.

use jiff_sqlx::ToSqlx as _;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Postgres;
use super::insert::time;
use crate::ledger::jobs::{Due, Jobs, steps};
use crate::ledger::store::StoreError;

/// Many gateways ask at once: each gets others.
const TAKE: &str = "WITH due AS ( \
        SELECT request_id FROM jobs WHERE next_look <= $1 ORDER BY next_look LIMIT $2 FOR UPDATE SKIP LOCKED \
    ) \
    UPDATE jobs AS j SET looks = j.looks + 1, \
        next_look = $1 + $3[LEAST(j.looks, cardinality($3) - 1)::integer + 1] * interval '1 millisecond' \
    FROM due WHERE j.request_id = due.request_id \
    RETURNING j.request_id, j.id, j.account, j.charged, j.made_at";

impl Jobs for Postgres {
    async fn take_due(&self, now: i64, most: u32) -> Result<Vec<Due>, StoreError> {
        let query = sqlx::query(TAKE).bind(time(now).to_sqlx()).bind(i64::from(most)).bind(steps().to_vec());
        let taken = self.ask(async |connection| query.fetch_all(connection).await?.iter().map(due).collect());
        let mut taken: Vec<Due> = taken.await?;
        taken.sort_by_key(|due| (due.made_at, due.request_id));
        Ok(taken)
    }

    async fn job_over(&self, request_id: Uuid) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM jobs WHERE request_id = $1").bind(request_id);
        self.ask(async |connection| query.execute(connection).await.map(drop)).await
    }
}

fn due(row: &PgRow) -> sqlx::Result<Due> {
    let made_at: jiff_sqlx::Timestamp = row.try_get(4)?;
    Ok(Due {
        request_id: row.try_get(0)?,
        id: row.try_get(1)?,
        account: row.try_get(2)?,
        charged: row.try_get(3)?,
        made_at: made_at.to_jiff().as_millisecond(),
    })
}
