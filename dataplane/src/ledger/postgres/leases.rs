//! Leases, each exchange in one transaction. The order of locks is told in `migrations/postgres/0002_accounts.sql`.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::insert::text;
use crate::ledger::leases::{Ask, Class, Exchanged, Held, Holding, Part, decide_all};

/// The longest that an exchange may take: requests wait for it.
pub(super) const LIMIT: Duration = Duration::from_secs(2);

/// Whoever is gone or paused in the middle of an exchange holds up no other for longer than [`LIMIT`].
pub(super) const BEGIN: &str =
    "BEGIN; SET LOCAL statement_timeout = 2000; SET LOCAL idle_in_transaction_session_timeout = 2000";

/// The holder's epoch, the time, and how many of the allowances exist.
const HOLDER: &str = r#"
INSERT INTO holders AS old (holder, epoch, expires_at)
VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_timestamp() + $2 * interval '1 millisecond')
ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at, closed_at = NULL,
    epoch = CASE WHEN old.closed_at IS NULL THEN old.epoch ELSE greatest(old.epoch + 1, excluded.epoch) END
RETURNING epoch, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, (
    SELECT count(*) FROM UNNEST($3::text[], $4::bigint[]) AS asked (allowance, "window")
    JOIN allowances USING (allowance, "window")
)"#;

/// Waits for others that make the same, so before anything that exists is locked; what exists is not touched.
const MAKE: &str = r#"
INSERT INTO allowances (allowance, "window", class, spent)
SELECT allowance, "window", class, 0 FROM UNNEST($1::text[], $2::bigint[], $3::text[]) AS asked (allowance, "window", class)
ORDER BY 1, 2 ON CONFLICT DO NOTHING"#;

/// The numbers of the asks from 1, and what closed holders spent.
const LOCK: &str = r#"
SELECT place, spent
FROM UNNEST($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (allowance, "window", place)
JOIN allowances USING (allowance, "window")
ORDER BY allowance, "window" FOR UPDATE OF allowances"#;

/// Begun after the locks: it sees what those before have committed. A row without a holder is an account's.
const READ: &str = r#"
WITH asked AS (
    SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY
        AS asked (allowance, "window", account, place)
)
SELECT place, holder, granted, returned, parts.spent, unreserved, suspense,
    coalesce(expires_at <= clock_timestamp(), true) AS silent
FROM (
    SELECT place, holder, granted, returned, spent, 0::bigint AS unreserved, 0::bigint AS suspense
    FROM asked JOIN leases USING (allowance, "window")
    UNION ALL
    SELECT place, holder, 0, 0, spent, unreserved, suspense FROM asked JOIN spending USING (allowance, "window")
    UNION ALL
    SELECT place, NULL, credited, 0, 0, 0, 0 FROM asked JOIN accounts USING (account)
) AS parts LEFT JOIN holders USING (holder)"#;

const WRITE: &str = r#"
INSERT INTO leases (allowance, "window", holder, granted, returned, spent)
SELECT allowance, "window", $1, granted, returned, spent
FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS becomes (allowance, "window", granted, returned, spent)
ON CONFLICT (allowance, "window", holder) DO UPDATE SET
    granted = excluded.granted, returned = excluded.returned, spent = excluded.spent"#;

pub(super) async fn exchange(
    connection: &mut PgConnection,
    holder: Uuid,
    ttl: Duration,
    asks: &[Ask],
) -> sqlx::Result<Exchanged> {
    let allowances: Vec<_> = asks.iter().map(|ask| text(&ask.place.allowance)).collect();
    let windows: Vec<_> = asks.iter().map(|ask| ask.place.window).collect();
    let mut transaction = connection.begin_with(BEGIN).await?;
    let said = sqlx::query(HOLDER).bind(holder).bind(milliseconds(ttl)).bind(&allowances).bind(&windows);
    let said = said.fetch_one(&mut *transaction).await?;
    let (epoch, now, known): (_, _, i64) = (said.try_get(0)?, said.try_get(1)?, said.try_get(2)?);
    if asks.is_empty() {
        transaction.commit().await?;
        return Ok(Exchanged { now, epoch, answers: Vec::new() });
    }
    if usize::try_from(known).unwrap_or_default() < asks.len() {
        let classes: Vec<_> = asks.iter().map(|ask| ask.class.name()).collect();
        let made = sqlx::query(MAKE).bind(&allowances).bind(&windows).bind(classes);
        made.execute(&mut *transaction).await?;
    }
    let locked = sqlx::query(LOCK).bind(&allowances).bind(&windows).fetch_all(&mut *transaction).await?;
    if locked.len() < asks.len() {
        return Err(sqlx::Error::Protocol("an allowance was taken away meanwhile".to_owned()));
    }
    let spent = locked.iter().map(|row| Ok((place(row)?, Part::Spent(row.try_get(1)?))));
    let mut parts = spent.collect::<sqlx::Result<Vec<_>>>()?;
    let accounts: Vec<_> = asks.iter().map(|ask| ask.account().map(text)).collect();
    let read = sqlx::query(READ).bind(&allowances).bind(&windows).bind(accounts);
    for row in &read.fetch_all(&mut *transaction).await? {
        parts.push((place(row)?, part(row)?));
    }
    let decided = decide_all(holder, asks, parts);
    let changed = asks.iter().zip(&decided).filter(|(_, (was, becomes, _))| {
        (was.granted, was.returned, was.spent) != (becomes.granted, becomes.returned, becomes.spent)
    });
    let changed: Vec<_> = changed.map(|(ask, (_, becomes, _))| (ask, becomes)).collect();
    if !changed.is_empty() {
        let write = sqlx::query(WRITE)
            .bind(holder)
            .bind(column(&changed, |(ask, _)| text(&ask.place.allowance)))
            .bind(column(&changed, |(ask, _)| ask.place.window))
            .bind(column(&changed, |(_, becomes)| becomes.granted))
            .bind(column(&changed, |(_, becomes)| becomes.returned))
            // What was spent of money is in `spending`.
            .bind(column(
                &changed,
                |(ask, becomes)| if ask.class == Class::Rate { becomes.spent } else { 0 },
            ));
        write.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Exchanged { now, epoch, answers: decided.into_iter().map(|(.., answer)| answer).collect() })
}

fn column<'a, T>(changed: &[(&'a Ask, &'a Held)], cell: impl Fn((&'a Ask, &'a Held)) -> T) -> Vec<T> {
    changed.iter().map(|each| cell(*each)).collect()
}

