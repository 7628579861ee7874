//! Leases, each exchange in one transaction. The lock is the database's: one writer at a time.

use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use crate::ledger::leases::{Ask, Class, Exchanged, Held, Holding, Part, decide_all};

/// The machine's clock, as the database reads it.
const NOW: &str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const HOLDER: &str = "INSERT INTO holders (holder, epoch, expires_at) VALUES (?1, ?2, ?3) \
    ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at, closed_at = NULL, \
    epoch = CASE WHEN closed_at IS NULL THEN epoch ELSE MAX(epoch + 1, excluded.epoch) END RETURNING epoch";

const MAKE: &str = r#"INSERT INTO allowances (allowance, "window", class, spent)
    SELECT value ->> 0, value ->> 1, value ->> 2, 0 FROM json_each(?) WHERE TRUE ON CONFLICT DO NOTHING"#;

/// A row without a holder is of closed holders, or an account's.
const READ: &str = r#"
WITH asked AS MATERIALIZED (
    SELECT key AS place, value ->> 0 AS allowance, value ->> 1 AS "window", value ->> 3 AS account FROM json_each(?1)
)
SELECT place, holder, granted, returned, parts.spent, unreserved, suspense, COALESCE(expires_at <= ?2, TRUE) AS silent
FROM (
    SELECT place, NULL AS holder, NULL AS granted, 0 AS returned, spent, 0 AS unreserved, 0 AS suspense
    FROM asked JOIN allowances USING (allowance, "window")
    UNION ALL
    SELECT place, NULL, credited, 0, 0, 0, 0 FROM asked JOIN accounts USING (account)
    UNION ALL
    SELECT place, holder, granted, returned, spent, 0, 0 FROM asked JOIN leases USING (allowance, "window")
    UNION ALL
    SELECT place, holder, 0, 0, spent, unreserved, suspense FROM asked JOIN spending USING (allowance, "window")
) AS parts LEFT JOIN holders USING (holder)"#;

const WRITE: &str = r#"INSERT INTO leases (allowance, "window", holder, granted, returned, spent)
    SELECT value ->> 0, value ->> 1, ?1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?2) WHERE TRUE
    ON CONFLICT (allowance, "window", holder) DO UPDATE SET
        granted = excluded.granted, returned = excluded.returned, spent = excluded.spent"#;

pub(super) async fn exchange(
    pool: &SqlitePool,
    holder: Uuid,
    ttl: Duration,
    asks: &[Ask],
) -> sqlx::Result<Exchanged> {
    let mut connection = pool.acquire().await?;
    let done = transact(&mut connection, holder, ttl, asks).await;
    if done.is_err() {
        connection.close_on_drop();
    }
    done
}

async fn transact(
    connection: &mut SqliteConnection,
    holder: Uuid,
    ttl: Duration,
    asks: &[Ask],
) -> sqlx::Result<Exchanged> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut *transaction).await?;
    let said =
        sqlx::query_scalar(HOLDER).bind(id(holder)).bind(now).bind(now.saturating_add(milliseconds(ttl)));
    let epoch = said.fetch_one(&mut *transaction).await?;
    let asked = asks
        .iter()
        .map(|ask| json!([&*ask.place.allowance, ask.place.window, ask.class.name(), ask.account()]));
    let asked = asked.collect::<serde_json::Value>().to_string();
    sqlx::query(MAKE).bind(&asked).execute(&mut *transaction).await?;
    let read = sqlx::query(READ).bind(&asked).bind(now).fetch_all(&mut *transaction).await?;
    let parts = read.iter().map(part).collect::<sqlx::Result<Vec<_>>>()?;
    let decided = decide_all(holder, asks, parts);
    let changed = asks.iter().zip(&decided).filter(|(_, (was, becomes, _))| {
        (was.granted, was.returned, was.spent) != (becomes.granted, becomes.returned, becomes.spent)
    });
    let changed = changed.map(|(ask, (_, becomes, _))| {
        // What was spent of money is in `spending`.
        let spent = if ask.class == Class::Rate { becomes.spent } else { 0 };
        json!([&*ask.place.allowance, ask.place.window, becomes.granted, becomes.returned, spent])
    });
    let changed = changed.collect::<serde_json::Value>().to_string();
    sqlx::query(WRITE).bind(id(holder)).bind(changed).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Exchanged { now, epoch, answers: decided.into_iter().map(|(.., answer)| answer).collect() })
}

