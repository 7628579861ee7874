//! What a usage screen asks, of millions of rows.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgPool};

use super::stage::Stage;
use super::writer::sizes;
use crate::harness::Tenant;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Screens {
    /// Usage rows.
    pub rows: i64,
    /// Rows of hourly sums.
    pub hours: i64,
    /// Bytes a row, with all indexes: `usage`, `entries`, `usage_hourly`.
    pub bytes: [f64; 3],
    /// How long it took to make the rows.
    pub filled: Duration,
    /// The questions, with the ledger as it is.
    pub answered: Vec<Answered>,
    /// The same with an index more: what it is, the bytes that it takes for each row, and the answers.
    pub indexed: Vec<(&'static str, f64, Vec<Answered>)>,
}

/// One question.
#[derive(Clone, Debug)]
pub struct Answered {
    /// In words.
    pub question: &'static str,
    /// The median of five, and the slowest.
    pub took: (Duration, Duration),
    /// What `EXPLAIN (ANALYZE, BUFFERS)` says.
    pub plan: String,
}

const QUESTIONS: [(&str, &str); 6] = [
    (
        "a tenant's month by day and user, from hourly sums",
        "SELECT date_trunc('day', hour, 'UTC') AS day, \"user\", sum(requests), sum(input_tokens), sum(output_tokens), \
            sum(price_nanos) FROM usage_hourly \
         WHERE tenant = 'hub/t500' AND hour >= '2026-03-01Z' AND hour < '2026-04-01Z' GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    (
        "a tenant's month by day and model, from daily sums",
        "SELECT day, model, sum(requests), sum(input_tokens), sum(output_tokens), sum(price_nanos) FROM usage_daily \
         WHERE tenant = 'hub/t500' AND day >= '2026-03-01Z' AND day < '2026-04-01Z' GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    (
        "all tenants' month by tenant, from daily sums",
        "SELECT tenant, sum(requests), sum(price_nanos) FROM usage_daily \
         WHERE day >= '2026-03-01Z' AND day < '2026-04-01Z' GROUP BY 1 ORDER BY 3 DESC LIMIT 50",
    ),
    (
        "all tenants' last day by model, from daily sums",
        "SELECT model, sum(requests), sum(price_nanos) FROM usage_daily \
         WHERE day >= '2026-03-30Z' AND day < '2026-03-31Z' GROUP BY 1 ORDER BY 3 DESC",
    ),
    (
        "the last 50 rows of a busy tenant",
        "SELECT * FROM usage WHERE tenant = 'hub/t500' ORDER BY request_id DESC LIMIT 50",
    ),
    (
        "the last 50 rows of a tenant with ten rows a month ago",
        "SELECT * FROM usage WHERE tenant = 'hub/rare' ORDER BY request_id DESC LIMIT 50",
    ),
];

/// Makes so many rows within a month, of 1,000 tenants, and asks; `say` hears how it goes on.
pub async fn screens(rows: i64, say: impl Fn(String)) -> anyhow::Result<Screens> {
    let mut stage = Stage::start(1).await?;
    // The gateway makes the schema.
    stage.add(vec![Tenant::new("first")]).await?;
    let keys = [crate::harness::key("first", "app")];
    super::load::closed_loop(&stage.addresses(), &keys, 1, |good, _| good >= 1).await?;
    stage.end().await?;
    let pool = PgPool::connect(&stage.postgres.as_superuser(&stage.database)).await?;
    let began = Instant::now();
    fill(&pool, rows).await?;
    let filled = began.elapsed();
    say(format!("{rows} rows after {:.0} s", filled.as_secs_f64()));
    let answered = ask(&pool, &say).await?;
    let mut indexed = Vec::new();
    for (index, table) in INDEXES {
        sqlx::query(AssertSqlSafe(format!("CREATE INDEX more ON {index}"))).execute(&pool).await?;
        sqlx::query("VACUUM ANALYZE").execute(&pool).await?;
        say(format!("with an index more, {index}"));
        // An index of a table without partitions is no tree.
        let size = "SELECT coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('more')), \
            pg_relation_size('more'))::float8 / greatest((SELECT count(*) FROM TABLE), 1)";
        let size = sqlx::query_scalar(AssertSqlSafe(size.replace("TABLE", table))).fetch_one(&pool).await?;
        indexed.push((index, size, ask(&pool, &say).await?));
        sqlx::query("DROP INDEX more").execute(&pool).await?;
    }
    let hours: i64 = sqlx::query_scalar("SELECT count(*) FROM usage_hourly").fetch_one(&pool).await?;
    Ok(Screens { rows, hours, bytes: sizes(&pool).await?, filled, answered, indexed })
}

/// What might help, and whose rows it is about.
const INDEXES: [(&str, &str); 2] =
    [("usage_hourly (tenant, hour)", "usage_hourly"), ("usage (tenant, request_id)", "usage")];

async fn ask(pool: &PgPool, say: &impl Fn(String)) -> anyhow::Result<Vec<Answered>> {
    let mut answered = Vec::new();
    for (question, text) in QUESTIONS {
        let mut times = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            sqlx::query(AssertSqlSafe(text)).fetch_all(pool).await?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {text}");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(pool).await?;
        let took = (times.get(2).copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
        say(format!("{question}: {:.1} ms", took.0.as_secs_f64() * 1e3));
        answered.push(Answered { question, took, plan: plan.join("\n") });
    }
    Ok(answered)
}

/// Rows as gateways write them, without the triggers that enter them into accounts and days, and then their sums.
async fn fill(pool: &PgPool, rows: i64) -> anyhow::Result<()> {
    let step = 500_000;
    let mut connection = pool.acquire().await?;
    for statement in ["SET session_replication_role = replica", "SET synchronous_commit = off"] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    sqlx::query("SELECT make_usage_partition('019ca9b7-7c00-7000-8000-000000000000')")
        .execute(&mut *connection)
        .await?;
    for from in (0..rows).step_by(step) {
        let to = rows.min(from + i64::try_from(step)?);
        sqlx::query(MAKE).bind(from).bind(to - 1).bind(rows).execute(&mut *connection).await?;
    }
    sqlx::query(HOURS).execute(&mut *connection).await?;
    sqlx::query(DAYS).execute(&mut *connection).await?;
    sqlx::query("VACUUM ANALYZE").execute(&mut *connection).await?;
    Ok(())
}

const DAYS: &str = "\
INSERT INTO usage_daily \
SELECT date_trunc('day', hour, 'UTC'), tenant, account, provider, model, source, sum(requests), sum(attempts), \
    sum(input_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), \
    sum(cost_nanos), sum(price_nanos) \
FROM usage_hourly WHERE hour >= '2026-03-01Z' AND hour < '2026-04-01Z' GROUP BY 1, 2, 3, 4, 5, 6";

/// Evenly over March 2026. Of a tenant's models and keys some are much used, some are not.
const MAKE: &str = r#"
INSERT INTO usage (request_id, attempt, at, tenant, account, "key", provider, model, status, http_status, source,
    input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, audio_input_tokens,
    audio_output_tokens, cost_nanos, price_nanos, price_revision, first_byte_ms, duration_ms)
SELECT (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid, 1,
    timestamptz 'epoch' + ms * interval '1 millisecond', tenant, tenant, 'app', 'ai/openai',
    'model-' || least(n % 8, (n / 8) % 8), 'Completed', 200, 'Provider', 100 + n % 3000, n % 500, 0, n % 900, 0, 0, 0,
    (100 + n % 3000) * 1000 + n % 900 * 10000, (100 + n % 3000) * 1200 + n % 900 * 12000, '0123456789abcdef', 300, 2000
FROM (
    SELECT n, 1772323200000 + (n::numeric * 2678400000 / $3)::bigint AS ms,
        CASE WHEN n < 10 THEN 'hub/rare' ELSE 'hub/t' || (n * 7919) % 1000 END AS tenant
    FROM generate_series($1::bigint, $2::bigint) AS n
) AS made
"#;

const HOURS: &str = r#"
INSERT INTO usage_hourly (hour, tenant, account, "key", "user", project, provider, model, source, requests, attempts,
    input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nanos, price_nanos)
SELECT date_trunc('hour', at, 'UTC'), tenant, account, "key", '', '', provider, model, source, count(*), count(*),
    sum(input_tokens), sum(cached_input_tokens), 0, sum(output_tokens), 0, sum(cost_nanos), sum(price_nanos)
FROM usage WHERE at < '2026-04-01Z' GROUP BY 1, 2, 3, 4, 7, 8, 9 ORDER BY 1, 2, 3, 4, 7, 8, 9
"#;
