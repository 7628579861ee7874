//! Accounts and their entries. The account's row is locked before anything else is looked at, and then its allowance, so
//! that nobody waits for another in a circle.

use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::insert::{self, time};

use crate::ledger::accounts::{
    Account, CHECKS, Change, Credit, Difference, Done, Entry, Line, State, Statement, Wish, decide,
};

pub(super) async fn fulfil(
    connection: &mut PgConnection,
    account: &str,
    wish: &Wish,
    now: i64,
) -> sqlx::Result<Done> {
    let mut transaction = connection.begin().await?;
    let done = enter(&mut transaction, account, wish, now).await?;
    transaction.commit().await?;
    Ok(done)
}

/// Within a transaction that has locked nothing before.
pub(super) async fn enter(
    connection: &mut PgConnection,
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

async fn state(connection: &mut PgConnection, account: &str, reference: Option<&str>) -> sqlx::Result<State> {
    // There has to be a row that can be locked.
    let made = sqlx::query("INSERT INTO accounts (account, credited) VALUES ($1, 0) ON CONFLICT DO NOTHING");
    made.bind(account).execute(&mut *connection).await?;
    let locked = sqlx::query("SELECT FROM accounts WHERE account = $1 FOR UPDATE");
    locked.bind(account).execute(&mut *connection).await?;
    // Nor is anything leased meanwhile. Exchanges lock no account: nobody waits in a circle.
    for text in [
        "INSERT INTO allowances (allowance, \"window\", class, spent) VALUES ('account:' || $1, 0, 'Money', 0) \
         ON CONFLICT DO NOTHING",
        "SELECT FROM allowances WHERE allowance = 'account:' || $1 AND \"window\" = 0 FOR UPDATE",
    ] {
        sqlx::query(text).bind(account).execute(&mut *connection).await?;
    }
    // Begun after the locks: it sees what was entered and leased until then.
    let found = sqlx::query("SELECT balance, closed_at IS NOT NULL, leased FROM balances WHERE account = $1");
    let found = found.bind(account).fetch_one(&mut *connection).await?;
    let (balance, closed, leased) = (found.try_get(0)?, found.try_get(1)?, found.try_get(2)?);
    let left = format!("{CREDIT} WHERE account = $1 AND NOT lapsed AND remaining > 0");
    let left = sqlx::query(AssertSqlSafe(left)).bind(account).fetch_all(&mut *connection).await?;
    let entered = sqlx::query_scalar("SELECT amount FROM entries WHERE account = $1 AND reference = $2");
    let entered = entered.bind(account).bind(reference).fetch_optional(connection).await?;
    Ok(State {
        closed,
        balance,
        leased,
        credits: left.iter().map(credit).collect::<sqlx::Result<_>>()?,
        entered,
    })
}

async fn write(connection: &mut PgConnection, account: &str, change: &Change, now: i64) -> sqlx::Result<()> {
    let credited = "UPDATE accounts SET credited = saturated(credited::numeric + $2), \
         closed_at = coalesce(closed_at, $3) WHERE account = $1";
    let closed_at = change.close.then(|| time(now).to_sqlx());
    sqlx::query(credited).bind(account).bind(change.sum()).bind(closed_at).execute(&mut *connection).await?;
    for Entry { id, kind, amount, at, reference, note } in &change.entries {
        let text = "INSERT INTO entries (id, attempt, account, kind, amount, at, reference, note) \
             VALUES ($1, 0, $2, $3, $4, $5, $6, $7)";
        let query = sqlx::query(text).bind(id).bind(account).bind(kind.name());
        query
            .bind(amount)
            .bind(time(*at).to_sqlx())
            .bind(reference)
            .bind(note.as_deref().map(insert::text))
            .execute(&mut *connection)
            .await?;
    }
    for Credit { reference, amount, remaining, given_at, expires_at, priority, lapsed } in &change.credits {
        let text = "INSERT INTO credits (account, reference, amount, remaining, given_at, expires_at, lapsed, priority) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, reference) DO UPDATE \
             SET remaining = excluded.remaining, lapsed = excluded.lapsed";
        let query = sqlx::query(text).bind(account).bind(reference).bind(amount).bind(remaining);
        query
            .bind(time(*given_at).to_sqlx())
            .bind(expires_at.map(|at| time(at).to_sqlx()))
            .bind(lapsed)
            .bind(priority)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn due(connection: &mut PgConnection, now: i64) -> sqlx::Result<Vec<String>> {
    let text = "SELECT DISTINCT account FROM credits WHERE expires_at <= $1 AND NOT lapsed AND remaining > 0 ORDER BY 1";
    sqlx::query_scalar(text).bind(time(now).to_sqlx()).fetch_all(connection).await
}

pub(super) async fn accounts(
    connection: &mut PgConnection,
    only: Option<&str>,
) -> sqlx::Result<Vec<Account>> {
    let text = "SELECT a.account, a.balance, a.closed_at, COALESCE(s.price, 0)::bigint, a.leased, a.frozen \
         FROM balances AS a LEFT JOIN ( \
             SELECT account, SUM(price_nanos) AS price FROM usage_daily WHERE source = 'Bound' GROUP BY account \
         ) AS s ON s.account = a.account WHERE $1::text IS NULL OR a.account = $1 ORDER BY 1";
    let rows = sqlx::query(text).bind(only).fetch_all(connection).await?;
    let account = |row: &PgRow| {
        Ok(Account {
            account: row.try_get(0)?,
            balance: row.try_get(1)?,
            closed_at: row.try_get::<Option<jiff_sqlx::Timestamp>, _>(2)?.map(milliseconds),
            suspense: row.try_get(3)?,
            leased: row.try_get(4)?,
            frozen: row.try_get(5)?,
        })
    };
    rows.iter().map(account).collect()
}

const CREDIT: &str =
    "SELECT reference, amount, remaining, given_at, expires_at, lapsed, priority FROM credits";

fn credit(row: &PgRow) -> sqlx::Result<Credit> {
    Ok(Credit {
        reference: row.try_get(0)?,
        amount: row.try_get(1)?,
        remaining: row.try_get(2)?,
        given_at: milliseconds(row.try_get(3)?),
        expires_at: row.try_get::<Option<jiff_sqlx::Timestamp>, _>(4)?.map(milliseconds),
        lapsed: row.try_get(5)?,
        priority: row.try_get(6)?,
    })
}

pub(super) async fn credits(connection: &mut PgConnection, account: &str) -> sqlx::Result<Vec<Credit>> {
    let text =
        format!("{CREDIT} WHERE account = $1 ORDER BY priority, expires_at NULLS LAST, given_at, reference");
    let rows = sqlx::query(AssertSqlSafe(text)).bind(account).fetch_all(connection).await?;
    rows.iter().map(credit).collect()
}

/// One question, so that nothing is entered between its parts. The first row is what was before.
pub(super) async fn statement(
    connection: &mut PgConnection,
    account: &str,
    since: i64,
    until: i64,
) -> sqlx::Result<Statement> {
    let text = "SELECT 0 AS part, to_timestamp(0) AS at, '' AS kind, NULL AS reference, NULL AS note, COUNT(*), \
             COALESCE(SUM(amount), 0)::bigint FROM entries WHERE account = $1 AND at < $2 \
         UNION ALL SELECT 1, date_trunc('day', at, 'UTC'), kind, NULL, NULL, COUNT(*), SUM(amount)::bigint \
             FROM entries WHERE account = $1 AND at >= $2 AND at < $3 AND kind = 'Usage' GROUP BY 2, 3 \
         UNION ALL SELECT 1, at, kind, reference, note, 1, amount FROM entries \
             WHERE account = $1 AND at >= $2 AND at < $3 AND kind <> 'Usage' \
         ORDER BY part, at, kind, reference";
    let rows = sqlx::query(text)
        .bind(account)
        .bind(time(since).to_sqlx())
        .bind(time(until).to_sqlx())
        .fetch_all(connection)
        .await?;
    let mut statement = Statement::default();
    for row in &rows {
        if row.try_get::<i32, _>(0)? == 0 {
            statement.opening = row.try_get(6)?;
            continue;
        }
        statement.lines.push(Line {
            at: milliseconds(row.try_get(1)?),
            kind: row.try_get(2)?,
            reference: row.try_get(3)?,
            note: row.try_get(4)?,
            entries: row.try_get(5)?,
            amount: row.try_get(6)?,
        });
    }
    Ok(statement)
}

pub(super) async fn differences(connection: &mut PgConnection) -> sqlx::Result<Vec<Difference>> {
    let mut found = Vec::new();
    for (check, text) in CHECKS {
        let text = text
            .replace("{hour}", "date_trunc('hour', at, 'UTC')")
            .replace("{day}", "date_trunc('day', hour, 'UTC')");
        for row in sqlx::query(AssertSqlSafe(text)).fetch_all(&mut *connection).await? {
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

fn milliseconds(time: jiff_sqlx::Timestamp) -> i64 {
    time.to_jiff().as_millisecond()
}
