//! Accounts and their entries.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row as _, SqliteConnection};

use crate::ledger::accounts::{
    Account, CHECKS, Change, Credit, Difference, Done, Entry, Line, State, Statement, Wish, decide,
};

pub(super) async fn fulfil(pool: &SqlitePool, account: &str, wish: &Wish, now: i64) -> sqlx::Result<Done> {
    let mut connection = pool.acquire().await?;
    let done = transact(&mut connection, account, wish, now).await;
    if done.is_err() {
        connection.close_on_drop();
    }
    done
}

/// The lock is the database's: one writer at a time.
async fn transact(
    connection: &mut SqliteConnection,
    account: &str,
    wish: &Wish,
    now: i64,
) -> sqlx::Result<Done> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let done = enter(&mut transaction, account, wish, now).await?;
    transaction.commit().await?;
    Ok(done)
}

/// Within a transaction that holds the lock.
pub(super) async fn enter(
    connection: &mut SqliteConnection,
    account: &str,
    wish: &Wish,
    now: i64,
) -> sqlx::Result<Done> {
    let state = state(connection, account, wish.reference()).await?;
    let (change, done) = decide(&state, wish, now);
    if change != Change::default() {
        write(connection, account, &change, now).await?;
    }
    Ok(done)
}

async fn state(
    connection: &mut SqliteConnection,
    account: &str,
    reference: Option<&str>,
) -> sqlx::Result<State> {
    let found = sqlx::query("SELECT balance, closed_at IS NOT NULL, leased FROM balances WHERE account = ?");
    let found = found.bind(account).fetch_optional(&mut *connection).await?;
    let (balance, closed, leased) = match found {
        Some(row) => (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?),
        None => (0, false, 0),
    };
    let left = format!("{CREDIT} WHERE account = ? AND NOT lapsed AND remaining > 0");
    let left = sqlx::query(AssertSqlSafe(left)).bind(account).fetch_all(&mut *connection).await?;
    let entered = sqlx::query_scalar("SELECT amount FROM entries WHERE account = ? AND reference = ?");
    let entered = entered.bind(account).bind(reference).fetch_optional(connection).await?;
    Ok(State {
        closed,
        balance,
        leased,
        credits: left.iter().map(credit).collect::<sqlx::Result<_>>()?,
        entered,
    })
}

