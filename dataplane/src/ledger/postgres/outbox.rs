//! What is to be told to others. The time is the server's: gateways' clocks may differ.

use std::time::Duration;

use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::Postgres;
use super::connection::within;
use super::insert::time;
use crate::ledger::outbox::{
    Alert, Fate, Level, Message, Outbox, Parked, SinkState, Told, Used, Watched, What, id, milliseconds,
};
use crate::ledger::store::StoreError;

/// What an account may spend.
const BALANCE: &str = "SELECT account, balance FROM balances";

impl Postgres {
    /// On a connection, for as long as anything but a migration may take.
    pub(super) async fn ask<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let mut lease = self.0.acquire().await?;
        let done = within(self.0.options().timeout, work(&mut lease.connection)).await?;
        lease.give_back();
        Ok(done)
    }
}

impl Outbox for Postgres {
    async fn register(&self, sink: &str) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO sinks (sink) VALUES ($1) ON CONFLICT DO NOTHING").bind(sink);
        self.ask(async |connection| query.execute(connection).await.map(drop)).await
    }

    async fn claim(&self, sink: &str, most: u32, hold: Duration) -> Result<Vec<Message>, StoreError> {
        let query = sqlx::query(CLAIM).bind(sink).bind(i64::from(most)).bind(milliseconds(hold));
        self.ask(async |connection| query.fetch_all(connection).await?.iter().map(message).collect()).await
    }

    async fn settle(&self, fates: &[(i64, Fate)]) -> Result<(), StoreError> {
        self.ask(async |connection| settle(connection, fates).await).await
    }

    async fn sinks(&self) -> Result<Vec<SinkState>, StoreError> {
        let text = "SELECT s.sink, s.since, COUNT(o.sequence) FILTER (WHERE o.parked_at IS NULL), \
                 MIN(o.at) FILTER (WHERE o.parked_at IS NULL), \
                 MIN(o.why) FILTER (WHERE o.parked_at IS NULL), COUNT(o.parked_at) \
             FROM sinks AS s LEFT JOIN outbox AS o ON o.sink = s.sink GROUP BY s.sink ORDER BY s.sink";
        let state = |row: &PgRow| {
            Ok(SinkState {
                sink: row.try_get(0)?,
                since: unix(row.try_get(1)?),
                waiting: row.try_get(2)?,
                oldest: row.try_get::<Option<jiff_sqlx::Timestamp>, _>(3)?.map(unix),
                trouble: row.try_get(4)?,
                parked: row.try_get(5)?,
            })
        };
        self.ask(async |connection| {
            sqlx::query(text).fetch_all(connection).await?.iter().map(state).collect()
        })
        .await
    }

    async fn parked(&self, most: u32) -> Result<Vec<Parked>, StoreError> {
        let text = "SELECT sink, id, attempt, parked_at, COALESCE(why, '') FROM outbox WHERE parked_at IS NOT NULL \
             ORDER BY sink, sequence LIMIT $1";
        let query = sqlx::query(text).bind(i64::from(most));
        let parked = |row: &PgRow| {
            Ok(Parked {
                sink: row.try_get(0)?,
                id: id(row.try_get(1)?, row.try_get(2)?),
                parked_at: unix(row.try_get(3)?),
                why: row.try_get(4)?,
            })
        };
        self.ask(async |connection| query.fetch_all(connection).await?.iter().map(parked).collect()).await
    }

    async fn retry(&self, sink: &str) -> Result<u64, StoreError> {
        let text =
            "UPDATE outbox SET parked_at = NULL, tries = 0, free_at = clock_timestamp() WHERE sink = $1";
        let query = sqlx::query(text).bind(sink);
        self.ask(async |connection| Ok(query.execute(connection).await?.rows_affected())).await
    }

    async fn forget(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        self.ask(async |connection| {
            let mut transaction = connection.begin().await?;
            let was = sqlx::query("DELETE FROM sinks WHERE sink = $1").bind(sink);
            let was = was.execute(&mut *transaction).await?.rows_affected();
            let rest = sqlx::query("DELETE FROM outbox WHERE sink = $1").bind(sink);
            let rest = rest.execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            Ok((was + rest > 0).then_some(rest))
        })
        .await
    }

    async fn watched(&self, accounts: &[&str]) -> Result<Vec<Watched>, StoreError> {
        let text = format!(
            "SELECT b.account, b.balance, COALESCE(a.level, 'Fine') FROM ({BALANCE}) AS b \
             LEFT JOIN balance_alerts AS a ON a.account = b.account WHERE b.account = ANY($1)"
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(accounts);
        let watched = |row: &PgRow| {
            let level = Level::named(row.try_get(2)?);
            Ok(Watched { account: row.try_get(0)?, balance: row.try_get(1)?, level })
        };
        self.ask(async |connection| query.fetch_all(connection).await?.iter().map(watched).collect()).await
    }

    async fn alert(&self, alert: &Alert, sinks: &[&str]) -> Result<Option<Level>, StoreError> {
        self.ask(async |connection| look_again(connection, alert, sinks).await).await
    }
}

