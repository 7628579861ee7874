//! Adding rows: one statement, one journey, one transaction.
//!
//! Rows come in the order of their key, hourly sums in that of theirs, and what was spent in that of its places. So all
//! gateways take locks in one order (rows, then sums), and none ever waits for another in a circle: rows of `spending` are
//! the own holder's.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ledger::{Row, jobs, leases};
use crate::usage::Word;

/// The sums are made from the rows that were really inserted. A sum ends at 64 bits, it never turns around.
const INSERT: &str = r#"
WITH new AS (
    INSERT INTO usage (request_id, attempt, at, tenant, account, "key", "user", project, provider, model, status,
        http_status, source, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        audio_input_tokens, audio_output_tokens, cost_nanos, price_nanos, price_revision, reported_cost_nanos,
        first_byte_ms, duration_ms, image_input_tokens, image_output_tokens, images, image_size, image_quality, media_ms,
        characters)
    SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::bigint[],
        $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[],
        $23::text[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::text[],
        $31::text[], $32::bigint[], $33::bigint[])
    ON CONFLICT DO NOTHING
    RETURNING *
), hourly AS (
    INSERT INTO usage_hourly AS old (hour, tenant, account, "key", "user", project, provider, model, source, requests,
        attempts, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, images, media_ms,
        characters, cost_nanos, price_nanos)
    SELECT date_trunc('hour', at, 'UTC'), tenant, account, "key", coalesce("user", ''), coalesce(project, ''), provider,
        model, source, count(*) FILTER (WHERE attempt = 1), count(*),
        least(sum(input_tokens), 9223372036854775807), least(sum(cached_input_tokens), 9223372036854775807),
        least(sum(cache_write_tokens), 9223372036854775807), least(sum(output_tokens), 9223372036854775807),
        least(sum(reasoning_tokens), 9223372036854775807), least(sum(images), 9223372036854775807),
        least(sum(media_ms), 9223372036854775807), least(sum(characters), 9223372036854775807),
        greatest(least(sum(cost_nanos), 9223372036854775807), -9223372036854775808),
        greatest(least(sum(price_nanos), 9223372036854775807), -9223372036854775808)
    FROM new
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ON CONFLICT (hour, tenant, account, "key", "user", project, provider, model, source) DO UPDATE SET
        requests = old.requests + excluded.requests,
        attempts = old.attempts + excluded.attempts,
        input_tokens = least(old.input_tokens::numeric + excluded.input_tokens, 9223372036854775807),
        cached_input_tokens =
            least(old.cached_input_tokens::numeric + excluded.cached_input_tokens, 9223372036854775807),
        cache_write_tokens = least(old.cache_write_tokens::numeric + excluded.cache_write_tokens, 9223372036854775807),
        output_tokens = least(old.output_tokens::numeric + excluded.output_tokens, 9223372036854775807),
        reasoning_tokens = least(old.reasoning_tokens::numeric + excluded.reasoning_tokens, 9223372036854775807),
        images = least(old.images::numeric + excluded.images, 9223372036854775807),
        media_ms = least(old.media_ms::numeric + excluded.media_ms, 9223372036854775807),
        characters = least(old.characters::numeric + excluded.characters, 9223372036854775807),
        cost_nanos = greatest(least(old.cost_nanos::numeric + excluded.cost_nanos, 9223372036854775807),
            -9223372036854775808),
        price_nanos = greatest(least(old.price_nanos::numeric + excluded.price_nanos, 9223372036854775807),
            -9223372036854775808)
), drawn AS (
    SELECT * FROM UNNEST($34::uuid[], $35::bigint[], $36::text[], $37::bigint[], $38::boolean[])
        AS drawn (request_id, attempt, allowance, "window", reserved)
), spent AS (
    INSERT INTO spending AS old (allowance, "window", holder, spent, unreserved, suspense)
    SELECT allowance, "window", $39,
        saturated(coalesce(sum(price) FILTER (WHERE source <> 'Bound' AND reserved), 0)),
        saturated(coalesce(sum(price) FILTER (WHERE source <> 'Bound' AND NOT reserved), 0)),
        saturated(coalesce(sum(price) FILTER (WHERE source = 'Bound'), 0))
    FROM drawn JOIN (
        SELECT request_id, attempt, source, greatest(price_nanos, -9223372036854775807) AS price FROM new
        LEFT JOIN LATERAL (
            -- LIMIT: never by reading all entries, whatever the planner knows of them
            SELECT true AS found FROM entries WHERE id = new.request_id AND entries.attempt = new.attempt LIMIT 1
        ) AS entry ON true
        WHERE source = 'Bound' OR found IS NULL -- a row whose month was taken away was charged before
    ) AS charged USING (request_id, attempt)
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (allowance, "window", holder) DO UPDATE SET
        spent = saturated(old.spent::numeric + excluded.spent),
        unreserved = saturated(old.unreserved::numeric + excluded.unreserved),
        suspense = saturated(old.suspense::numeric + excluded.suspense)
), made AS (
    INSERT INTO jobs (request_id, id, account, charged, made_at, next_look)
    SELECT request_id, id, account, price_nanos, at, at + $43 * interval '1 millisecond'
    FROM UNNEST($40::uuid[], $41::bigint[], $42::text[]) AS made (request_id, attempt, id)
    JOIN new USING (request_id, attempt)
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM new
"#;

/// Inserts rows and sums, and settles them for their holder; returns how many rows were new.
pub(super) async fn insert(connection: &mut PgConnection, holder: Uuid, rows: &[Row]) -> sqlx::Result<u64> {
    let mut rows: Vec<_> = rows.iter().collect();
    // Stable: of two with one key, the first that came stands.
    rows.sort_by_key(|row| (row.intent.request_id, row.intent.attempt));
    let drawn = drawn(&rows);
    let made = rows.iter().filter_map(|row| Some((*row, row.outcome.job.as_deref()?)));
    let (made, ids): (Vec<_>, Vec<_>) = made.unzip();
    let query = sqlx::query_scalar::<_, i64>(INSERT)
        .bind(column(&rows, |row| row.intent.request_id))
        .bind(column(&rows, |row| i64::from(row.intent.attempt)))
        .bind(column(&rows, |row| time(row.intent.at).to_sqlx()))
        .bind(column(&rows, |row| text(&row.intent.tenant)))
        .bind(column(&rows, |row| text(&row.intent.account)))
        .bind(column(&rows, |row| text(&row.intent.key)))
        .bind(column(&rows, |row| row.intent.user.as_deref().map(text)))
        .bind(column(&rows, |row| row.intent.project.as_deref().map(text)))
        .bind(column(&rows, |row| text(&row.intent.provider)))
        .bind(column(&rows, |row| text(&row.intent.model)))
        .bind(column(&rows, |row| row.outcome.status.name()))
        .bind(column(&rows, |row| i64::from(row.outcome.http_status)))
        .bind(column(&rows, |row| row.outcome.source.name()))
        .bind(column(&rows, |row| count(row.outcome.usage.input)))
        .bind(column(&rows, |row| count(row.outcome.usage.cached_input)))
        .bind(column(&rows, |row| count(row.outcome.usage.cache_write)))
        .bind(column(&rows, |row| count(row.outcome.usage.output)))
        .bind(column(&rows, |row| count(row.outcome.usage.reasoning)))
        .bind(column(&rows, |row| count(row.outcome.usage.audio_input)))
        .bind(column(&rows, |row| count(row.outcome.usage.audio_output)))
        .bind(column(&rows, |row| row.outcome.charge.cost.0))
        .bind(column(&rows, |row| row.outcome.charge.price.0))
        .bind(column(&rows, |row| row.intent.price_revision.as_deref().map(text)))
        .bind(column(&rows, |row| row.outcome.usage.reported_cost_nanos))
        .bind(column(&rows, |row| row.outcome.first_byte_ms.map(i64::from)))
        .bind(column(&rows, Row::duration_ms))
        .bind(column(&rows, |row| count(row.outcome.usage.image_input)))
        .bind(column(&rows, |row| count(row.outcome.usage.image_output)))
        .bind(column(&rows, |row| count(row.outcome.usage.images)))
        .bind(column(&rows, |row| word(&row.outcome.usage.image.size)))
        .bind(column(&rows, |row| word(&row.outcome.usage.image.quality)))
        .bind(column(&rows, |row| count(row.outcome.usage.millis)))
        .bind(column(&rows, |row| count(row.outcome.usage.characters)))
        .bind(drawn.ids)
        .bind(drawn.attempts)
        .bind(drawn.allowances)
        .bind(drawn.windows)
        .bind(drawn.reserved)
        .bind(holder)
        .bind(column(&made, |row| row.intent.request_id))
        .bind(column(&made, |row| i64::from(row.intent.attempt)))
        .bind(ids)
        .bind(jobs::first_look(0));
    let new = query.fetch_one(connection).await?;
    Ok(u64::try_from(new).unwrap_or_default())
}

/// What the rows' prices are counted against, as columns; the row's key tells which are new.
#[derive(Default)]
struct Drawn<'a> {
    ids: Vec<Uuid>,
    attempts: Vec<i64>,
    allowances: Vec<Cow<'a, str>>,
    windows: Vec<i64>,
    reserved: Vec<bool>,
}

fn drawn<'a>(rows: &[&'a Row]) -> Drawn<'a> {
    let mut drawn = Drawn::default();
    let mut before = None;
    for row in rows {
        let key = (row.intent.request_id, row.intent.attempt);
        if before.replace(key) == Some(key) || row.outcome.charge.price.0 == 0 {
            continue;
        }
        for (allowance, window, reserved) in leases::draws(&row.intent) {
            drawn.ids.push(key.0);
            drawn.attempts.push(key.1.into());
            drawn.allowances.push(clean(allowance));
            drawn.windows.push(window);
            drawn.reserved.push(reserved);
        }
    }
    drawn
}

fn column<'a, T>(rows: &[&'a Row], cell: impl Fn(&'a Row) -> T) -> Vec<T> {
    rows.iter().map(|row| cell(row)).collect()
}

/// Postgres keeps no NUL in a text: a row with one would be refused for ever, and all others with it.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    clean(Cow::Borrowed(text))
}

fn word(word: &Word) -> Option<Cow<'_, str>> {
    (!word.is_empty()).then(|| text(word.as_str()))
}

fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { text }
}

/// Within what both sides can say: the years 1970 to 9999.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds.max(0)).unwrap_or(Timestamp::MAX)
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
