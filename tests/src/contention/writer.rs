//! How fast a journal that filled while Postgres was away moves into it.

use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::{PgPool, Row};

use super::load::closed_loop;
use super::stage::Stage;
use crate::harness::postgres::Stop;
use crate::harness::{Tenant, key};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Gateways that wrote at the same time.
    pub gateways: usize,
    /// Usage rows.
    pub rows: i64,
    /// A second, of the middle eight tenths.
    pub rate: f64,
    /// Bytes a row with all indexes, of `usage`, `entries`, and `usage_hourly` with these tenants.
    pub bytes: [f64; 3],
}

/// Tenants whose rows come mixed.
const TENANTS: usize = 50;

/// Fills journals with about so many rows and empties them; `say` hears how it goes on.
pub async fn writer(gateways: usize, rows: usize, say: impl Fn(String)) -> anyhow::Result<Written> {
    let mut stage = Stage::start(gateways).await?;
    let names: Vec<_> = (0..TENANTS).map(|number| format!("t{number}")).collect();
    stage.add(names.iter().map(|name| Tenant::new(name)).collect()).await?;
    let keys: Vec<_> = names.iter().map(|name| key(name, "app")).collect();
    // A first row of each makes the schema and the partition.
    closed_loop(&stage.addresses(), &keys, TENANTS * gateways, |good, _| good >= 1).await?;
    let clients = TENANTS * gateways;
    let first = count(&stage.pool, i64::try_from(clients)?).await?;
    stage.pool.close().await;
    stage.postgres.stop(Stop::Fast).await?;
    let share = rows / clients;
    closed_loop(&stage.addresses(), &keys, clients, move |good, _| good >= share).await?;
    say(format!("{} rows are in the journals", share * clients));

    stage.postgres.start_again().await?;
    stage.pool = PgPool::connect(&stage.database).await?;
    let all = first + i64::try_from(share * clients)?;
    let (low, high) = (first + (all - first) / 10, all - (all - first) / 10);
    let (mut from, mut to) = (None, None);
    loop {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM usage").fetch_one(&stage.pool).await?;
        let now = Instant::now();
        if found >= low && from.is_none() {
            from = Some((found, now));
        }
        if found >= high && to.is_none() {
            to = Some((found, now));
        }
        if found >= all {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ((from_rows, from), (to_rows, to)) = (from.context("no rows")?, to.context("no rows")?);
    let moved = f64::from(u32::try_from(to_rows - from_rows)?);
    sqlx::query("VACUUM ANALYZE")
        .execute(&sqlx::PgPool::connect(&stage.postgres.as_superuser(&stage.database)).await?)
        .await?;
    let bytes = sizes(&stage.pool).await?;
    stage.end().await?;
    Ok(Written { gateways, rows: all, rate: moved / (to - from).as_secs_f64().max(1e-9), bytes })
}

async fn count(pool: &PgPool, least: i64) -> anyhow::Result<i64> {
    crate::harness::eventually("the first rows", async || {
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM usage").fetch_one(pool).await.unwrap_or_default();
        Ok((found >= least).then_some(found))
    })
    .await
}

/// Bytes a row of the three tables; a partitioned one is the sum of its parts.
pub(super) async fn sizes(pool: &PgPool) -> anyhow::Result<[f64; 3]> {
    let asked = "SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('usage'))::float8 \
            / (SELECT count(*) FROM usage), \
        pg_total_relation_size('entries')::float8 / greatest((SELECT count(*) FROM entries), 1), \
        pg_total_relation_size('usage_hourly')::float8 / greatest((SELECT count(*) FROM usage_hourly), 1)";
    let row = sqlx::query(asked).fetch_one(pool).await?;
    Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?])
}
