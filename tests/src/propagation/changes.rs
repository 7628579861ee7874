//! The changes, and how their effect shows.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::tenants::place;
use crate::harness::asks::chat;
use crate::harness::system::MODEL;
use crate::harness::{Client, Gateway, System, key};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Longer than any change takes that arrives at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tenant gets a key.
    NewKey,
    /// A key is disabled.
    RevokedKey,
    /// A model costs something else.
    Price,
    /// A provider's key is another.
    Credential,
}

impl Kind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewKey => "new tenant key",
            Self::RevokedKey => "revoked key",
            Self::Price => "changed price",
            Self::Credential => "rotated provider Secret",
        }
    }
}

/// A system whose changes are measured.
pub(super) struct Changing<'a> {
    system: &'a System,
    tenants: usize,
    count: usize,
}

impl<'a> Changing<'a> {
    /// Secrets of the keys to come are there, so that the change is one apply.
    pub(super) async fn prepare(system: &'a System, tenants: usize, count: usize) -> anyhow::Result<Self> {
        for number in 0..count.min(tenants) {
            let (namespace, name) = place(system, number);
            system.put_secret(&namespace, &extra(&name), &key(&name, "extra"), &[]).await?;
        }
        let (namespace, name) = place(system, 0);
        // What looks for prices and credentials.
        system.apply(system.tenant_manifest(&namespace, &name)).await?;
        system.key(&namespace, &name).await?;
        Ok(Self { system, tenants, count })
    }

    /// One tenant after the other gets a key, and then loses it.
    pub(super) async fn keys(&self, say: &impl Fn(&str)) -> anyhow::Result<Vec<(Kind, Vec<Duration>)>> {
        let (mut added, mut revoked) = (Vec::new(), Vec::new());
        for number in 0..self.count {
            let (namespace, name) = place(self.system, number % self.tenants);
            let value = key(&name, "extra");
            let mut tenant = self.system.tenant_manifest(&namespace, &name);
            let keys = tenant["spec"]["keys"].as_array_mut().context("keys")?;
            keys.push(json!({ "name": "extra", "secretName": extra(&name) }));
            added.push(self.time(tenant.clone(), &value, 200).await?);
            tenant["spec"]["keys"][1]["disabled"] = json!(true);
            revoked.push(self.time(tenant, &value, 401).await?);
            if number % 25 == 24 {
                say(&format!("  {} of {} keys", number + 1, self.count));
            }
        }
        Ok(vec![(Kind::NewKey, added), (Kind::RevokedKey, revoked)])
    }

    async fn time(&self, tenant: serde_json::Value, key: &str, status: u16) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.system.apply(tenant).await?;
        self.everywhere(began, async |gateway| {
            Ok(gateway.client(key)?.get("/v1/models").await?.status == status)
        })
        .await
    }

    /// The provider's prices change.
    pub(super) async fn prices(&self, say: &impl Fn(&str)) -> anyhow::Result<Vec<Duration>> {
        say("  prices");
        let mut times = Vec::new();
        for number in 0..self.count {
            // As often as it changes, it is another price than before.
            let price = format!("{}", number + 2);
            let before = self.costs().await?;
            let began = Instant::now();
            self.system.apply(self.system.pricing_manifest(&price)).await?;
            times.push(
                self.everywhere(began, async |gateway| Ok(!before.contains(&self.cost(gateway).await?)))
                    .await?,
            );
        }
        Ok(times)
    }

    /// The provider's key changes.
    pub(super) async fn credentials(&self, say: &impl Fn(&str)) -> anyhow::Result<Vec<Duration>> {
        say("  credentials");
        let mut times = Vec::new();
        for number in 0..self.count {
            let (value, shown) = (format!("sk-{number}"), format!("Bearer sk-{number}"));
            let began = Instant::now();
            self.system.put_credential(&value).await?;
            let arrived = self.everywhere(began, async |gateway| {
                self.client(gateway).await?.chat(&chat(MODEL, gateway.pod())).await?.ok()?;
                let asked = self.system.provider.entries();
                let last = asked.iter().rev().find(|entry| entry.json().to_string().contains(gateway.pod()));
                Ok(last.and_then(|entry| entry.header("authorization")) == Some(&shown))
            });
            times.push(arrived.await?);
        }
        Ok(times)
    }

    async fn costs(&self) -> anyhow::Result<Vec<i64>> {
        let mut costs = Vec::new();
        for gateway in &self.system.serving {
            costs.push(self.cost(gateway).await?);
        }
        ensure!(costs.windows(2).all(|pair| pair[0] == pair[1]), "gateways disagree: {costs:?}");
        Ok(costs)
    }

    /// What a chat costs now, in nano-dollars: the gateway's own sum before and after.
    async fn cost(&self, gateway: &Gateway) -> anyhow::Result<i64> {
        let before = spent(gateway).await?;
        self.client(gateway).await?.chat(&chat(MODEL, gateway.pod())).await?.ok()?;
        Ok(spent(gateway).await? - before)
    }

    async fn client(&self, gateway: &Gateway) -> anyhow::Result<Client> {
        let (namespace, name) = place(self.system, 0);
        gateway.client(&self.system.key(&namespace, &name).await?)
    }

    /// How long it takes until it shows at every gateway.
    async fn everywhere(
        &self,
        began: Instant,
        shows: impl AsyncFn(&Gateway) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Duration> {
        let each = self.system.serving.iter().map(async |gateway| {
            while !shows(gateway).await? {
                ensure!(began.elapsed() < PATIENCE, "it never arrives at {}", gateway.pod());
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(began.elapsed())
        });
        let times: Vec<Duration> = futures::future::try_join_all(each).await?;
        Ok(times.into_iter().max().unwrap_or_default())
    }
}

/// What a gateway's requests cost so far, in nano-dollars.
async fn spent(gateway: &Gateway) -> anyhow::Result<i64> {
    let metrics = gateway.admin_client().get("/metrics").await?.text();
    let lines = metrics.lines().filter(|line| line.starts_with("aigne_hub_cost_dollars_total{"));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, reason = "a test spends little")]
    Ok((values.sum::<f64>() * 1e9).round() as i64)
}

fn extra(tenant: &str) -> String {
    format!("{tenant}-extra")
}
