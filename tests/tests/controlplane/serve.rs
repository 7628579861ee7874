//! `aigne-hub serve`: ConfigMaps and Secrets of a real API server become answers; whatever happens to them, clients go on.

mod place;

use std::collections::BTreeSet;

use aigne_hub_tests::harness::asks::{streamed, text};
use aigne_hub_tests::harness::postgres::Stop;
use aigne_hub_tests::harness::{
    ControlPlane, Gateway, Outcome, Postgres, asks::chat, controlplane, eventually, key,
};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use anyhow::Context;
use place::{Place, asks, client, rejected};
use serde_json::json;

#[tokio::test]
async fn what_the_operator_writes_is_served_and_the_lease_says_so() -> Outcome {
    let upstream = Scripted::start().await?;
    let plane = controlplane::shared().await?;
    let cluster =
        Place::new(plane, &upstream).await?.args(["--pod-uid", "3a0d8b3c-0000-4000-8000-000000000000"]);
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
    hub.ready().await?;
    asks(&hub, "acme", 200).await?;
    assert_eq!(
        upstream.asked().last().and_then(|entry| entry.header("authorization").map(str::to_owned)),
        Some("Bearer sk-1".to_owned())
    );
    cluster.lease_says(Some("1"), false).await?;
    let owners = cluster.lease().await?.and_then(|lease| lease.metadata.owner_references).unwrap_or_default();
    assert_eq!(
        owners.iter().map(|owner| (&*owner.kind, &*owner.name)).collect::<Vec<_>>(),
        [("Pod", hub.pod())]
    );

    // A tenant comes, a provider's Secret is rotated.
    cluster.write(2, &["acme", "other"]).await?;
    asks(&hub, "other", 200).await?;
    cluster.lease_says(Some("2"), false).await?;
    cluster.secret("sk-2").await?;
    eventually("the rotated Secret is used", async || {
        client(&hub, "acme")?.chat(&chat("gpt", "hi")).await?.ok()?;
        let asked = upstream.asked();
        Ok((asked.last().and_then(|entry| entry.header("authorization")) == Some("Bearer sk-2"))
            .then_some(()))
    })
    .await?;

    // The Secret goes while a stream runs: that one goes on, new ones are refused.
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let mut live = client(&hub, "acme")?.live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    live.event().await?;
    cluster.delete_secret().await?;
    asks(&hub, "acme", 502).await?;
    gate.open();
    let rest = live.rest().await?;
    assert!(text(&rest).ends_with("piece 5 "), "{rest:?}");
    cluster.secret("sk-3").await?;
    asks(&hub, "acme", 200).await?;

    // A format of another version, and a part that somebody changed: the last good state stays.
    cluster.tamper().await?;
    cluster.lease_says(Some("2"), true).await?;
    asks(&hub, "other", 200).await?;
    cluster.unknown_format().await?;
    eventually("the Lease names the format", async || {
        let refused = cluster
            .lease()
            .await?
            .and_then(|lease| lease.metadata.annotations?.remove("hub.aigne.io/refused"));
        Ok(refused.filter(|refused| refused.contains("format 99")))
    })
    .await?;
    asks(&hub, "other", 200).await?;

    // The operator puts it right; the index goes, which nobody is to hear of but who looks.
    cluster.write(5, &["acme", "other"]).await?;
    cluster.lease_says(Some("5"), false).await?;
    cluster.delete_index().await?;
    eventually("it is said", async || Ok(rejected(&hub).await?.contains("it was deleted").then_some(())))
        .await?;
    cluster.lease_says(Some("5"), false).await?;
    asks(&hub, "other", 200).await?;
    cluster.write(6, &["acme"]).await?;
    asks(&hub, "other", 401).await?;
    assert_eq!(rejected(&hub).await?, "[]");

    // A value that no header can carry.
    cluster.secret("sk-\u{e9}\nsecond line").await?;
    asks(&hub, "acme", 502).await?;
    let said = rejected(&hub).await?;
    assert!(said.contains("no header can carry") && !said.contains("second line"), "{said}");
    assert!(!hub.logs().text().contains("second line"));

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
    hub.ready().await?;
    asks(&hub, "acme", 200).await?;
    cluster.keeps().await?;
    plane.stop_api_server().await?;
    for _ in 0..20 {
        client(&hub, "acme")?.chat(&chat("gpt", "hi")).await?.ok()?;
    }
    hub.sigkill().await?;
    let hub = cluster.start().await?;
    hub.ready().await.context("from what was kept")?;
    client(&hub, "acme")?.chat(&chat("gpt", "hi")).await?.ok()?;
    plane.start_api_server().await?;
    cluster.write(2, &["acme", "other"]).await?;
    asks(&hub, "other", 200).await?;
    let findings = hub.admin_client().get("/config/findings").await?.json()?;
    assert_eq!((&findings["sequence"], &findings["rejected"]), (&json!(2), &json!([])));
    assert!(!hub.logs().text().contains(&key("acme", "app")) && !hub.logs().text().contains("sk-1"));
    Ok(())
}

