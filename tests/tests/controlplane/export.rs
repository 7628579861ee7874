//! Several gateways of one Postgres tell others of its entries: all of them, and hardly any twice.

use std::time::Duration;

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::{
    Accepted, Blueprint, Outcome, Receivers, Tenant, eventually_within, postgres, until,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use serde_json::json;

/// What a gateway had claimed that was killed is free after half a minute.
const CLAIM: Duration = Duration::from_secs(90);

#[tokio::test]
async fn two_gateways_tell_of_everything_and_one_that_is_killed_takes_nothing_along() -> Outcome {
    let database = postgres::shared().await?.database().await?;
    let upstream = Scripted::start().await?;
    let mut receivers = Receivers::start().await?;
    let acme = Tenant::new("acme")
        .set("billing", json!({"mode": "Credits", "starterCredits": "5", "lowBalance": "1000"}));
    let gateway = receivers.told_by(Blueprint::usual(&upstream).tenant(acme));
    let gateway = gateway.environment("AIGNE_HUB_DATABASE_URL", &database);
    let mut first = gateway.clone().start().await?;
    let told = |hub: &aigne_hub_tests::harness::Hub| {
        hub.logs().text().matches("entries are exported\"").count() == 3
    };
    until("the sinks are known", || told(&first)).await?;
    let second = gateway.start().await?;
    until("the sinks are known", || told(&second)).await?;

    for _ in 0..20 {
        first.client().chat(&chat("gpt", "hi")).await?.good()?;
        second.client().chat(&chat("gpt", "hi")).await?.good()?;
    }
    until("some are told", || receivers.accepted().is_ok_and(|accepted| accepted.len() > 20))
        .await
        .with_context(|| format!("{}{}", first.logs().text(), second.logs().text()))?;
    receivers.stop().await?;
    for _ in 0..10 {
        first.client().chat(&chat("gpt", "hi")).await?.good()?;
    }
    receivers.resume().await?;
    until("some more are told", || receivers.accepted().is_ok_and(|accepted| accepted.len() > 60)).await?;
    first.sigkill().await?;
    // What its journal holds is the ledger's when it comes back.
    first.restart().await?;

    let pool = sqlx::PgPool::connect(&database).await?;
    let waiting = "SELECT (SELECT count(*) FROM entries WHERE kind = 'Usage'), \
        (SELECT count(*) FROM outbox), (SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL), \
        (SELECT count(*) FROM balance_alerts WHERE level = 'Low')";
    eventually_within(CLAIM, "all are told", async || {
        let (usage, waiting, parked, low): (i64, i64, i64, i64) =
            sqlx::query_as(waiting).fetch_one(&pool).await?;
        ensure!(parked == 0, "{parked} are parked");
        Ok((usage == 50 && waiting == 0 && low == 1).then_some(()))
    })
    .await
    .with_context(|| second.logs().text())?;

    let sums = "SELECT count(*), sum(amount)::bigint FROM entries WHERE kind = ANY($1)";
    for (via, kinds) in
        [("webhook", vec!["Usage"]), ("cloudevents", vec!["Usage"]), ("stripe", vec!["Usage"])]
    {
        let (count, sum): (i64, i64) = sqlx::query_as(sums).bind(kinds).fetch_one(&pool).await?;
        let distinct = receivers.distinct(via)?;
        let usage = distinct.values().filter(|one| via == "stripe" || one.r#type == "io.aigne.hub.usage");
        let amounts: Vec<_> = usage.filter_map(Accepted::amount).collect();
        assert_eq!((i64::try_from(amounts.len())?, amounts.iter().sum::<i64>()), (count, sum), "{via}");
        let low = distinct.values().filter(|one| one.r#type == "io.aigne.hub.balance.low").count();
        assert_eq!(low, usize::from(via != "stripe"), "{via}");
        let all = receivers.accepted()?.into_iter().filter(|accepted| accepted.via == via).count();
        // At most what one gateway had claimed when it was killed.
        ensure!(all - distinct.len() <= 60, "{via}: {all} for {}", distinct.len());
    }
    Ok(())
}
