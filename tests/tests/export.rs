//! Others are told of every entry, whoever is killed or away meanwhile.

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::{
    Accepted, Blueprint, Command, Hub, Outcome, PATIENCE, Receivers, Tenant, eventually, eventually_within,
    until,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use serde_json::{Value, json};

const SINKS: [&str; 3] = ["cloudevents", "stripe", "webhook"];

async fn command(hub: &Hub, words: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new([]);
    for word in words {
        command = command.path(word.as_ref());
    }
    command.path("--data".as_ref()).path(&hub.data()).run().await?.ok()
}

async fn status(hub: &Hub) -> anyhow::Result<Vec<Value>> {
    Ok(serde_json::from_str(&command(hub, &["export", "status", "--output", "json"]).await?)?)
}

async fn registered(hub: &Hub) -> Outcome {
    until("the sinks are told of", || {
        hub.logs().text().matches("entries are exported\"").count() == SINKS.len()
    })
    .await
}

/// Nothing waits, and nothing was refused.
async fn all_told(hub: &Hub) -> Outcome {
    eventually_within(3 * PATIENCE, "everybody is told of everything", async || {
        let status = status(hub).await?;
        ensure!(status.len() == SINKS.len() && status.iter().all(|sink| sink["parked"] == 0), "{status:?}");
        Ok(status.iter().all(|sink| sink["waiting"] == 0).then_some(()))
    })
    .await
    .with_context(|| hub.logs().text())
}

/// The entries of the ledger: how many, and their sum, with and without those that are no charge.
async fn entries(hub: &Hub) -> anyhow::Result<[(i64, i64); 2]> {
    let statement = command(hub, &["accounts", "statement", "hub/acme", "--output", "json"]).await?;
    let lines: Vec<Value> = serde_json::from_str(&statement)?;
    let sum = |chosen: &dyn Fn(&str) -> bool| {
        let lines = lines.iter().filter(|line| line["entries"].is_i64());
        let lines = lines.filter(|line| chosen(line["kind"].as_str().unwrap_or_default()));
        let each = lines.filter_map(|line| Some((line["entries"].as_i64()?, line["amount_nanos"].as_i64()?)));
        each.fold((0, 0), |(count, sum), (more, amount)| (count + more, sum + amount))
    };
    Ok([sum(&|_| true), sum(&|kind| ["Usage", "Refund", "Correction"].contains(&kind))])
}

fn sum<'a>(accepted: impl Iterator<Item = &'a Accepted>) -> (i64, i64) {
    accepted.filter_map(Accepted::amount).fold((0, 0), |(count, sum), amount| (count + 1, sum + amount))
}

#[tokio::test]
async fn every_entry_arrives_and_the_amounts_are_the_ledgers_whoever_is_killed() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut receivers = Receivers::start().await?;
    let acme = Tenant::new("acme").set("billing", json!({"mode": "Credits", "lowBalance": "1000"}));
    let hub = receivers.told_by(Blueprint::usual(&upstream).tenant(acme));
    let mut hub = hub.start().await?;
    registered(&hub).await?;
    command(&hub, &["accounts", "topup", "hub/acme", "--amount", "100", "--idempotency-key", "1", "--new"])
        .await?;
    let chats = async |hub: &Hub, count: usize| {
        for _ in 0..count {
            hub.client().chat(&chat("gpt", "hi")).await?.good()?;
        }
        anyhow::Ok(())
    };
    chats(&hub, 15).await?;
    all_told(&hub).await?;

    // Away: what is used meanwhile waits, and nobody who asks does.
    receivers.stop().await?;
    chats(&hub, 15).await?;
    hub.rows(30).await?;
    let waiting = eventually("it is said why", async || {
        let status = status(&hub).await?;
        Ok(status
            .iter()
            .all(|sink| sink["waiting"].as_i64() > Some(0) && sink["trouble"].is_string())
            .then_some(status))
    });
    let waiting = waiting.await?;
    ensure!(waiting.iter().all(|sink| sink["waiting"] == 15), "{waiting:?}");
    // Killed with it, and back before them.
    hub.sigkill().await?;
    hub.restart().await?;
    receivers.resume().await?;
    // Killed while it tells.
    for round in 0..4 {
        chats(&hub, 5).await?;
        let before = receivers.accepted()?.len();
        until("something more is accepted", || receivers.accepted().is_ok_and(|now| now.len() > before))
            .await?;
        if round % 2 == 0 {
            hub.sigkill().await?;
            hub.restart().await?;
        } else {
            receivers.stop().await?;
            receivers.resume().await?;
        }
    }
    let refund = ["accounts", "refund", "hub/acme", "--amount", "0.000000001", "--idempotency-key", "2"];
    command(&hub, &refund).await?;
    hub.rows(50).await?;
    all_told(&hub).await?;

    let [all, charges] = entries(&hub).await?;
    ensure!(all.0 == 52 && charges.0 == 51 && charges.1 < 0, "{all:?} {charges:?}");
    for via in ["cloudevents", "webhook"] {
        assert_eq!(sum(receivers.distinct(via)?.values()), all, "{via}");
    }
    assert_eq!(sum(receivers.distinct("stripe")?.values()), charges);
    let stripe = receivers.accepted()?.into_iter().filter(|accepted| accepted.via == "stripe").count();
    assert_eq!(stripe, 51, "Stripe refuses what it has already, and that is no failure");
    // The line was crossed once, however often it was looked.
    for via in ["cloudevents", "webhook"] {
        let events = receivers.distinct(via)?;
        let low: Vec<_> = events.values().filter(|event| event.r#type.contains(".balance.")).collect();
        ensure!(low.len() == 1 && low[0].r#type == "io.aigne.hub.balance.low", "{low:?}");
        assert_eq!(low[0].data["low_balance_nanos"], 1_000_000_000_000_i64);
    }
    let metrics = hub.admin_client().get("/metrics").await?.text();
    ensure!(
        metrics.contains(r#"aigne_hub_export_messages_total{sink="stripe",result="accepted"}"#),
        "{metrics}"
    );
    ensure!(
        !hub.logs().text().contains("sk_test") && !hub.logs().text().contains("whsec_"),
        "{}",
        hub.logs().text()
    );
    Ok(())
}