fn part(row: &SqliteRow) -> sqlx::Result<(usize, Part)> {
    let place = usize::try_from(row.try_get::<i64, _>("place")?).unwrap_or(usize::MAX);
    let part = match (row.try_get::<Option<Vec<u8>>, _>("holder")?, row.try_get("granted")?) {
        (None, None) => Part::Spent(row.try_get("spent")?),
        (None, Some(credited)) => Part::Credited(credited),
        (Some(holder), granted) => Part::Holder(
            read_id(&holder)?,
            Held {
                granted: granted.unwrap_or(0),
                returned: row.try_get("returned")?,
                spent: row.try_get("spent")?,
                unreserved: row.try_get("unreserved")?,
                suspense: row.try_get("suspense")?,
                silent: row.try_get("silent")?,
            },
        ),
    };
    Ok((place, part))
}

/// Of the holder ?1. What a process had of a minute may all be spent, whatever it last said.
const FOLD: [&str; 5] = [
    r#"UPDATE allowances AS a SET spent = CAST(a.spent + MAX(l.granted - l.returned, l.spent) AS INTEGER)
        FROM leases AS l WHERE l.holder = ?1 AND a.class = 'Rate' AND a.allowance = l.allowance AND a."window" = l."window""#,
    r#"INSERT INTO allowances (allowance, "window", class, spent)
        SELECT allowance, "window", 'Money', CAST(spent + unreserved AS INTEGER) FROM spending WHERE holder = ?1
        ON CONFLICT (allowance, "window") DO UPDATE SET spent = CAST(allowances.spent + excluded.spent AS INTEGER)"#,
    "UPDATE spending SET spent = 0, unreserved = 0 WHERE holder = ?1",
    "DELETE FROM spending WHERE holder = ?1 AND suspense = 0",
    "DELETE FROM leases WHERE holder = ?1",
];

pub(super) async fn close(pool: &SqlitePool, holder: Uuid) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    let done = async {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut *transaction).await?;
        let closed = "INSERT INTO holders (holder, epoch, expires_at, closed_at) VALUES (?1, ?2, ?2, ?2) \
             ON CONFLICT (holder) DO UPDATE SET closed_at = COALESCE(closed_at, excluded.closed_at)";
        sqlx::query(closed).bind(id(holder)).bind(now).execute(&mut *transaction).await?;
        fold(&mut transaction, &id(holder)).await?;
        transaction.commit().await
    };
    let done = done.await;
    if done.is_err() {
        connection.close_on_drop();
    }
    done
}

/// Adds to the holder's allowances what it spent. What is in suspense stays.
async fn fold(connection: &mut SqliteConnection, holder: &[u8]) -> sqlx::Result<()> {
    for step in FOLD {
        sqlx::query(step).bind(holder).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The time is ?1: windows of rates are over after ten minutes, those of money after 400 days.
const OVER: [&str; 3] = [
    r#"DELETE FROM spending WHERE EXISTS (SELECT 1 FROM allowances AS a WHERE a.allowance = spending.allowance
        AND a."window" = spending."window" AND (class = 'Rate' AND a."window" < ?1 - 600000
            OR class = 'Money' AND a."window" <> 0 AND a."window" < ?1 - 400 * 86400000))"#,
    r#"DELETE FROM leases WHERE EXISTS (SELECT 1 FROM allowances AS a WHERE a.allowance = leases.allowance
        AND a."window" = leases."window" AND (class = 'Rate' AND a."window" < ?1 - 600000
            OR class = 'Money' AND a."window" <> 0 AND a."window" < ?1 - 400 * 86400000))"#,
    r#"DELETE FROM allowances WHERE class = 'Rate' AND "window" < ?1 - 600000
        OR class = 'Money' AND "window" <> 0 AND "window" < ?1 - 400 * 86400000"#,
];