/// From 0.
fn place(row: &PgRow) -> sqlx::Result<usize> {
    Ok(usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX))
}

fn part(row: &PgRow) -> sqlx::Result<Part> {
    let granted = row.try_get("granted")?;
    let Some(holder) = row.try_get("holder")? else { return Ok(Part::Credited(granted)) };
    Ok(Part::Holder(
        holder,
        Held {
            granted,
            returned: row.try_get("returned")?,
            spent: row.try_get("spent")?,
            unreserved: row.try_get("unreserved")?,
            suspense: row.try_get("suspense")?,
            silent: row.try_get("silent")?,
        },
    ))
}

/// Which holders to close.
#[derive(Clone, Copy)]
enum Whose {
    /// Whatever it last said.
    Its,
    /// Only if it has been silent, or closed, for so many milliseconds.
    Silent(i64),
}

pub(super) async fn close(connection: &mut PgConnection, holder: Uuid) -> sqlx::Result<()> {
    fold(connection, holder, Whose::Its, false).await
}

/// Marks the holder closed, and adds to its allowances what it spent. What is in suspense stays, unless it is let go of.
async fn fold(connection: &mut PgConnection, holder: Uuid, whose: Whose, release: bool) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    let silent = match whose {
        Whose::Its => None,
        Whose::Silent(milliseconds) => Some(milliseconds),
    };
    let closed = sqlx::query(
        "INSERT INTO holders AS old (holder, epoch, expires_at, closed_at) VALUES ($1, \
         (extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_timestamp(), clock_timestamp()) \
         ON CONFLICT (holder) DO UPDATE SET closed_at = coalesce(old.closed_at, excluded.closed_at) \
         WHERE $2::bigint IS NULL \
             OR coalesce(old.closed_at, old.expires_at) <= clock_timestamp() - $2 * interval '1 millisecond'",
    );
    let closed = closed.bind(holder).bind(silent).execute(&mut *transaction).await?;
    if closed.rows_affected() == 0 {
        return transaction.rollback().await;
    }
    // As in an exchange: first what is missing, then the locks.
    let spent = "SELECT allowance, \"window\" FROM spending WHERE holder = $1";
    let spent = sqlx::query(spent).bind(holder).fetch_all(&mut *transaction).await?;
    let (allowances, windows) = places(&spent)?;
    let classes = vec![Class::Money.name(); spent.len()];
    let made = sqlx::query(MAKE).bind(&allowances).bind(&windows).bind(classes);
    made.execute(&mut *transaction).await?;
    sqlx::query(
        "SELECT FROM allowances AS a \
         WHERE EXISTS (SELECT FROM leases AS l WHERE l.holder = $1 AND l.allowance = a.allowance AND l.\"window\" = a.\"window\") \
             OR EXISTS (SELECT FROM UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") \
                 WHERE s.allowance = a.allowance AND s.\"window\" = a.\"window\") \
         ORDER BY allowance, \"window\" FOR UPDATE",
    )
    .bind(holder)
    .bind(&allowances)
    .bind(&windows)
    .execute(&mut *transaction)
    .await?;
    // A process that lives may still insert usage: its rows are held, and what it adds later counts by itself.
    sqlx::query(
        "SELECT FROM spending JOIN UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") \
         USING (allowance, \"window\") WHERE holder = $1 ORDER BY allowance, \"window\" FOR UPDATE OF spending",
    )
    .bind(holder)
    .bind(&allowances)
    .bind(&windows)
    .execute(&mut *transaction)
    .await?;
    // What a process had of a minute may all be spent, whatever it last said.
    let minutes = "UPDATE allowances AS a SET spent = saturated(a.spent::numeric + greatest(l.granted - l.returned, l.spent)) \
         FROM leases AS l WHERE l.holder = $1 AND a.class = 'Rate' AND a.allowance = l.allowance AND a.\"window\" = l.\"window\"";
    sqlx::query(minutes).bind(holder).execute(&mut *transaction).await?;
    for step in [
        "UPDATE allowances AS a SET spent = saturated(a.spent::numeric + p.spent + p.unreserved) FROM spending AS p \
         JOIN UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") USING (allowance, \"window\") \
         WHERE p.holder = $1 AND a.allowance = p.allowance AND a.\"window\" = p.\"window\"",
        if release {
            FORGET
        } else {
            "UPDATE spending AS p SET spent = 0, unreserved = 0 \
         FROM UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") \
         WHERE p.holder = $1 AND p.allowance = s.allowance AND p.\"window\" = s.\"window\""
        },
        "DELETE FROM spending AS p USING UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") \
         WHERE p.holder = $1 AND p.allowance = s.allowance AND p.\"window\" = s.\"window\" AND suspense = 0",
    ] {
        let done = sqlx::query(step).bind(holder).bind(&allowances).bind(&windows);
        done.execute(&mut *transaction).await?;
    }
    let returned = sqlx::query("DELETE FROM leases WHERE holder = $1").bind(holder);
    returned.execute(&mut *transaction).await?;
    transaction.commit().await
}

