//! `aigne-hub serve`: ConfigMaps and Secrets of a real API server become answers; whatever happens to them, clients go on.

mod place;

use aigne_hub_tests::harness::asks::{streamed, text};
use aigne_hub_tests::harness::{ControlPlane, Outcome, asks::chat, controlplane, eventually, key};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use anyhow::Context;
use place::Place;
use serde_json::json;

#[tokio::test]
async fn what_the_operator_writes_is_served_and_the_lease_says_so() -> Outcome {
    let upstream = Scripted::start().await?;
    let plane = controlplane::shared().await?;
    let cluster = Place::new(plane, &upstream).await?;
    // The gateway is there before the configuration and before its Role for Secrets.
    let mut hub = cluster.start().await?;
    eventually("not ready, with a reason", async || {
        let answer = hub.admin_client().get("/readyz").await?;
        Ok((answer.status == 503 && answer.text().contains("operator")).then_some(()))
    })
    .await?;
    cluster.write(1, &["acme"]).await?;
    cluster.secret("sk-1").await?;
    cluster.allow_secrets().await?;
    hub.becomes_ready().await?;
    hub.asks("acme", 200).await?;
    assert_eq!(
        upstream.asked().last().and_then(|entry| entry.header("authorization").map(str::to_owned)),
        Some("Bearer sk-1".to_owned())
    );
    cluster.lease_says(Some("1"), false).await?;

    // A tenant comes, a provider's Secret is rotated.
    cluster.write(2, &["acme", "other"]).await?;
    hub.asks("other", 200).await?;
    cluster.lease_says(Some("2"), false).await?;
    cluster.secret("sk-2").await?;
    eventually("the rotated Secret is used", async || {
        hub.client("acme").chat(&chat("gpt", "hi")).await?.ok()?;
        let asked = upstream.asked();
        Ok((asked.last().and_then(|entry| entry.header("authorization")) == Some("Bearer sk-2"))
            .then_some(()))
    })
    .await?;

    // The Secret goes while a stream runs: that one goes on, new ones are refused.
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let mut live = hub.client("acme").live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    live.event().await?;
    cluster.delete_secret().await?;
    hub.asks("acme", 502).await?;
    gate.open();
    let rest = live.rest().await?;
    assert!(text(&rest).ends_with("piece 5 "), "{rest:?}");
    cluster.secret("sk-3").await?;
    hub.asks("acme", 200).await?;

    // A format of another version, and a part that somebody changed: the last good state stays.
    cluster.tamper().await?;
    cluster.lease_says(Some("2"), true).await?;
    hub.asks("other", 200).await?;
    cluster.unknown_format().await?;
    eventually("the Lease names the format", async || {
        let refused = cluster
            .lease()
            .await?
            .and_then(|lease| lease.metadata.annotations?.remove("hub.aigne.io/refused"));
        Ok(refused.filter(|refused| refused.contains("format 99")))
    })
    .await?;
    hub.asks("other", 200).await?;

    hub.sigterm().await?;
    eventually("the Lease is gone", async || Ok(cluster.lease().await?.is_none().then_some(()))).await
}

#[tokio::test]
async fn a_container_restarts_while_the_api_server_is_away() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut plane = ControlPlane::start().await?;
    let cluster = Place::new(&plane, &upstream).await?;
    cluster.write(1, &["acme"]).await?;
    cluster.secret("sk-1").await?;
    cluster.allow_secrets().await?;
    let mut hub = cluster.start().await?;
    hub.becomes_ready().await?;
    hub.asks("acme", 200).await?;
    hub.kept().await?;
    plane.stop_api_server().await?;
    for _ in 0..20 {
        hub.client("acme").chat(&chat("gpt", "hi")).await?.ok()?;
    }
    hub.kill().await?;
    let hub = cluster.start().await?;
    hub.becomes_ready().await.context("from what was kept")?;
    hub.client("acme").chat(&chat("gpt", "hi")).await?.ok()?;
    plane.start_api_server().await?;
    cluster.write(2, &["acme", "other"]).await?;
    hub.asks("other", 200).await?;
    let findings = hub.admin_client().get("/config/findings").await?.json()?;
    assert_eq!((&findings["sequence"], &findings["rejected"]), (&json!(2), &json!([])));
    assert!(!hub.logs().contains(&key("acme", "app")) && !hub.logs().contains("sk-1"));
    Ok(())
}
