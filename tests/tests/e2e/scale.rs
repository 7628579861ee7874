//! More gateways, by hand and by an autoscaler: how soon new ones serve, and that they take their share of what tenants may spend.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aigne_hub_tests::harness::e2e::{Forward, Release, SMALL, Space, Stage, Traffic, Upstream, alone, say};
use aigne_hub_tests::harness::{Outcome, eventually_within};
use aigne_hub_tests::metrics_adapter::sum;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::kept::rows;

const SECRET: &str = "prepaid-hub";
const GATEWAYS: &str = "deployment/aigne-hub-gateway";
const STREAMS: u64 = 40;
const METRIC: &str = "aigne_hub_open_streams";
const API: &str = "apiservice/v1beta2.custom.metrics.k8s.io";
/// Long enough for a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(3);

/// A hub with two gateways, a tenant on credits, and as many open streams as there are clients.
struct Busy {
    hub: Release,
    load: Traffic,
    ledger: PgPool,
    _way: Forward,
}

impl Busy {
    async fn set(stage: &Stage, space: &Space) -> anyhow::Result<Self> {
        let upstream = Upstream::start(space).await?;
        let hub = Release::install(stage, space, SMALL).await?;
        space.apply(upstream.both()).await?;
        let spec = json!({"keys": [{"name": "app", "secretName": SECRET}], "billing": {"mode": "Credits", "starterCredits": "5.00"}});
        space
            .apply([json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": {"name": "prepaid"}, "spec": spec})])
            .await?;
        space.condition("tenant/prepaid", "Ready").await?;
        let target = format!("aigne-hub.{}.svc:8080", space.name());
        let load = Traffic::prepare(space, "load", &target, &[SECRET]).await?;
        let plan = json!({"workers": STREAMS, "chats": 0, "streams": 0, "longs": 1, "long_seconds": [6], "fresh": 100});
        load.start(plan).await?;
        load.until("streams are answered", |report| report["answered"].as_u64() > Some(0)).await?;
        let (way, ledger) = hub.postgres().await?;
        Ok(Self { hub, load, ledger, _way: way })
    }

    /// Waits until there are so many gateways, and each that is not among `known` has served a request. Says how long after
    /// `since` it was ready and had served: upper bounds, as it looks several times a second at most.
    async fn serve(&self, count: usize, known: &[String], since: Instant) -> Outcome {
        let mut ready: BTreeMap<String, Duration> = BTreeMap::new();
        let mut served: BTreeMap<String, Duration> = BTreeMap::new();
        eventually_within(PATIENCE, &format!("{count} gateways serve"), async || {
            let pods = self.hub.pods("gateway").await?;
            for pod in &pods {
                let name = pod["metadata"]["name"].as_str().context("name")?.to_owned();
                if known.contains(&name) || served.contains_key(&name) || !is_ready(pod) {
                    continue;
                }
                ready.entry(name.clone()).or_insert_with(|| since.elapsed());
                let page = self.hub.admin(pod).await?;
                let page = page.client("").get("/metrics").await?.text();
                if [METRIC, "aigne_hub_requests_total"].iter().any(|one| sum(&page, one) > Some(0.0)) {
                    served.insert(name, since.elapsed());
                }
            }
            let old = pods
                .iter()
                .filter(|pod| known.iter().any(|known| pod["metadata"]["name"] == **known))
                .count();
            Ok((pods.len() == count && old + served.len() == count).then_some(()))
        })
        .await?;
        for (name, served) in &served {
            say(format_args!(
                "{name}: ready {:.1?} after it was asked for, has served after {served:.1?}",
                ready[name]
            ));
        }
        Ok(())
    }

    /// Waits until so many gateways have a part of the balance: in the ledger, and in what an operator is shown.
    async fn holders(&self, count: usize) -> Outcome {
        let allowance = format!("account:{}/prepaid", self.hub.space().name());
        let question = "SELECT count(*) FROM leases JOIN holders USING (holder) WHERE allowance = $1 AND closed_at IS NULL AND granted > 0";
        let wanted = i64::try_from(count)?;
        eventually_within(PATIENCE, &format!("{count} gateways hold a part of the balance"), async || {
            let found: i64 = sqlx::query_scalar(question).bind(&allowance).fetch_one(&self.ledger).await?;
            Ok((found == wanted).then_some(()))
        })
        .await?;
        let shown = self.hub.ledger(&["leases", "--allowance", &allowance, "--output=json"]).await?;
        let shown: Vec<Value> = serde_json::from_str(&shown)?;
        let open = shown.iter().filter(|lease| lease["closed_at"].is_null()).count();
        ensure!(open == count, "aigne-hub leases shows {open}: {shown:#?}");
        say(format_args!("{count} gateways hold a part of the balance"));
        Ok(())
    }

    /// Nothing has failed meanwhile, and the money adds up.
    async fn end(self) -> Outcome {
        let report = self.load.stop(Duration::from_secs(6)).await?;
        ensure!(report["failed"] == 0, "{report:#}");
        say(format_args!("{} streams answered, {} failed", report["answered"], report["failed"]));
        rows(&self.ledger, report["sent"].as_u64().unwrap_or_default()).await?;
        ensure!(self.hub.ledger(&["reconcile"]).await?.contains("adds up"), "the ledger does not add up");
        Ok(())
    }
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|one| one["type"] == "Ready" && one["status"] == "True")
}

#[tokio::test]
#[ignore = "long"]
async fn gateways_that_are_added_by_hand_serve_within_seconds_and_take_their_share() -> Outcome {
    alone(async |stage| {
        let space = stage.space("scale").await?;
        let busy = Busy::set(stage, &space).await?;
        let two = busy.hub.gateways().await?;
        busy.holders(2).await?;

        let asked = Instant::now();
        space.kubectl(["scale", GATEWAYS, "--replicas=4"]).ok().await?;
        busy.serve(4, &two, asked).await?;
        busy.holders(4).await?;

        // They give back what they hold, and their streams go on to the end.
        space.kubectl(["scale", GATEWAYS, "--replicas=2"]).ok().await?;
        busy.holders(2).await?;

        let known = busy.hub.gateways().await?;
        let asked = Instant::now();
        let three = [SMALL, &["--set=gateway.replicas=3"]].concat();
        // Helm takes nothing away from whoever else has changed the number, unless it is told to.
        let refused = busy.hub.upgrade(&three).await.expect_err("kubectl has the number");
        ensure!(format!("{refused:#}").contains(".spec.replicas"), "{refused:#}");
        busy.hub.upgrade(&[&three[..], &["--force-conflicts"]].concat()).await?;
        busy.serve(3, &known, asked).await?;
        busy.holders(3).await?;
        busy.end().await
    })
    .await
}

#[tokio::test]
#[ignore = "long"]
async fn an_autoscaler_adds_gateways_by_the_open_streams_that_they_export() -> Outcome {
    alone(async |stage| {
        let private =
            stage.node("autoscaling by a metric: it would take the place of your metrics adapter")?;
        if private.is_none() {
            return Ok(());
        }
        let space = stage.space("scale").await?;
        let outcome = by_metric(stage, &space).await;
        // An API whose server is gone would keep namespaces from ending.
        space.kubectl(["delete", API, "--ignore-not-found"]).ok().await?;
        outcome
    })
    .await
}

async fn by_metric(stage: &Stage, space: &Space) -> Outcome {
    let busy = Busy::set(stage, space).await?;
    let adapter = include_str!("fixtures/custom-metrics.yaml").replace("NAMESPACE", space.name());
    space.kubectl(["apply", "-f", "-"]).input(adapter).ok().await?;
    space.condition(API, "Available").await?;

    // Whoever changed the number last owns it: the chart that no longer says one takes nothing away then. Without this there
    // would be one gateway, the Deployment's default, until the autoscaler has looked.
    space.kubectl(["scale", GATEWAYS, "--replicas=3"]).ok().await?;
    space.rolled_out(GATEWAYS).await?;
    let three = busy.hub.gateways().await?;
    let scaling = [
        "--set=autoscaling.enabled=true,autoscaling.maxReplicas=4,autoscaling.podsMetric.name=aigne_hub_open_streams",
        "--set-string=autoscaling.podsMetric.averageValue=8",
    ];
    let asked = Instant::now();
    busy.hub.upgrade(&[SMALL, &scaling].concat()).await?;
    let replicas = space.get(GATEWAYS).await?["spec"]["replicas"].as_u64();
    ensure!(replicas >= Some(3), "{replicas:?} gateways are left");
    let scaler = "horizontalpodautoscaler/aigne-hub-gateway";
    let seen = space
        .await_object(scaler, "raising replicas", |scaler| scaler["status"]["desiredReplicas"] == 4)
        .await?;
    say(format_args!(
        "4 gateways wanted {:.1?} after `helm upgrade`: {:#}",
        asked.elapsed(),
        seen["status"]["currentMetrics"]
    ));
    busy.serve(4, &three, asked).await?;
    busy.holders(4).await?;
    busy.end().await
}
