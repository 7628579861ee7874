//! One balance, many gateways, as fast as they go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::PgPool;

use super::load::{Latencies, closed_loop};
use super::stage::Stage;
use super::{PRICE, load};
use crate::harness::{Command, Tenant, key};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Balance {
    /// Nano-dollars that the tenant was given.
    pub given: i64,
    /// Nano-dollars that it was charged.
    pub charged: i64,
    /// The most that one request reserves.
    pub reservation: i64,
    /// The same load by a tenant without caps.
    pub without: Latencies,
    /// By the tenant on credits, until nothing was left.
    pub with: Latencies,
    /// How long more than a tenth was left.
    pub plenty: Duration,
    /// Rows updated or inserted meanwhile, by table.
    pub writes: BTreeMap<String, i64>,
    /// What `aigne-hub reconcile` says.
    pub reconciled: Result<(), String>,
}

impl Balance {
    /// Nano-dollars beyond what was given.
    pub fn overdraft(&self) -> i64 {
        (self.charged - self.given).max(0)
    }

    /// Of a table, a second, while more than a tenth was left.
    pub fn writes_a_second(&self, table: &str) -> f64 {
        let writes = self.writes.get(table).copied().unwrap_or_default();
        f64::from(u32::try_from(writes).unwrap_or(u32::MAX)) / self.plenty.as_secs_f64().max(1e-9)
    }
}

/// Spends a balance that lasts for about `time` through so many gateways; `say` hears how it goes on.
pub async fn balance(
    gateways: usize,
    clients: usize,
    time: Duration,
    say: impl Fn(String),
) -> anyhow::Result<Balance> {
    let mut stage = Stage::start(gateways).await?;
    let addresses = stage.addresses();
    stage.add(vec![Tenant::new("open")]).await?;
    let until = |time| {
        let end = Instant::now() + time;
        move |_: usize, _: usize| Instant::now() >= end
    };
    let keys = [key("open", "app")];
    closed_loop(&addresses, &keys, clients, until(Duration::from_secs(1))).await?;
    let without = closed_loop(&addresses, &keys, clients, until(Duration::from_secs(4))).await?;
    say(format!("{:.0} requests/s by a tenant without caps", without.rate()));

    let requests = i64::try_from(without.good.len()).unwrap_or(i64::MAX) * i64::try_from(time.as_secs())? / 4;
    let given = requests * PRICE;
    let dollars = format!("{}.{:09}", given / 1_000_000_000, given % 1_000_000_000);
    let billing = json!({"mode": "Credits", "starterCredits": dollars});
    stage.add(vec![Tenant::new("prepaid").set("billing", billing)]).await?;
    entered(&stage.pool, given).await?;
    say(format!("${dollars} given"));

    let before = writes(&stage.pool).await?;
    let (began, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let keys = [key("prepaid", "app")];
    let told = Arc::clone(&stop);
    // Who is refused asks again; all stop when nothing was left for a while.
    let asking = closed_loop(&addresses, &keys, clients, move |_, _| told.load(Ordering::Relaxed));
    let watching = watch(&stage.pool, given, began, time * 3, &say);
    let watching = async {
        let watched = watching.await;
        stop.store(true, Ordering::Relaxed);
        watched
    };
    let (with, (plenty, after)) = tokio::try_join!(asking, watching)?;
    stage.end().await?;
    let reconciled =
        Command::new(["reconcile"]).environment("AIGNE_HUB_DATABASE_URL", &stage.database).run().await?;
    Ok(Balance {
        given,
        charged: stage.charged("prepaid").await?,
        reservation: load::reservation(),
        without,
        with,
        plenty,
        writes: after
            .into_iter()
            .map(|(table, count)| {
                let before = before.get(&table).copied().unwrap_or_default();
                (table, count - before)
            })
            .collect(),
        reconciled: if reconciled.success { Ok(()) } else { Err(reconciled.stdout + &reconciled.stderr) },
    })
}

/// Until a tenth is left (gives what was written till then, and when), and on until nothing more is spent.
async fn watch(
    pool: &PgPool,
    given: i64,
    began: Instant,
    most: Duration,
    say: &impl Fn(String),
) -> anyhow::Result<(Duration, BTreeMap<String, i64>)> {
    let (mut last, mut quiet, mut plenty) = (i64::MIN, Instant::now(), None);
    let mut latest = (began.elapsed(), writes(pool).await?);
    loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let spent = spent(pool).await?;
        if plenty.is_none() && spent > given - given / 10 {
            say(format!("{:.1} s: less than a tenth is left", began.elapsed().as_secs_f64()));
            plenty = Some(latest.clone());
        }
        latest = (began.elapsed(), writes(pool).await?);
        if spent != last {
            (last, quiet) = (spent, Instant::now());
        }
        if quiet.elapsed() > Duration::from_secs(3) || began.elapsed() > most {
            return Ok(plenty.unwrap_or(latest));
        }
    }
}

async fn spent(pool: &PgPool) -> anyhow::Result<i64> {
    let asked = "SELECT coalesce(sum(price_nanos), 0)::bigint FROM usage_hourly WHERE tenant = 'hub/prepaid'";
    Ok(sqlx::query_scalar(asked).fetch_one(pool).await?)
}

async fn entered(pool: &PgPool, given: i64) -> anyhow::Result<()> {
    let asked = "SELECT coalesce(sum(amount), 0)::bigint FROM entries WHERE account = 'hub/prepaid'";
    crate::harness::eventually("the credits are entered", async || {
        let found: i64 = sqlx::query_scalar(asked).fetch_one(pool).await?;
        Ok((found == given).then_some(()))
    })
    .await
}

/// Rows inserted and updated so far, by table. Only one tenant asks, so a table's rows of money are its.
async fn writes(pool: &PgPool) -> anyhow::Result<BTreeMap<String, i64>> {
    let asked = "SELECT relname::text, n_tup_upd + n_tup_ins FROM pg_stat_user_tables \
        WHERE relname IN ('accounts', 'allowances', 'leases', 'spending', 'holders', 'usage_hourly')";
    Ok(sqlx::query_as::<_, (String, i64)>(asked).fetch_all(pool).await?.into_iter().collect())
}
