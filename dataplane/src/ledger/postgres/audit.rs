//! Who has changed what.

use aigne_hub_crds::config::PriceSheet;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::insert::{text, time};
use super::{Postgres, accounts};
use crate::ledger::accounts::{Done, Wish};
use crate::ledger::audit::{Audit, By, Line};
use crate::ledger::store::StoreError;

impl Audit for Postgres {
    async fn fulfil_as(&self, account: &str, wish: &Wish, now: i64, by: &By) -> Result<Done, StoreError> {
        self.ask(async |connection| {
            let mut transaction = connection.begin().await?;
            let done = accounts::enter(&mut transaction, account, wish, now).await?;
            if done == Done::Entered {
                line(&mut transaction, Some(account), now, by).await?;
            }
            transaction.commit().await?;
            Ok(done)
        })
        .await
    }

    async fn record(&self, account: Option<&str>, now: i64, by: &By) -> Result<(), StoreError> {
        self.ask(async |connection| line(connection, account, now, by).await).await
    }

    async fn lines(&self, account: Option<&str>, most: u32) -> Result<Vec<Line>, StoreError> {
        let text = "SELECT at, actor, command, account, detail FROM audit WHERE $1::text IS NULL OR account = $1 \
             ORDER BY id DESC LIMIT $2";
        let query = sqlx::query(text).bind(account).bind(i64::from(most));
        let line = |row: &PgRow| {
            Ok(Line {
                at: row.try_get::<jiff_sqlx::Timestamp, _>(0)?.to_jiff().as_millisecond(),
                actor: row.try_get(1)?,
                command: row.try_get(2)?,
                account: row.try_get(3)?,
                detail: row.try_get(4)?,
            })
        };
        self.ask(async |connection| query.fetch_all(connection).await?.iter().rev().map(line).collect()).await
    }

    async fn rerated(&self, account: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let text = "SELECT reference, amount FROM entries WHERE account = $1 AND kind = 'Correction' \
             AND reference >= 'rerate/' AND reference < 'rerate0'";
        let query = sqlx::query_as(text).bind(account);
        self.ask(async |connection| query.fetch_all(connection).await).await
    }

    async fn sheets(&self) -> Result<Vec<PriceSheet>, StoreError> {
        let query = sqlx::query_scalar("SELECT sheet FROM price_sheets ORDER BY recorded_at, revision");
        let sheets: Vec<String> = self.ask(async |connection| query.fetch_all(connection).await).await?;
        let read = sheets.iter().map(|sheet| serde_json::from_str(sheet));
        read.collect::<Result<_, _>>().map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}

async fn line(connection: &mut PgConnection, account: Option<&str>, now: i64, by: &By) -> sqlx::Result<()> {
    let insert =
        "INSERT INTO audit (id, at, actor, command, account, detail) VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(insert).bind(Uuid::now_v7()).bind(time(now).to_sqlx()).bind(text(&by.actor));
    query.bind(by.command).bind(account).bind(text(&by.detail)).execute(connection).await.map(drop)
}