const FORGET: &str = "DELETE FROM spending AS p USING UNNEST($2::text[], $3::bigint[]) AS s (allowance, \"window\") \
    WHERE p.holder = $1 AND p.allowance = s.allowance AND p.\"window\" = s.\"window\"";

fn places(rows: &[PgRow]) -> sqlx::Result<(Vec<String>, Vec<i64>)> {
    let places = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok(places.collect::<sqlx::Result<Vec<(String, i64)>>>()?.into_iter().unzip())
}

/// Windows that are forgotten in one transaction.
const MOST: usize = 5_000;

pub(super) async fn tidy(connection: &mut PgConnection, patience: Duration) -> sqlx::Result<()> {
    let patience = milliseconds(patience);
    let due = "SELECT holder, closed_at IS NOT NULL FROM holders AS h \
         WHERE coalesce(closed_at, expires_at) <= clock_timestamp() - $1 * interval '1 millisecond' \
             AND (closed_at IS NULL OR EXISTS (SELECT FROM spending AS s WHERE s.holder = h.holder)) ORDER BY 1";
    for row in sqlx::query(due).bind(patience).fetch_all(&mut *connection).await? {
        fold(connection, row.try_get(0)?, Whose::Silent(patience), row.try_get(1)?).await?;
    }
    while forget_windows(connection).await? == MOST {}
    let done = sqlx::query(
        "DELETE FROM holders WHERE holder IN ( \
             SELECT holder FROM holders AS h WHERE closed_at <= clock_timestamp() - $1 * interval '1 millisecond' \
                 AND NOT EXISTS (SELECT FROM spending AS s WHERE s.holder = h.holder) \
                 AND NOT EXISTS (SELECT FROM leases AS l WHERE l.holder = h.holder) \
             ORDER BY 1 FOR UPDATE SKIP LOCKED)",
    );
    done.bind(patience).execute(connection).await?;
    Ok(())
}

