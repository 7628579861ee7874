//! Jobs whose end nobody has seen.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::Sqlite;
use crate::ledger::Row;
use crate::ledger::jobs::{Due, Jobs, first_look, steps};
use crate::ledger::store::StoreError;

/// Those of the rows that made one and were charged for it.
pub(super) async fn insert(connection: &mut SqliteConnection, new: &[&Row]) -> sqlx::Result<()> {
    for Row { intent, outcome } in new {
        let Some(id) = &outcome.job else { continue };
        let text = "INSERT INTO jobs (request_id, id, account, charged, made_at, next_look) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let query = sqlx::query(text)
            .bind(intent.request_id.as_bytes().as_slice())
            .bind(&**id)
            .bind(&*intent.account)
            .bind(outcome.charge.price.0)
            .bind(intent.at)
            .bind(first_look(intent.at));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Jobs for Sqlite {
    async fn take_due(&self, now: i64, most: u32) -> Result<Vec<Due>, StoreError> {
        // Nearly always there is none, and asking takes no lock.
        let any = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM jobs WHERE next_look <= ?)").bind(now);
        if !any.fetch_one(&self.pool).await? {
            return Ok(Vec::new());
        }
        let text = "UPDATE jobs SET looks = looks + 1, \
                next_look = ?1 + json_extract(?3, '$[' || MIN(looks, json_array_length(?3) - 1) || ']') \
             WHERE request_id IN (SELECT request_id FROM jobs WHERE next_look <= ?1 ORDER BY next_look LIMIT ?2) \
             RETURNING request_id, id, account, charged, made_at";
        let steps = serde_json::json!(steps()).to_string();
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let taken = sqlx::query(text).bind(now).bind(most).bind(steps).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        let mut taken = taken.iter().map(due).collect::<sqlx::Result<Vec<_>>>()?;
        taken.sort_by_key(|due| (due.made_at, due.request_id));
        Ok(taken)
    }

    async fn job_over(&self, request_id: Uuid) -> Result<(), StoreError> {
        let query =
            sqlx::query("DELETE FROM jobs WHERE request_id = ?").bind(request_id.as_bytes().as_slice());
        query.execute(&self.pool).await?;
        Ok(())
    }
}

fn due(row: &SqliteRow) -> sqlx::Result<Due> {
    let request_id = Uuid::from_slice(row.try_get(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Due {
        request_id,
        id: row.try_get(1)?,
        account: row.try_get(2)?,
        charged: row.try_get(3)?,
        made_at: row.try_get(4)?,
    })
}
