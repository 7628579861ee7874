//! What the ledger has, read as it lies: nothing that a gateway would have to be believed.

use std::collections::BTreeMap;

use sqlx::PgPool;

/// A usage row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) request_id: String,
    pub(super) attempt: i64,
    pub(super) tenant: String,
    pub(super) user: Option<String>,
    pub(super) provider: String,
    pub(super) status: String,
    pub(super) http_status: i64,
    pub(super) source: String,
    pub(super) input_tokens: i64,
    pub(super) cached_input_tokens: i64,
    pub(super) cache_write_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) price_nanos: i64,
}

impl Row {
    /// Input of every kind, and output.
    pub(super) fn tokens(&self) -> (i64, i64) {
        (self.input_tokens + self.cached_input_tokens + self.cache_write_tokens, self.output_tokens)
    }

    /// Nano-dollars that its tenant pays.
    pub(super) fn charged(&self) -> i64 {
        if self.source == "Bound" { 0 } else { self.price_nanos }
    }

    /// Nano-dollars that it may have cost.
    pub(super) fn suspended(&self) -> i64 {
        if self.source == "Bound" { self.price_nanos } else { 0 }
    }
}

pub(super) async fn all(ledger: &PgPool) -> anyhow::Result<Vec<Row>> {
    let asked = r#"SELECT request_id::text, attempt, tenant, "user", provider, status, http_status, source, input_tokens,
        cached_input_tokens, cache_write_tokens, output_tokens, price_nanos FROM usage ORDER BY request_id, attempt"#;
    Ok(sqlx::query_as(asked).fetch_all(ledger).await?)
}

pub(super) fn by_source(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for row in rows {
        *count.entry(row.source.clone()).or_default() += 1;
    }
    count
}

/// Hours of a tenant whose sums are not those of its rows.
pub(super) async fn hourly_differences(ledger: &PgPool) -> anyhow::Result<Vec<String>> {
    let sums = |of: &str, requests: &str, attempts: &str| {
        format!(
            "SELECT {of} AS hour, tenant, source, ({requests})::numeric AS requests, ({attempts})::numeric AS attempts, \
             sum(input_tokens) AS input, sum(cached_input_tokens) AS cached, sum(cache_write_tokens) AS written, \
             sum(output_tokens) AS output, sum(cost_nanos) AS cost, sum(price_nanos) AS price"
        )
    };
    let rows = sums("date_trunc('hour', at, 'UTC')", "count(*) FILTER (WHERE attempt = 1)", "count(*)");
    let hours = sums("hour", "sum(requests)", "sum(attempts)");
    let asked = format!(
        "WITH rows AS ({rows} FROM usage GROUP BY 1, 2, 3), hours AS ({hours} FROM usage_hourly GROUP BY 1, 2, 3) \
         SELECT rows::text || ' / ' || hours::text FROM rows FULL JOIN hours USING (hour, tenant, source) \
         WHERE rows IS DISTINCT FROM hours"
    );
    let found: Vec<Option<String>> = sqlx::query_scalar(sqlx::AssertSqlSafe(asked)).fetch_all(ledger).await?;
    Ok(found.into_iter().map(|line| line.unwrap_or_else(|| "one of them is missing".to_owned())).collect())
}
