//! Answering questions.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::statements::{SUMS, USAGE};
use crate::ledger::store::{Dimension, Filter, Grain, Group, StoreError, Sums, Totals, UsageRow};

pub(super) fn rows<'a>(pool: &'a SqlitePool, filter: &Filter) -> BoxStream<'a, Result<UsageRow, StoreError>> {
    let filter = filter.clone();
    let (since, until) = bounds(&filter);
    let columns = USAGE.join(",");
    let text = format!("SELECT {columns} FROM usage {} ORDER BY request_id, attempt", within("at"));
    sqlx::query(AssertSqlSafe(text))
        .bind(since)
        .bind(until)
        .bind(filter.tenant)
        .fetch(pool)
        .map(|row| Ok(usage_row(&row?)?))
        .boxed()
}

pub(super) async fn rows_of(pool: &SqlitePool, requests: &[Uuid]) -> sqlx::Result<Vec<UsageRow>> {
    let (columns, places) = (USAGE.join(","), vec!["?"; requests.len()].join(","));
    let text = format!("SELECT {columns} FROM usage WHERE request_id IN ({places})");
    let query = sqlx::query(AssertSqlSafe(text));
    let query = requests.iter().fold(query, |query, request| query.bind(request.as_bytes().to_vec()));
    query.fetch_all(pool).await?.iter().map(usage_row).collect()
}

pub(super) async fn totals(
    pool: &SqlitePool,
    filter: &Filter,
    by: &[Dimension],
) -> sqlx::Result<BTreeMap<Group, Totals>> {
    let (since, until) = bounds(filter);
    let from = match filter.grain(by) {
        Grain::Days => format!("(SELECT *, day AS hour FROM usage_daily {})", within("day")),
        Grain::Hours => format!("usage_hourly {}", within("hour")),
        Grain::Rows => {
            let each = "*, at AS hour, attempt = 1 AS requests, 1 AS attempts";
            format!("(SELECT {each} FROM usage {})", within("at"))
        }
    };
    let mut columns: Vec<_> = by.iter().map(|dimension| column(*dimension).to_owned()).collect();
    columns.push("source = 'Bound'".to_owned());
    let groups = (1..=columns.len()).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    // Two halves each, because SUM fails on a sum beyond 64 bits.
    columns.extend(SUMS.map(|sum| format!("SUM({sum} >> 32), SUM({sum} & 4294967295)")));
    let text = format!("SELECT {} FROM {from} GROUP BY {groups}", columns.join(", "));
    let query = sqlx::query(AssertSqlSafe(text)).bind(since).bind(until).bind(&filter.tenant);
    let mut totals = BTreeMap::<Group, Totals>::new();
    for row in query.fetch_all(pool).await? {
        let group = (0..by.len()).map(|place| row.try_get(place)).collect::<sqlx::Result<Group>>()?;
        let total = totals.entry(group).or_default();
        let suspense: bool = row.try_get(by.len())?;
        *(if suspense { &mut total.suspense } else { &mut total.known }) = read_sums(&row, by.len() + 1)?;
    }
    Ok(totals)
}

/// The filter as three parameters.
fn within(time: &str) -> String {
    format!("WHERE {time} >= ?1 AND {time} < ?2 AND (?3 IS NULL OR tenant = ?3)")
}

fn bounds(filter: &Filter) -> (i64, i64) {
    (filter.since.unwrap_or(i64::MIN), filter.until.unwrap_or(i64::MAX))
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Tenant => "tenant",
        Dimension::Account => "account",
        Dimension::Key => "\"key\"",
        Dimension::User => "COALESCE(\"user\", '')",
        Dimension::Project => "COALESCE(project, '')",
        Dimension::Provider => "provider",
        Dimension::Model => "model",
        Dimension::Day => "COALESCE(date(hour / 1000, 'unixepoch'), '')",
    }
}

fn read_sums(row: &SqliteRow, first: usize) -> sqlx::Result<Sums> {
    let mut place = first;
    let mut next = || -> sqlx::Result<i128> {
        let (high, low): (i64, i64) = (row.try_get(place)?, row.try_get(place + 1)?);
        place += 2;
        Ok((i128::from(high) << 32) + i128::from(low))
    };
    Ok(Sums {
        requests: next()?,
        attempts: next()?,
        input_tokens: next()?,
        cached_input_tokens: next()?,
        cache_write_tokens: next()?,
        output_tokens: next()?,
        reasoning_tokens: next()?,
        images: next()?,
        media_ms: next()?,
        characters: next()?,
        cost_nanos: next()?,
        price_nanos: next()?,
    })
}

fn usage_row(row: &SqliteRow) -> sqlx::Result<UsageRow> {
    let decode = |error| sqlx::Error::Decode(Box::new(error));
    Ok(UsageRow {
        request_id: Uuid::from_slice(row.try_get("request_id")?)
            .map_err(|e| sqlx::Error::Decode(e.into()))?,
        attempt: row.try_get("attempt")?,
        at: Timestamp::from_millisecond(row.try_get("at")?).map_err(decode)?,
        tenant: row.try_get("tenant")?,
        account: row.try_get("account")?,
        key: row.try_get("key")?,
        user: row.try_get("user")?,
        project: row.try_get("project")?,
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        status: row.try_get("status")?,
        http_status: row.try_get("http_status")?,
        source: row.try_get("source")?,
        input_tokens: row.try_get("input_tokens")?,
        cached_input_tokens: row.try_get("cached_input_tokens")?,
        cache_write_tokens: row.try_get("cache_write_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        reasoning_tokens: row.try_get("reasoning_tokens")?,
        audio_input_tokens: row.try_get("audio_input_tokens")?,
        audio_output_tokens: row.try_get("audio_output_tokens")?,
        image_input_tokens: row.try_get("image_input_tokens")?,
        image_output_tokens: row.try_get("image_output_tokens")?,
        images: row.try_get("images")?,
        image_size: row.try_get("image_size")?,
        image_quality: row.try_get("image_quality")?,
        media_ms: row.try_get("media_ms")?,
        characters: row.try_get("characters")?,
        cost_nanos: row.try_get("cost_nanos")?,
        price_nanos: row.try_get("price_nanos")?,
        price_revision: row.try_get("price_revision")?,
        reported_cost_nanos: row.try_get("reported_cost_nanos")?,
        first_byte_ms: row.try_get("first_byte_ms")?,
        duration_ms: row.try_get("duration_ms")?,
    })
}