async fn write(
    connection: &mut SqliteConnection,
    account: &str,
    change: &Change,
    now: i64,
) -> sqlx::Result<()> {
    let credited = "INSERT INTO accounts (account, credited, closed_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (account) DO UPDATE SET credited = CAST(credited + excluded.credited AS INTEGER), \
         closed_at = COALESCE(closed_at, excluded.closed_at)";
    let closed_at = change.close.then_some(now);
    sqlx::query(credited).bind(account).bind(change.sum()).bind(closed_at).execute(&mut *connection).await?;
    for Entry { id, kind, amount, at, reference, note } in &change.entries {
        let text = "INSERT INTO entries (id, attempt, account, kind, amount, at, reference, note) \
             VALUES (?, 0, ?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(text).bind(id.as_bytes().to_vec()).bind(account).bind(kind.name());
        query.bind(amount).bind(at).bind(reference).bind(note.as_deref()).execute(&mut *connection).await?;
    }
    for Credit { reference, amount, remaining, given_at, expires_at, priority, lapsed } in &change.credits {
        let text = "INSERT INTO credits (account, reference, amount, remaining, given_at, expires_at, lapsed, priority) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, reference) DO UPDATE \
             SET remaining = excluded.remaining, lapsed = excluded.lapsed";
        let query = sqlx::query(text).bind(account).bind(reference).bind(amount).bind(remaining);
        query.bind(given_at).bind(expires_at).bind(lapsed).bind(priority).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn due(pool: &SqlitePool, now: i64) -> sqlx::Result<Vec<String>> {
    let text = "SELECT DISTINCT account FROM credits WHERE expires_at <= ? AND NOT lapsed AND remaining > 0 ORDER BY 1";
    sqlx::query_scalar(text).bind(now).fetch_all(pool).await
}

pub(super) async fn accounts(pool: &SqlitePool, only: Option<&str>) -> sqlx::Result<Vec<Account>> {
    let text = "SELECT a.account, a.balance, a.closed_at, COALESCE(s.price, 0), a.leased, a.frozen \
         FROM balances AS a LEFT JOIN ( \
             SELECT account, SUM(price_nanos) AS price FROM usage_daily WHERE source = 'Bound' GROUP BY account \
         ) AS s ON s.account = a.account WHERE ?1 IS NULL OR a.account = ?1 ORDER BY 1";
    let rows = sqlx::query(text).bind(only).fetch_all(pool).await?;
    let account = |row: &SqliteRow| {
        Ok(Account {
            account: row.try_get(0)?,
            balance: row.try_get(1)?,
            closed_at: row.try_get(2)?,
            suspense: row.try_get(3)?,
            leased: row.try_get(4)?,
            frozen: row.try_get(5)?,
        })
    };
    rows.iter().map(account).collect()
}

const CREDIT: &str =
    "SELECT reference, amount, remaining, given_at, expires_at, lapsed, priority FROM credits";

fn credit(row: &SqliteRow) -> sqlx::Result<Credit> {
    Ok(Credit {
        reference: row.try_get(0)?,
        amount: row.try_get(1)?,
        remaining: row.try_get(2)?,
        given_at: row.try_get(3)?,
        expires_at: row.try_get(4)?,
        lapsed: row.try_get(5)?,
        priority: row.try_get(6)?,
    })
}

pub(super) async fn credits(pool: &SqlitePool, account: &str) -> sqlx::Result<Vec<Credit>> {
    let text = format!(
        "{CREDIT} WHERE account = ? ORDER BY priority, expires_at IS NULL, expires_at, given_at, reference"
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(account).fetch_all(pool).await?;
    rows.iter().map(credit).collect()
}

/// One question, so that nothing is entered between its parts. The first row is what was before.
pub(super) async fn statement(
    pool: &SqlitePool,
    account: &str,
    since: i64,
    until: i64,
) -> sqlx::Result<Statement> {
    let text = "SELECT 0 AS part, 0 AS at, '' AS kind, NULL AS reference, NULL AS note, COUNT(*), \
             COALESCE(SUM(amount), 0) FROM entries WHERE account = ?1 AND at < ?2 \
         UNION ALL SELECT 1, at - at % 86400000, kind, NULL, NULL, COUNT(*), SUM(amount) FROM entries \
             WHERE account = ?1 AND at >= ?2 AND at < ?3 AND kind = 'Usage' GROUP BY 2, 3 \
         UNION ALL SELECT 1, at, kind, reference, note, 1, amount FROM entries \
             WHERE account = ?1 AND at >= ?2 AND at < ?3 AND kind <> 'Usage' \
         ORDER BY part, at, kind, reference";
    let rows = sqlx::query(text).bind(account).bind(since).bind(until).fetch_all(pool).await?;
    let mut statement = Statement::default();
    for row in &rows {
        if row.try_get::<i64, _>(0)? == 0 {
            statement.opening = row.try_get(6)?;
            continue;
        }
        statement.lines.push(Line {
            at: row.try_get(1)?,
            kind: row.try_get(2)?,
            reference: row.try_get(3)?,
            note: row.try_get(4)?,
            entries: row.try_get(5)?,
            amount: row.try_get(6)?,
        });
    }
    Ok(statement)
}

pub(super) async fn differences(pool: &SqlitePool) -> sqlx::Result<Vec<Difference>> {
    let mut found = Vec::new();
    for (check, text) in CHECKS {
        let text = text
            .replace("CAST(u.request_id AS text)", "lower(hex(u.request_id))")
            .replace("CAST(e.id AS text)", "lower(hex(e.id))")
            .replace("CAST(l.holder AS text)", "lower(hex(l.holder))")
            .replace("{hour}", "at - at % 3600000")
            .replace("{day}", "hour - hour % 86400000");
        for row in sqlx::query(AssertSqlSafe(text)).fetch_all(pool).await? {
            found.push(Difference {
                check,
                what: row.try_get(0)?,
                expected: row.try_get(1)?,
                found: row.try_get(2)?,
                pending: false,
            });
        }
    }
    Ok(found)
}