const CLAIM: &str = "WITH due AS ( \
        SELECT sequence FROM outbox WHERE sink = $1 AND parked_at IS NULL AND free_at <= clock_timestamp() \
        ORDER BY sequence LIMIT $2 FOR UPDATE SKIP LOCKED \
    ), claimed AS ( \
        UPDATE outbox AS o SET free_at = clock_timestamp() + $3 * interval '1 millisecond' \
        FROM due WHERE o.sequence = due.sequence RETURNING o.sequence, o.id, o.attempt, o.tries, o.event \
    ) \
    SELECT o.sequence, o.id, o.attempt, o.tries, o.event, e.account, e.kind, e.amount, e.at, \
        e.reference, e.note, u.tenant, u.\"key\", u.\"user\", u.project, u.provider, u.model, u.status, u.source, \
        u.input_tokens, u.cached_input_tokens, u.cache_write_tokens, u.output_tokens, u.reasoning_tokens, \
        u.images, u.image_size, u.image_quality, u.media_ms, u.characters \
    FROM claimed AS o LEFT JOIN entries AS e ON o.event IS NULL AND e.id = o.id AND e.attempt = o.attempt \
    LEFT JOIN usage AS u ON e.kind = 'Usage' AND u.request_id = e.id AND u.attempt = e.attempt ORDER BY o.sequence";

fn message(row: &PgRow) -> sqlx::Result<Message> {
    let what = match row.try_get::<Option<&str>, _>("event")? {
        Some(event) => {
            What::Event(serde_json::from_str(event).map_err(|error| sqlx::Error::Decode(error.into()))?)
        }
        None => What::Entry(Box::new(Told {
            account: row.try_get("account")?,
            kind: row.try_get("kind")?,
            amount: row.try_get("amount")?,
            at: unix(row.try_get("at")?),
            reference: row.try_get("reference")?,
            note: row.try_get("note")?,
            usage: used(row)?,
        })),
    };
    Ok(Message {
        sequence: row.try_get("sequence")?,
        id: id(row.try_get("id")?, row.try_get("attempt")?),
        tries: row.try_get("tries")?,
        what,
    })
}

fn used(row: &PgRow) -> sqlx::Result<Option<Used>> {
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

/// In the order of the rows' key, as everybody who touches several.
async fn settle(connection: &mut PgConnection, fates: &[(i64, Fate)]) -> sqlx::Result<()> {
    let mut fates: Vec<_> = fates.iter().collect();
    fates.sort_by_key(|(sequence, _)| *sequence);
    let accepted: Vec<i64> =
        fates.iter().filter(|(_, fate)| *fate == Fate::Accepted).map(|(sequence, _)| *sequence).collect();
    let mut transaction = connection.begin().await?;
    let gone = "DELETE FROM outbox WHERE sequence IN ( \
        SELECT sequence FROM outbox WHERE sequence = ANY($1) ORDER BY sequence FOR UPDATE)";
    sqlx::query(gone).bind(accepted).execute(&mut *transaction).await?;
    for (sequence, fate) in fates {
        let (after, tries, parked, why) = match fate {
            Fate::Accepted => continue,
            Fate::Later(after, why) => (milliseconds(*after), 0_i64, false, why),
            Fate::Refused(after, why) => (milliseconds(*after), 1, false, why),
            Fate::Parked(why) => (0, 0, true, why),
        };
        let text = "UPDATE outbox SET free_at = clock_timestamp() + $2 * interval '1 millisecond', \
             tries = tries + $3, parked_at = CASE WHEN $4 THEN clock_timestamp() END, why = $5 WHERE sequence = $1";
        let query = sqlx::query(text).bind(sequence).bind(after).bind(tries).bind(parked);
        query.bind(super::insert::text(why)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn look_again(
    connection: &mut PgConnection,
    alert: &Alert,
    sinks: &[&str],
) -> sqlx::Result<Option<Level>> {
    let at = time(alert.at).to_sqlx();
    let mut transaction = connection.begin().await?;
    // There has to be a row that can be locked.
    let made =
        "INSERT INTO balance_alerts (account, level, at) VALUES ($1, 'Fine', $2) ON CONFLICT DO NOTHING";
    sqlx::query(made).bind(&alert.account).bind(at).execute(&mut *transaction).await?;
    let former = sqlx::query_scalar("SELECT level FROM balance_alerts WHERE account = $1 FOR UPDATE");
    let former: String = former.bind(&alert.account).fetch_one(&mut *transaction).await?;
    let balance = format!("SELECT balance FROM ({BALANCE}) AS b WHERE account = $1");
    let balance = sqlx::query_scalar(AssertSqlSafe(balance)).bind(&alert.account);
    let balance: i64 = balance.fetch_one(&mut *transaction).await?;
    let (former, level) = (Level::named(&former), Level::of(balance, alert.low_balance_nanos));
    if level == former {
        // At once: others wait for the lock.
        transaction.rollback().await?;
        return Ok(None);
    }
    let kept = sqlx::query("UPDATE balance_alerts SET level = $2, at = $3 WHERE account = $1");
    kept.bind(&alert.account).bind(level.name()).bind(at).execute(&mut *transaction).await?;
    if level > former {
        let alert = Alert { level, balance_nanos: balance, ..alert.clone() };
        let event = serde_json::to_string(&alert).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let text = "INSERT INTO outbox (sink, id, attempt, event) SELECT sink, $2, 0, $3 FROM sinks WHERE sink = ANY($1)";
        let told = sqlx::query(text).bind(sinks).bind(Uuid::now_v7()).bind(event);
        told.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Some(level))
}

fn unix(time: jiff_sqlx::Timestamp) -> i64 {
    time.to_jiff().as_millisecond()
}