/// Those whose time is over: rates after ten minutes, money after 400 days. What others hold is left to a later time.
async fn forget_windows(connection: &mut PgConnection) -> sqlx::Result<usize> {
    let mut transaction = connection.begin().await?;
    let over = format!(
        "SELECT allowance, \"window\" FROM allowances, \
             LATERAL (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock \
         WHERE class = 'Rate' AND \"window\" < now - 600000 \
             OR class = 'Money' AND \"window\" <> 0 AND \"window\" < now - 400 * 86400000::bigint \
         ORDER BY 1, 2 LIMIT {MOST} FOR UPDATE OF allowances SKIP LOCKED"
    );
    let over = sqlx::query(sqlx::AssertSqlSafe(over)).fetch_all(&mut *transaction).await?;
    let (allowances, windows) = places(&over)?;
    for step in [
        "SELECT FROM spending JOIN UNNEST($1::text[], $2::bigint[]) AS over (allowance, \"window\") \
         USING (allowance, \"window\") ORDER BY allowance, \"window\", holder FOR UPDATE OF spending",
        "DELETE FROM spending USING UNNEST($1::text[], $2::bigint[]) AS over (allowance, \"window\") \
         WHERE spending.allowance = over.allowance AND spending.\"window\" = over.\"window\"",
        "DELETE FROM leases USING UNNEST($1::text[], $2::bigint[]) AS over (allowance, \"window\") \
         WHERE leases.allowance = over.allowance AND leases.\"window\" = over.\"window\"",
        "DELETE FROM allowances USING UNNEST($1::text[], $2::bigint[]) AS over (allowance, \"window\") \
         WHERE allowances.allowance = over.allowance AND allowances.\"window\" = over.\"window\"",
    ] {
        sqlx::query(step).bind(&allowances).bind(&windows).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(over.len())
}

/// Times in Unix milliseconds.
const HOLDINGS: &str = r#"
SELECT allowance, "window", coalesce(class, 'Money'), holder, coalesce(granted, 0), coalesce(returned, 0),
    saturated(coalesce(l.spent, 0)::numeric + coalesce(s.spent, 0)), coalesce(unreserved, 0), coalesce(suspense, 0),
    CASE WHEN closed_at IS NULL AND expires_at <= clock_timestamp()
        THEN (extract(epoch FROM expires_at) * 1000)::bigint END,
    (extract(epoch FROM closed_at) * 1000)::bigint
FROM leases AS l FULL JOIN spending AS s USING (allowance, "window", holder)
LEFT JOIN allowances USING (allowance, "window") LEFT JOIN holders USING (holder)
WHERE $1::text IS NULL OR allowance = $1 ORDER BY allowance, "window", holder"#;

pub(super) async fn holdings(
    connection: &mut PgConnection,
    allowance: Option<&str>,
) -> sqlx::Result<Vec<Holding>> {
    sqlx::query(HOLDINGS).bind(allowance).fetch_all(connection).await?.iter().map(holding).collect()
}

fn holding(row: &PgRow) -> sqlx::Result<Holding> {
    Ok(Holding {
        allowance: row.try_get(0)?,
        window: row.try_get(1)?,
        class: row.try_get(2)?,
        holder: row.try_get(3)?,
        granted: row.try_get(4)?,
        returned: row.try_get(5)?,
        spent: row.try_get(6)?,
        unreserved: row.try_get(7)?,
        suspense: row.try_get(8)?,
        silent_since: row.try_get(9)?,
        closed_at: row.try_get(10)?,
    })
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
