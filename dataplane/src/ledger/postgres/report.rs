//! Answering questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use super::connection::{Connections, within};
use crate::ledger::store::{Dimension, Filter, Grain, Group, StoreError, Sums, Totals, UsageRow};

/// Rows read at once. A page is a query of its own: a slow reader holds up no connection and no vacuum.
const PAGE: i64 = 5_000;

/// What `usage_hourly` and `usage_daily` add up, in the order of [`read_sums`].
const SUMS: [&str; 12] = [
    "requests",
    "attempts",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "images",
    "media_ms",
    "characters",
    "cost_nanos",
    "price_nanos",
];

/// The filter as three parameters.
const WITHIN: &str = "($1::timestamptz IS NULL OR at >= $1) AND ($2::timestamptz IS NULL OR at < $2) \
                      AND ($3::text IS NULL OR tenant = $3)";

pub(super) fn rows(
    connections: Arc<Connections>,
    filter: Filter,
) -> BoxStream<'static, Result<UsageRow, StoreError>> {
    // The key of the last row that was read; None at the end.
    let start = Some((Uuid::nil(), i64::MIN));
    let pages = stream::try_unfold((connections, filter, start), |(connections, filter, after)| {
        async move {
            let Some(after) = after else { return Ok(None) };
            let rows = next_page(&connections, &filter, after).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|length| length == PAGE);
            let next = rows.last().filter(|_| full).map(|row| (row.request_id, row.attempt));
            let rows = stream::iter(rows.into_iter().map(Ok::<_, StoreError>));
            Ok::<_, StoreError>(Some((rows, (connections, filter, next))))
        }
        .boxed()
    });
    pages.try_flatten().boxed()
}

async fn next_page(
    connections: &Connections,
    filter: &Filter,
    after: (Uuid, i64),
) -> Result<Vec<UsageRow>, StoreError> {
    let mut lease = connections.acquire().await?;
    let page = within(connections.options().timeout, page(&mut lease.connection, filter, after)).await?;
    lease.give_back();
    Ok(page)
}

async fn page(
    connection: &mut PgConnection,
    filter: &Filter,
    (id, attempt): (Uuid, i64),
) -> sqlx::Result<Vec<UsageRow>> {
    let text = format!(
        "SELECT * FROM usage WHERE {WITHIN} AND (request_id, attempt) > ($4, $5) \
         ORDER BY request_id, attempt LIMIT {PAGE}"
    );
    let query = sqlx::query(AssertSqlSafe(text))
        .bind(bound(filter.since))
        .bind(bound(filter.until))
        .bind(filter.tenant.as_deref())
        .bind(id)
        .bind(attempt);
    query.fetch_all(connection).await?.iter().map(usage_row).collect()
}

pub(super) async fn rows_of(connection: &mut PgConnection, requests: &[Uuid]) -> sqlx::Result<Vec<UsageRow>> {
    let query = sqlx::query("SELECT * FROM usage WHERE request_id = ANY($1)").bind(requests);
    query.fetch_all(connection).await?.iter().map(usage_row).collect()
}

pub(super) async fn totals(
    connection: &mut PgConnection,
    filter: &Filter,
    by: &[Dimension],
) -> sqlx::Result<BTreeMap<Group, Totals>> {
    let from = match filter.grain(by) {
        Grain::Days => "(SELECT *, day AS at FROM usage_daily)",
        Grain::Hours => "(SELECT *, hour AS at FROM usage_hourly)",
        Grain::Rows => "(SELECT *, (attempt = 1)::int AS requests, 1 AS attempts FROM usage)",
    };
    let mut columns: Vec<_> = by.iter().map(|dimension| column(*dimension).to_owned()).collect();
    columns.push("source = 'Bound'".to_owned());
    let groups = (1..=columns.len()).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    columns.extend(SUMS.map(|sum| format!("sum({sum})::text")));
    let columns = columns.join(", ");
    let text = format!("SELECT {columns} FROM {from} AS rows WHERE {WITHIN} GROUP BY {groups}");
    let query = sqlx::query(AssertSqlSafe(text))
        .bind(bound(filter.since))
        .bind(bound(filter.until))
        .bind(filter.tenant.as_deref());
    let mut totals = BTreeMap::<Group, Totals>::new();
    for row in query.fetch_all(connection).await? {
        let group = (0..by.len()).map(|place| row.try_get(place)).collect::<sqlx::Result<Group>>()?;
        let total = totals.entry(group).or_default();
        let suspense: bool = row.try_get(by.len())?;
        *(if suspense { &mut total.suspense } else { &mut total.known }) = read_sums(&row, by.len() + 1)?;
    }
    Ok(totals)
}

/// All times that are stored are between 1970 and 9999; a bound beyond is as good as the nearest of these.
fn bound(milliseconds: Option<i64>) -> Option<jiff_sqlx::Timestamp> {
    milliseconds.map(|bound| Timestamp::from_millisecond(bound.max(0)).unwrap_or(Timestamp::MAX).to_sqlx())
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Tenant => "tenant",
        Dimension::Account => "account",
        Dimension::Key => "\"key\"",
        Dimension::User => "coalesce(\"user\", '')",
        Dimension::Project => "coalesce(project, '')",
        Dimension::Provider => "provider",
        Dimension::Model => "model",
        Dimension::Day => "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    }
}

fn read_sums(row: &PgRow, first: usize) -> sqlx::Result<Sums> {
    let mut places = first..;
    let mut next = || -> sqlx::Result<i128> {
        let text: &str = row.try_get(places.next().unwrap_or_default())?;
        text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
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

fn usage_row(row: &PgRow) -> sqlx::Result<UsageRow> {
    Ok(UsageRow {
        request_id: row.try_get("request_id")?,
        attempt: row.try_get("attempt")?,
        at: row.try_get::<jiff_sqlx::Timestamp, _>("at")?.to_jiff(),
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
