//! What is to be told to others. The time is the database's: one writer at a time, one clock.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};
use uuid::Uuid;

use super::Sqlite;
use crate::ledger::outbox::{
    Alert, Fate, Level, Message, Outbox, Parked, SinkState, Told, Used, Watched, What, id, milliseconds,
};
use crate::ledger::store::StoreError;

/// Unix milliseconds.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/// What an account may spend.
const BALANCE: &str = "SELECT account, balance FROM balances";

impl Outbox for Sqlite {
    async fn register(&self, sink: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let text = format!("INSERT INTO sinks (sink, since) VALUES (?, {NOW}) ON CONFLICT DO NOTHING");
        sqlx::query(AssertSqlSafe(text)).bind(sink).execute(&mut *transaction).await?;
        // Only one process serves from a file: what an earlier one had claimed is free.
        let free = "UPDATE outbox SET free_at = 0 WHERE sink = ? AND parked_at IS NULL";
        sqlx::query(free).bind(sink).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn claim(&self, sink: &str, most: u32, hold: Duration) -> Result<Vec<Message>, StoreError> {
        let waiting = format!("FROM outbox WHERE sink = ?1 AND parked_at IS NULL AND free_at <= {NOW}");
        // Nearly always there is nothing, and asking takes no lock.
        let any = format!("SELECT EXISTS (SELECT 1 {waiting})");
        if !sqlx::query_scalar::<_, bool>(AssertSqlSafe(any)).bind(sink).fetch_one(&self.pool).await? {
            return Ok(Vec::new());
        }
        let claim = format!(
            "UPDATE outbox SET free_at = {NOW} + ?3 WHERE sequence IN (SELECT sequence {waiting} ORDER BY sequence LIMIT ?2) \
             RETURNING sequence"
        );
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let claimed = sqlx::query_scalar(AssertSqlSafe(claim)).bind(sink).bind(most).bind(milliseconds(hold));
        let mut claimed: Vec<i64> = claimed.fetch_all(&mut *transaction).await?;
        claimed.sort_unstable();
        let mut messages = Vec::with_capacity(claimed.len());
        for sequence in claimed {
            let row = sqlx::query(MESSAGE).bind(sequence).fetch_one(&mut *transaction).await?;
            messages.push(message(&row)?);
        }
        transaction.commit().await?;
        Ok(messages)
    }

    async fn settle(&self, fates: &[(i64, Fate)]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for (sequence, fate) in fates {
            settle(&mut transaction, *sequence, fate).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn sinks(&self) -> Result<Vec<SinkState>, StoreError> {
        let text = "SELECT s.sink, s.since, COUNT(o.sequence) FILTER (WHERE o.parked_at IS NULL), \
                 MIN(o.at) FILTER (WHERE o.parked_at IS NULL), \
                 MIN(o.why) FILTER (WHERE o.parked_at IS NULL), COUNT(o.parked_at) \
             FROM sinks AS s LEFT JOIN outbox AS o ON o.sink = s.sink GROUP BY s.sink ORDER BY s.sink";
        let rows = sqlx::query(text).fetch_all(&self.pool).await?;
        let state = |row: &SqliteRow| {
            Ok(SinkState {
                sink: row.try_get(0)?,
                since: row.try_get(1)?,
                waiting: row.try_get(2)?,
                oldest: row.try_get(3)?,
                trouble: row.try_get(4)?,
                parked: row.try_get(5)?,
            })
        };
        Ok(rows.iter().map(state).collect::<sqlx::Result<_>>()?)
    }

    async fn parked(&self, most: u32) -> Result<Vec<Parked>, StoreError> {
        let text = "SELECT sink, id, attempt, parked_at, COALESCE(why, '') FROM outbox WHERE parked_at IS NOT NULL \
             ORDER BY sink, sequence LIMIT ?";
        let rows = sqlx::query(text).bind(most).fetch_all(&self.pool).await?;
        let parked = |row: &SqliteRow| {
            let entry = uuid(row, "id")?;
            Ok(Parked {
                sink: row.try_get(0)?,
                id: id(entry, row.try_get(2)?),
                parked_at: row.try_get(3)?,
                why: row.try_get(4)?,
            })
        };
        Ok(rows.iter().map(parked).collect::<sqlx::Result<_>>()?)
    }

    async fn retry(&self, sink: &str) -> Result<u64, StoreError> {
        let text = "UPDATE outbox SET parked_at = NULL, tries = 0, free_at = 0 WHERE sink = ?";
        Ok(sqlx::query(text).bind(sink).execute(&self.pool).await?.rows_affected())
    }

    async fn forget(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let was =
            sqlx::query("DELETE FROM sinks WHERE sink = ?").bind(sink).execute(&mut *transaction).await?;
        let rest =
            sqlx::query("DELETE FROM outbox WHERE sink = ?").bind(sink).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok((was.rows_affected() + rest.rows_affected() > 0).then(|| rest.rows_affected()))
    }

    async fn watched(&self, accounts: &[&str]) -> Result<Vec<Watched>, StoreError> {
        let text = format!(
            "SELECT b.account, b.balance, COALESCE(a.level, 'Fine') FROM ({BALANCE}) AS b \
             LEFT JOIN balance_alerts AS a ON a.account = b.account \
             WHERE b.account IN (SELECT value FROM json_each(?))"
        );
        let accounts = serde_json::json!(accounts).to_string();
        let rows = sqlx::query(AssertSqlSafe(text)).bind(accounts).fetch_all(&self.pool).await?;
        let watched = |row: &SqliteRow| {
            let level = Level::named(row.try_get(2)?);
            Ok(Watched { account: row.try_get(0)?, balance: row.try_get(1)?, level })
        };
        Ok(rows.iter().map(watched).collect::<sqlx::Result<_>>()?)
    }

    async fn alert(&self, alert: &Alert, sinks: &[&str]) -> Result<Option<Level>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let former = sqlx::query_scalar("SELECT level FROM balance_alerts WHERE account = ?");
        let former: Option<String> = former.bind(&alert.account).fetch_optional(&mut *transaction).await?;
        let balance = format!("{BALANCE} WHERE account = ?");
        let balance = sqlx::query(AssertSqlSafe(balance)).bind(&alert.account);
        let balance: i64 = balance.fetch_one(&mut *transaction).await?.try_get(1)?;
        let former = former.as_deref().map(Level::named).unwrap_or_default();
        let level = Level::of(balance, alert.low_balance_nanos);
        if level == former {
            // At once: others wait for the lock.
            transaction.rollback().await?;
            return Ok(None);
        }
        let kept = "INSERT INTO balance_alerts (account, level, at) VALUES (?, ?, ?) \
             ON CONFLICT (account) DO UPDATE SET level = excluded.level, at = excluded.at";
        let kept = sqlx::query(kept).bind(&alert.account).bind(level.name()).bind(alert.at);
        kept.execute(&mut *transaction).await?;
        if level > former {
            let alert = Alert { level, balance_nanos: balance, ..alert.clone() };
            let event = serde_json::to_string(&alert).map_err(|e| StoreError::Unavailable(e.to_string()))?;
            for sink in sinks {
                let text = format!(
                    "INSERT INTO outbox (sink, id, attempt, event, at) SELECT sink, ?2, 0, ?3, {NOW} FROM sinks WHERE sink = ?1"
                );
                let told = sqlx::query(AssertSqlSafe(text)).bind(*sink);
                let told = told.bind(Uuid::now_v7().as_bytes().to_vec()).bind(&event);
                told.execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        Ok(Some(level))
    }
}

const MESSAGE: &str = "SELECT o.sequence, o.id, o.attempt, o.tries, o.event, e.account, e.kind, e.amount, e.at, \
        e.reference, e.note, u.tenant, u.\"key\", u.\"user\", u.project, u.provider, u.model, u.status, u.source, \
        u.input_tokens, u.cached_input_tokens, u.cache_write_tokens, u.output_tokens, u.reasoning_tokens, \
        u.images, u.image_size, u.image_quality, u.media_ms, u.characters \
    FROM outbox AS o LEFT JOIN entries AS e ON o.event IS NULL AND e.id = o.id AND e.attempt = o.attempt \
    LEFT JOIN usage AS u ON e.kind = 'Usage' AND u.request_id = e.id AND u.attempt = e.attempt WHERE o.sequence = ?";

fn uuid(row: &SqliteRow, column: &str) -> sqlx::Result<Uuid> {
    Uuid::from_slice(row.try_get(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn message(row: &SqliteRow) -> sqlx::Result<Message> {
    let what = match row.try_get::<Option<&str>, _>("event")? {
        Some(event) => {
            What::Event(serde_json::from_str(event).map_err(|error| sqlx::Error::Decode(error.into()))?)
        }
        None => What::Entry(Box::new(Told {
            account: row.try_get("account")?,
            kind: row.try_get("kind")?,
            amount: row.try_get("amount")?,
            at: row.try_get("at")?,
            reference: row.try_get("reference")?,
            note: row.try_get("note")?,
            usage: used(row)?,
        })),
    };
    Ok(Message {
        sequence: row.try_get("sequence")?,
        id: id(uuid(row, "id")?, row.try_get("attempt")?),
        tries: row.try_get("tries")?,
        what,
    })
}

fn used(row: &SqliteRow) -> sqlx::Result<Option<Used>> {
    let Some(tenant) = row.try_get("tenant")? else { return Ok(None) };
    Ok(Some(Used {
        tenant,
        key: row.try_get("key")?,
        user: row.try_get("user")?,
        project: row.try_get("project")?,
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        status: row.try_get("status")?,
        source: row.try_get("source")?,
        input_tokens: row.try_get("input_tokens")?,
        cached_input_tokens: row.try_get("cached_input_tokens")?,
        cache_write_tokens: row.try_get("cache_write_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        reasoning_tokens: row.try_get("reasoning_tokens")?,
        images: row.try_get("images")?,
        image_size: row.try_get("image_size")?,
        image_quality: row.try_get("image_quality")?,
        media_ms: row.try_get("media_ms")?,
        characters: row.try_get("characters")?,
    }))
}

async fn settle(connection: &mut SqliteConnection, sequence: i64, fate: &Fate) -> sqlx::Result<()> {
    let again = |tries| {
        format!(
            "UPDATE outbox SET free_at = {NOW} + ?2, why = ?3, tries = tries + {tries} WHERE sequence = ?1"
        )
    };
    let done = match fate {
        Fate::Accepted => {
            sqlx::query("DELETE FROM outbox WHERE sequence = ?").bind(sequence).execute(connection).await
        }
        Fate::Later(after, why) => {
            let query = sqlx::query(AssertSqlSafe(again(0))).bind(sequence);
            query.bind(milliseconds(*after)).bind(why).execute(connection).await
        }
        Fate::Refused(after, why) => {
            let query = sqlx::query(AssertSqlSafe(again(1))).bind(sequence);
            query.bind(milliseconds(*after)).bind(why).execute(connection).await
        }
        Fate::Parked(why) => {
            let text = format!("UPDATE outbox SET parked_at = {NOW}, why = ?2 WHERE sequence = ?1");
            sqlx::query(AssertSqlSafe(text)).bind(sequence).bind(why).execute(connection).await
        }
    };
    done.map(drop)
}
