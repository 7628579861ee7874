//! Who has changed what.

use aigne_hub_crds::config::PriceSheet;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::{Sqlite, accounts};
use crate::ledger::accounts::{Done, Wish};
use crate::ledger::audit::{Audit, By, Line};
use crate::ledger::store::StoreError;

impl Audit for Sqlite {
    async fn fulfil_as(&self, account: &str, wish: &Wish, now: i64, by: &By) -> Result<Done, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = accounts::enter(&mut transaction, account, wish, now).await?;
        if done == Done::Entered {
            line(&mut transaction, Some(account), now, by).await?;
        }
        transaction.commit().await?;
        Ok(done)
    }

    async fn record(&self, account: Option<&str>, now: i64, by: &By) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        line(&mut transaction, account, now, by).await?;
        Ok(transaction.commit().await?)
    }

    async fn lines(&self, account: Option<&str>, most: u32) -> Result<Vec<Line>, StoreError> {
        let text = "SELECT at, actor, command, account, detail FROM audit WHERE ?1 IS NULL OR account = ?1 \
             ORDER BY id DESC LIMIT ?2";
        let rows = sqlx::query(text).bind(account).bind(most).fetch_all(&self.pool).await?;
        let line = |row: &SqliteRow| {
            Ok(Line {
                at: row.try_get(0)?,
                actor: row.try_get(1)?,
                command: row.try_get(2)?,
                account: row.try_get(3)?,
                detail: row.try_get(4)?,
            })
        };
        Ok(rows.iter().rev().map(line).collect::<sqlx::Result<_>>()?)
    }

    async fn rerated(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let text = "SELECT reference, amount FROM entries WHERE account = ? AND kind = 'Correction' \
             AND reference >= 'rerate/' AND reference < 'rerate0'";
        Ok(sqlx::query_as(text).bind(account).fetch_all(&self.pool).await?)
    }

    async fn sheets(&self) -> Result<Vec<PriceSheet>, StoreError> {
        let text = "SELECT sheet FROM price_sheets ORDER BY recorded_at, revision";
        let sheets: Vec<String> = sqlx::query_scalar(text).fetch_all(&self.pool).await?;
        let read = sheets.iter().map(|sheet| serde_json::from_str(sheet));
        read.collect::<Result<_, _>>().map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

async fn line(
    connection: &mut SqliteConnection,
    account: Option<&str>,
    now: i64,
    by: &By,
) -> sqlx::Result<()> {
    let text = "INSERT INTO audit (id, at, actor, command, account, detail) VALUES (?, ?, ?, ?, ?, ?)";
    let query = sqlx::query(text).bind(Uuid::now_v7().as_bytes().to_vec()).bind(now);
    let query = query.bind(&by.actor).bind(by.command).bind(account).bind(&by.detail);
    query.execute(connection).await.map(drop)
}
