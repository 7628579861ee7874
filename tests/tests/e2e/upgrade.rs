//! From the charts and kinds as they were before there were these tests, to those of today, and back: with tenants that go on.
//! The image is that of today throughout, as none was published before.

use std::time::{Duration, Instant};

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::e2e::{
    Release, SMALL, Space, Stage, Traffic, Upstream, alone, books, chart, chart_before, say,
};
use anyhow::ensure;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::kept::{Kept, rows};

const SECRETS: [&str; 3] = ["prepaid-hub", "team-hub", "brought-hub"];
/// Where only the chart is another, so that pods of either chart are really started.
const ROLL: &str = "--set=gateway.podAnnotations.charts=today,operator.podAnnotations.charts=today";

#[tokio::test]
#[ignore = "long"]
async fn an_upgrade_and_the_way_back_change_no_key_mint_nothing_and_lose_no_usage() -> Outcome {
    alone(async |stage| {
        let private = stage.node("an upgrade of the kinds from what they were, and back")?;
        if private.is_none() {
            return Ok(());
        }
        stage.kinds().await?;
        let space = stage.space("upgrade").await?;
        let outcome = there_and_back(stage, &space).await;
        // Others go on with the kinds of today.
        kinds(&space, true).await?;
        outcome
    })
    .await
}

/// The kinds of today, or as they were, as a release in this namespace.
async fn kinds(space: &Space, today: bool) -> Outcome {
    let chart = if today { chart("aigne-hub-crds") } else { chart_before("aigne-hub-crds") };
    let words = ["upgrade", "--install", "--take-ownership", "aigne-hub-crds", "--namespace", space.name()];
    space.cluster().helm(words).args([chart]).ok().await.map(drop)
}

async fn there_and_back(stage: &Stage, space: &Space) -> Outcome {
    kinds(space, false).await?;
    let hub = Release::of(space);
    let upstream = Upstream::start(space).await?;
    hub.upgrade_to(&chart_before("aigne-hub"), &[SMALL, &["--install"]].concat()).await?;
    space.apply(upstream.both()).await?;
    space.apply(tenants()).await?;
    hub.ready().await?;
    for tenant in ["prepaid", "team", "brought"] {
        space.condition(&format!("tenant/{tenant}"), "Ready").await?;
    }
    let target = format!("aigne-hub.{}.svc:8080", space.name());
    let load = Traffic::prepare(space, "load", &target, &SECRETS).await?;
    let (_way, ledger) = hub.postgres().await?;

    load.start(plan("before")).await?;
    answered(&load, &load.report().await?, 60).await?;
    settled(&load, &ledger).await?;
    let before = Kept::of(&hub, &ledger, &SECRETS).await?;
    say(format_args!("before: {}", before.figures()));

    let began = Instant::now();
    let running = meanwhile(&load, "up").await?;
    kinds(space, true).await?;
    hub.upgrade_to(&chart("aigne-hub"), &[SMALL, &[ROLL]].concat()).await?;
    hub.ready().await?;
    say(format_args!("upgraded within {:.1?}", began.elapsed()));
    answered(&load, &running, 60).await?;
    settled(&load, &ledger).await?;
    let upgraded = Kept::of(&hub, &ledger, &SECRETS).await?;
    say(format_args!("after the upgrade: {}", upgraded.figures()));
    before.stays_in(&upgraded)?;

    let began = Instant::now();
    let running = meanwhile(&load, "back").await?;
    hub.rollback(1).await?;
    hub.ready().await?;
    kinds(space, false).await?;
    say(format_args!("back within {:.1?}", began.elapsed()));
    answered(&load, &running, 60).await?;
    let report = settled(&load, &ledger).await?;
    let back = Kept::of(&hub, &ledger, &SECRETS).await?;
    say(format_args!(
        "after the way back: {}; {} answered, {} failed",
        back.figures(),
        report["answered"],
        report["failed"]
    ));
    before.stays_in(&back)?;
    upgraded.stays_in(&back)?;
    for tenant in ["prepaid", "team", "brought"] {
        space.condition(&format!("tenant/{tenant}"), "Ready").await?;
    }

    let books = books(&hub, &upstream, &[&load]).await?;
    say(&books);
    ensure!(books.violations.is_empty() && books.joined.rows == books.joined.provider, "{books}");
    ensure!(hub.ledger(&["reconcile"]).await?.contains("adds up"), "the ledger does not add up");
    stage.cluster().kubectl(["get", "crd", "tenants.hub.aigne.io"]).ok().await.map(drop)
}

/// On credits that are spent; on attribution; with a key that was brought along.
fn tenants() -> Vec<Value> {
    let tenant = |name: &str, spec: Value| json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec});
    let grants = json!([{"name": "launch", "amount": "20.00", "expiresAt": "2037-03-31T00:00:00Z"}]);
    vec![
        tenant(
            "prepaid",
            json!({"keys": [{"name": "app", "secretName": SECRETS[0]}],
                "billing": {"mode": "Credits", "starterCredits": "5.00", "grants": grants}}),
        ),
        tenant(
            "team",
            json!({"keys": [{"name": "app", "secretName": SECRETS[1]}],
                "budgets": [{"name": "monthly", "amount": "500", "period": "Month", "action": "Block"}]}),
        ),
        tenant("brought", json!({"keys": [{"name": "app", "secretName": SECRETS[2]}]})),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRETS[2]},
            "stringData": {"apiKey": "brought-along-0123456789-0123456789-abcdef"}}),
    ]
}

/// Waits until so many requests more than in this report were answered.
async fn answered(load: &Traffic, since: &Value, more: u64) -> anyhow::Result<Value> {
    let wanted = since["answered"].as_u64().unwrap_or_default() + more;
    load.until(&format!("{wanted} answers"), |report| report["answered"].as_u64() >= Some(wanted)).await
}

fn plan(name: &str) -> Value {
    json!({"name": name, "workers": 6, "longs": 1, "long_seconds": [3, 8], "pause": 200})
}

/// Starts it, and sees that it runs: what then happens, happens under load.
async fn meanwhile(load: &Traffic, name: &str) -> anyhow::Result<Value> {
    let report = load.report().await?;
    load.start(plan(name)).await?;
    answered(load, &report, 5).await
}

/// Ends the load, and waits until all of it is in the ledger.
async fn settled(load: &Traffic, ledger: &PgPool) -> anyhow::Result<Value> {
    let report = load.stop(Duration::from_secs(8)).await?;
    ensure!(report["failed"] == 0, "{report:#}");
    rows(ledger, report["sent"].as_u64().unwrap_or_default()).await?;
    Ok(report)
}
