//! What a cluster does to a hub every week, done under load: no request fails, no stream is cut, and the books agree.

use std::time::{Duration, Instant};

use aigne_hub_tests::harness::e2e::{
    Node, Release, SMALL, Space, Stage, Traffic, Upstream, alone, books, say,
};
use aigne_hub_tests::harness::{Outcome, eventually_within};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::customers;

/// How long streams are, and how many there are of them.
struct Form {
    plan: Value,
    longest: Duration,
}

#[tokio::test]
async fn nothing_fails_while_everything_is_rolled_and_restarted() -> Outcome {
    let plan = json!({"rate": 12.0, "chats": 50, "streams": 40, "longs": 10, "long_seconds": [5, 20]});
    alone(async |stage| play(stage, Form { plan, longest: Duration::from_secs(20) }).await).await
}

#[tokio::test]
#[ignore = "long"]
async fn nothing_fails_with_streams_of_four_minutes() -> Outcome {
    let plan = json!({"rate": 12.0, "chats": 50, "streams": 45, "longs": 5, "long_seconds": [30, 120, 240]});
    alone(async |stage| play(stage, Form { plan, longest: Duration::from_mins(4) }).await).await
}

/// Two gateways and two operators, as the chart has them.
const VALUES: &[&str] = &["--set=operator.replicas=2"];
const CHANGED: &[&str] = &["--set=operator.replicas=2,gateway.drainDelaySeconds=6"];

async fn play(stage: &Stage, form: Form) -> Outcome {
    let node = stage.node("a restart of the API server under load")?;
    let space = stage.space("rolling").await?;
    let upstream = Upstream::start(&space).await?;
    let hub = Release::install(stage, &space, &[SMALL, VALUES].concat()).await?;
    let keys = customers::open(&space, &upstream).await?;
    let traffic = Traffic::prepare(&space, "load", &customers::target(&space), &keys).await?;
    traffic.start(form.plan).await?;
    traffic
        .until("long streams are open", |report| report["kinds"]["long"]["open"].as_u64() >= Some(8))
        .await?;

    let seen = Seen { traffic: &traffic, began: Instant::now() };
    seen.during("rolling update", async || {
        space.kubectl(["rollout", "restart", "deployment/aigne-hub-gateway"]).ok().await?;
        space.rolled_out("deployment/aigne-hub-gateway").await
    })
    .await?;
    seen.during("helm upgrade", async || {
        hub.upgrade(&[SMALL, CHANGED].concat()).await?;
        hub.ready().await
    })
    .await?;
    seen.during("a gateway's pod deleted", async || {
        let gone = hub.pods("gateway").await?.split_off(1);
        delete(&space, &gone).await?;
        hub.replaced("gateway", 2, &gone).await
    })
    .await?;
    seen.during("a gateway evicted", async || evict(&space, &hub).await).await?;
    seen.during("both operators deleted", async || {
        let gone = hub.pods("operator").await?;
        delete(&space, &gone).await?;
        hub.replaced("operator", 2, &gone).await
    })
    .await?;
    if let Some(node) = &node {
        seen.during("API server killed", async || restart_api_server(node, &space).await).await?;
    }
    seen.during("Postgres deleted", async || {
        let gone = hub.pods("postgres").await?;
        delete(&space, &gone).await?;
        hub.replaced("postgres", 1, &gone).await
    })
    .await?;

    let report = traffic.stop(form.longest).await?;
    say(format_args!("{report:#}"));
    let failures = traffic.failures().await?;
    let (books, sent) = (books(&hub, &upstream, &[&traffic]).await?, report["sent"].as_u64());
    say(&books);
    ensure!(failures.is_empty() && report["failed"] == 0, "{failures:#?}");
    ensure!(report["answered"].as_u64() == sent, "{report:#}");
    ensure!(books.violations.is_empty(), "{books}");
    assert_eq!(books.joined.rows, books.joined.provider);
    assert_eq!(books.by_source.len(), 1, "{books}");
    assert_eq!(books.by_source.get("Provider").map(|rows| *rows as u64), sent, "{books}");
    Ok(())
}

/// What happens to the load meanwhile.
struct Seen<'a> {
    traffic: &'a Traffic,
    began: Instant,
}

impl Seen<'_> {
    async fn during(&self, what: &str, deed: impl AsyncFnOnce() -> Outcome) -> Outcome {
        let (before, began) = (self.traffic.report().await?, Instant::now());
        deed().await.with_context(|| what.to_owned())?;
        let (after, took) = (self.traffic.report().await?, began.elapsed());
        let more = |member: &str| after[member].as_u64().unwrap_or(0) - before[member].as_u64().unwrap_or(0);
        say(format_args!(
            "[{:.0?}] {what}: {took:.1?}, long streams open before and after: {} / {}, sent meanwhile: {}, failed: {}",
            self.began.elapsed(),
            before["kinds"]["long"]["open"],
            after["kinds"]["long"]["open"],
            more("sent"),
            more("failed")
        ));
        ensure!(more("sent") > 0, "nobody asked during: {what}");
        Ok(())
    }
}

async fn delete(space: &Space, pods: &[Value]) -> Outcome {
    let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    space.kubectl(["delete", "pod", "--wait=false"]).args(names).ok().await.map(drop)
}

/// As a node's drain does. While one of two is on its way, the other is not let go.
async fn evict(space: &Space, hub: &Release) -> Outcome {
    let pods = hub.pods("gateway").await?;
    let evict = |pod: &Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        let path = format!("/api/v1/namespaces/{}/pods/{name}/eviction", space.name());
        space.kubectl(["create", "--raw", &path, "-f", "-"]).input(eviction.to_string())
    };
    // The budget is counted a moment after the last change.
    eventually_within(Duration::from_mins(1), "the PodDisruptionBudget lets one go", async || {
        Ok(evict(&pods[0]).run().await?.success.then_some(()))
    })
    .await?;
    let refused = evict(&pods[1]).run().await?;
    ensure!(!refused.success && refused.stderr.contains("disruption budget"), "{}", refused.stderr);
    hub.replaced("gateway", 2, &pods[..1]).await
}

async fn restart_api_server(node: &Node, space: &Space) -> Outcome {
    node.restart("kube-apiserver").await?;
    eventually_within(Duration::from_mins(2), "the API server is ready", async || {
        let ready = space.kubectl(["get", "--raw", "/readyz"]).run().await?;
        Ok(ready.success.then_some(()))
    })
    .await
}