#[tokio::test]
async fn what_a_restart_begins_with_is_checked() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut plane = ControlPlane::start().await?;
    let cluster = Place::new(&plane, &upstream).await?;
    cluster.write(1, &["acme"]).await?;
    cluster.secret("sk-1").await?;
    cluster.allow_secrets().await?;
    let mut hub = cluster.start().await?;
    hub.ready().await?;
    asks(&hub, "acme", 200).await?;
    cluster.keeps().await?;
    hub.sigkill().await?;

    // Secrets that somebody changed are not used; the cluster's are.
    let secrets = std::fs::read_to_string(cluster.kept("secrets"))?;
    std::fs::write(cluster.kept("secrets"), secrets.replace("sk-1", "sk-x"))?;
    let mut hub = cluster.start().await?;
    hub.ready().await?;
    asks(&hub, "acme", 200).await?;
    assert!(upstream.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer sk-1")));
    assert!(hub.logs().text().contains("the kept Secrets are damaged"), "{}", hub.logs().text());
    eventually("they are kept again", async || {
        Ok((std::fs::read_to_string(cluster.kept("secrets"))? == secrets).then_some(()))
    })
    .await?;
    hub.sigkill().await?;

    // Half of the part, and no API server: the part is not believed, and the gateway serves what is left.
    let part = std::fs::read_to_string(cluster.kept("aigne-hub-config-0000"))?;
    std::fs::write(cluster.kept("aigne-hub-config-0000"), &part[..part.len() / 2])?;
    plane.stop_api_server().await?;
    let hub = cluster.start().await?;
    hub.ready().await?;
    asks(&hub, "acme", 401).await?;
    assert!(hub.logs().text().contains("is not whole"), "{}", hub.logs().text());
    plane.start_api_server().await?;
    asks(&hub, "acme", 200).await
}

#[tokio::test]
async fn an_api_server_that_forgets_costs_no_request_and_is_followed_again() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut plane = ControlPlane::start().await?;
    let cluster = Place::new(&plane, &upstream).await?;
    cluster.write(1, &["acme", "late"]).await?;
    cluster.secret("sk-1").await?;
    cluster.allow_secrets().await?;
    let hub = cluster.start().await?;
    hub.ready().await?;
    asks(&hub, "acme", 200).await?;
    let token = plane.token(&cluster.namespace, "acme", &["hub.aigne.io"]).await?;
    let unseen = plane.token(&cluster.namespace, "late", &["hub.aigne.io"]).await?;
    let by_token = hub.client(&token)?;
    eventually("a token is known", async || {
        Ok((by_token.chat(&chat("gpt", "hi")).await?.status == 200).then_some(()))
    })
    .await?;

    let (done, watching) = tokio::sync::watch::channel(false);
    let clients = (0..8).map(|number| {
        let (watching, client) =
            (watching.clone(), if number % 2 == 0 { client(&hub, "acme") } else { hub.client(&token) });
        tokio::spawn(async move {
            let (client, mut count) = (client?, 0);
            while !*watching.borrow() {
                client.chat(&chat("gpt", "hi")).await?.ok()?;
                count += 1;
            }
            anyhow::Ok(count)
        })
    });
    let clients: Vec<_> = clients.collect();
    plane.stop_api_server().await?;
    let before = upstream.asked().len();
    // The keys were fetched: a token that was never seen is verified without the API server.
    hub.client(&unseen)?.chat(&chat("gpt", "hi")).await?.ok()?;
    eventually("traffic goes on", async || Ok((upstream.asked().len() > before + 200).then_some(()))).await?;
    plane.expire_watches().await?;
    cluster.write(2, &["acme", "other"]).await?;
    cluster.secret("sk-2").await?;
    asks(&hub, "other", 200).await?;
    eventually("the rotated Secret is used", async || {
        let asked = upstream.asked();
        Ok(asked
            .last()
            .and_then(|entry| (entry.header("authorization") == Some("Bearer sk-2")).then_some(())))
    })
    .await?;
    let gone = hub.client(&unseen)?.chat(&chat("gpt", "hi")).await?;
    assert_eq!(gone.status, 403, "no Tenant lists it any more: {}", gone.text());
    done.send_replace(true);
    for client in clients {
        assert!(client.await?? > 0);
    }
    Ok(())
}

#[tokio::test]
async fn usage_waits_in_the_journal_while_postgres_is_away_and_arrives_once() -> Outcome {
    let upstream = Scripted::start().await?;
    let (plane, mut postgres) = (controlplane::shared().await?, Postgres::start().await?);
    let url = postgres.database().await?;
    let cluster = Place::new(plane, &upstream).await?.database(&url)?;
    cluster.write(1, &["acme"]).await?;
    cluster.secret("sk-1").await?;
    cluster.allow_secrets().await?;
    let mut hub = cluster.start().await?;
    hub.ready().await?;
    let ask = async |hub: &Gateway, ids: &mut BTreeSet<String>, count: usize| {
        for _ in 0..count {
            let answer = client(hub, "acme")?.chat(&chat("gpt", "hi")).await?;
            answer.ok()?;
            ids.insert(answer.request_id().to_owned());
        }
        anyhow::Ok(())
    };
    let mut ids = BTreeSet::new();
    ask(&hub, &mut ids, 20).await?;
    arrived(&url, &ids).await?;
    postgres.stop(Stop::Immediate).await?;
    ask(&hub, &mut ids, 50).await?;
    // Even the container restarts meanwhile.
    hub.sigkill().await?;
    let hub = cluster.start().await?;
    hub.ready().await?;
    ask(&hub, &mut ids, 30).await?;
    postgres.start_again().await?;
    arrived(&url, &ids).await
}

/// Exactly these requests are in the ledger, each once.
async fn arrived(url: &str, ids: &BTreeSet<String>) -> Outcome {
    let rows = eventually("the rows arrive", async || {
        let pool = sqlx::PgPool::connect(url).await?;
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT request_id::text FROM usage ORDER BY 1").fetch_all(&pool).await?;
        Ok((rows.len() >= ids.len()).then_some(rows))
    })
    .await?;
    assert!(rows.iter().eq(ids), "{} rows for {} requests", rows.len(), ids.len());
    Ok(())
}