pub(super) async fn tidy(pool: &SqlitePool, patience: Duration) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    let done = sweep(&mut connection, milliseconds(patience)).await;
    if done.is_err() {
        connection.close_on_drop();
    }
    done
}

async fn sweep(connection: &mut SqliteConnection, patience: i64) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut *transaction).await?;
    let before = now.saturating_sub(patience);
    let due = "SELECT holder, closed_at IS NOT NULL FROM holders AS h WHERE COALESCE(closed_at, expires_at) <= ? \
         AND (closed_at IS NULL OR EXISTS (SELECT 1 FROM spending AS s WHERE s.holder = h.holder))";
    for row in sqlx::query(due).bind(before).fetch_all(&mut *transaction).await? {
        let (holder, closed): (Vec<u8>, bool) = (row.try_get(0)?, row.try_get(1)?);
        fold(&mut transaction, &holder).await?;
        let then = if closed {
            "DELETE FROM spending WHERE holder = ?1 AND ?2"
        } else {
            "UPDATE holders SET closed_at = ?2 WHERE holder = ?1"
        };
        sqlx::query(then).bind(holder).bind(now).execute(&mut *transaction).await?;
    }
    for step in OVER {
        sqlx::query(step).bind(now).execute(&mut *transaction).await?;
    }
    let forget = "DELETE FROM holders WHERE closed_at <= ? \
         AND NOT EXISTS (SELECT 1 FROM spending AS s WHERE s.holder = holders.holder) \
         AND NOT EXISTS (SELECT 1 FROM leases AS l WHERE l.holder = holders.holder)";
    sqlx::query(forget).bind(before).execute(&mut *transaction).await?;
    transaction.commit().await
}

const HOLDINGS: &str = r#"
SELECT allowance, "window", COALESCE(class, 'Money'), holder, COALESCE(granted, 0), COALESCE(returned, 0),
    CAST(COALESCE(l.spent, 0) + COALESCE(s.spent, 0) AS INTEGER), COALESCE(unreserved, 0), COALESCE(suspense, 0),
    CASE WHEN closed_at IS NULL AND expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) THEN expires_at END, closed_at
FROM leases AS l FULL JOIN spending AS s USING (allowance, "window", holder)
LEFT JOIN allowances USING (allowance, "window") LEFT JOIN holders USING (holder)
WHERE ?1 IS NULL OR allowance = ?1 ORDER BY 1, 2, 4"#;

pub(super) async fn holdings(pool: &SqlitePool, allowance: Option<&str>) -> sqlx::Result<Vec<Holding>> {
    sqlx::query(HOLDINGS).bind(allowance).fetch_all(pool).await?.iter().map(holding).collect()
}

fn holding(row: &SqliteRow) -> sqlx::Result<Holding> {
    Ok(Holding {
        allowance: row.try_get(0)?,
        window: row.try_get(1)?,
        class: row.try_get(2)?,
        holder: read_id(&row.try_get::<Vec<u8>, _>(3)?)?,
        granted: row.try_get(4)?,
        returned: row.try_get(5)?,
        spent: row.try_get(6)?,
        unreserved: row.try_get(7)?,
        suspense: row.try_get(8)?,
        silent_since: row.try_get(9)?,
        closed_at: row.try_get(10)?,
    })
}

fn read_id(bytes: &[u8]) -> sqlx::Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn id(holder: Uuid) -> Vec<u8> {
    holder.as_bytes().to_vec()
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
