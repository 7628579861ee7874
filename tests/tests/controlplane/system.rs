//! Operator, gateways, API server and Postgres together: what is applied is served, and what goes wrong cuts nothing.

use std::time::Duration;

use aigne_hub_tests::harness::asks::{chat, streamed};
use aigne_hub_tests::harness::system::MODEL;
use aigne_hub_tests::harness::{
    Blueprint, ControlPlane, Gateway, Outcome, System, controlplane, eventually, eventually_within, postgres,
};
use aigne_hub_tests::propagation::{Kind, measure};
use aigne_hub_tests::scripted::{Gate, Script};
use anyhow::{Context, ensure};
use serde_json::json;

/// Waits until every gateway answers a chat with this key so.
async fn answers(system: &System, key: &str, status: u16) -> Outcome {
    for gateway in &system.serving {
        let client = gateway.client(key)?;
        let what = format!("{} answers {status}", gateway.pod());
        let answered = eventually(&what, async || {
            Ok((client.chat(&chat(MODEL, "hi")).await?.status == status).then_some(()))
        });
        answered
            .await
            .with_context(|| format!("{}\n{}", system.operator.logs().text(), gateway.logs().text()))?;
    }
    Ok(())
}

/// The digest of what a gateway serves.
async fn digest(gateway: &Gateway) -> anyhow::Result<String> {
    let answer = gateway.admin_client().get("/config/findings").await?.json()?;
    Ok(answer["digest"].as_str().context("digest")?.to_owned())
}

async fn system(gateways: usize) -> anyhow::Result<System> {
    System::start(controlplane::shared().await?, postgres::shared().await?, 1, gateways).await
}

#[tokio::test]
async fn from_kubectl_apply_to_a_chat_its_row_and_ready() -> Outcome {
    let system = system(2).await?;
    let team = system.teams[0].clone();
    system.apply(system.tenant_manifest(&team, "acme")).await?;
    let key = system.key(&team, "acme").await?;
    answers(&system, &key, 200).await?;
    for (kind, namespace, name) in [
        ("AIProvider", &system.hub, "openai"),
        ("ModelPricing", &system.hub, "openai"),
        ("Tenant", &team, "acme"),
    ] {
        system.ready(kind, namespace, name).await?;
    }
    let rows = eventually("two rows", async || {
        let pool = sqlx::PgPool::connect(&system.database).await?;
        let counted: i64 =
            sqlx::query_scalar("SELECT count(*) FROM usage WHERE price_nanos > 0").fetch_one(&pool).await?;
        Ok((counted >= 2).then_some(counted))
    });
    rows.await?;

    // A key that is disabled is refused within moments, and so is one whose tenant is gone.
    let mut tenant = system.tenant_manifest(&team, "acme");
    tenant["spec"]["keys"][0]["disabled"] = json!(true);
    system.apply(tenant).await?;
    answers(&system, &key, 401).await?;
    system.delete("Tenant", &team, "acme").await?;
    answers(&system, &key, 401).await?;

    // Restored, it finds its key again.
    system.apply(system.tenant_manifest(&team, "acme")).await?;
    answers(&system, &key, 200).await?;
    system.ready("Tenant", &team, "acme").await
}

#[tokio::test]
async fn standalone_and_cluster_serve_the_same() -> Outcome {
    let system = system(1).await?;
    let team = system.teams[0].clone();
    let folder = tempfile::tempdir()?;
    let mut documents = vec![system.provider_manifest(), system.pricing_manifest("1")];
    let secret = |namespace: &str, name: &str, value: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": { "apiKey": value },
            "metadata": { "namespace": namespace, "name": name, "labels": { "hub.aigne.io/credential": "true" } },
        })
    };
    documents.push(secret(&system.hub, "openai", "sk-first"));
    for number in 0..5 {
        let name = format!("tenant-{number}");
        let mut tenant = system.tenant_manifest(&team, &name);
        tenant["spec"]["limits"] = json!({ "requestsPerMinute": 10 + number });
        documents.push(secret(&team, &name, &format!("a-key-that-was-brought-along-{number:08}")));
        documents.push(tenant);
    }
    let text: Vec<String> = documents.iter().map(ToString::to_string).collect();
    let file = folder.path().join("all.yaml");
    std::fs::write(&file, text.join("\n---\n"))?;
    let plane = controlplane::shared().await?;
    plane.kubectl(["apply", "--server-side", "--force-conflicts", "-f"]).args([&file]).ok().await?;

    let standalone = Blueprint::default().file("all.yaml", &text.join("\n---\n")).start().await?;
    let expected = standalone.admin_client().get("/config/findings").await?.json()?;
    let expected = expected["digest"].as_str().context("digest")?.to_owned();
    let gateway = &system.serving[0];
    let same =
        eventually("the digests are one", async || Ok((digest(gateway).await? == expected).then_some(())));
    same.await.with_context(|| format!("{expected}; {}", system.operator.logs().text()))
}

#[tokio::test]
async fn a_pods_token_is_a_key() -> Outcome {
    let system = system(1).await?;
    let (plane, team) = (controlplane::shared().await?, system.teams[0].clone());
    let token = plane.token(&team, "worker", &["hub.aigne.io"]).await?;
    let other = plane.token(&team, "worker", &["somebody.else"]).await?;
    let identities = |identities: serde_json::Value| {
        system.manifest(
            "Tenant",
            &team,
            "acme",
            &json!({ "displayName": "Acme", "workloadIdentities": identities }),
        )
    };
    answers(&system, &token, 403).await?;
    system.apply(identities(json!([{ "namespace": team, "serviceAccount": "worker" }]))).await?;
    answers(&system, &token, 200).await?;
    answers(&system, &other, 401).await?;
    system.ready("Tenant", &team, "acme").await?;
    system.apply(identities(json!([]))).await?;
    answers(&system, &token, 403).await
}

#[tokio::test]
async fn five_hundred_streams_outlive_changes_and_a_deleted_secret() -> Outcome {
    const STREAMS: usize = 500;
    let system = system(1).await?;
    let team = system.teams[0].clone();
    system.apply(system.tenant_manifest(&team, "acme")).await?;
    let key = system.key(&team, "acme").await?;
    answers(&system, &key, 200).await?;

    // One event each, and then they wait.
    let gates: Vec<Gate> = (0..STREAMS).map(|_| Gate::admitting(1)).collect();
    for gate in &gates {
        system.provider.next(Script::chunks(4).gate(gate));
    }
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let client = system.serving[0].client(&key)?;
        open.push(async move {
            let mut live = client.live("/v1/chat/completions", &streamed(chat(MODEL, "hi"))).await?;
            ensure!(live.status() == 200, "{}", live.status());
            live.event().await?;
            anyhow::Ok(live)
        });
    }
    let mut streams = Vec::new();
    for opened in futures::future::join_all(open).await {
        streams.push(opened?);
    }
    // Prices, another key for the provider, another tenant, and then no Secret at all.
    system.apply(system.pricing_manifest("3")).await?;
    system.put_credential("sk-second").await?;
    system.apply(system.tenant_manifest(&team, "other")).await?;
    system.ready("Tenant", &team, "other").await?;
    controlplane::shared()
        .await?
        .kubectl(["delete", "secret", "openai", "--namespace", &system.hub])
        .ok()
        .await?;
    eventually("the provider is without its Secret", async || {
        let found = system.condition("AIProvider", &system.hub, "openai", "ResolvedRefs").await?;
        Ok(found.filter(|(_, reason)| reason == "NoCredentials" || reason == "SecretNotFound"))
    })
    .await?;
    gates.iter().for_each(Gate::open);
    let ended = futures::future::join_all(streams.iter_mut().map(aigne_hub_tests::harness::Live::rest)).await;
    for events in ended {
        let events = events?;
        ensure!(events.last().is_some_and(|event| event.data == "[DONE]"), "cut: {events:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_api_server_that_is_away_fails_no_request() -> Outcome {
    let mut plane = ControlPlane::start().await?;
    plane.install_crds().await?;
    let system = System::start(&plane, postgres::shared().await?, 1, 2).await?;
    let team = system.teams[0].clone();
    system.apply(system.tenant_manifest(&team, "acme")).await?;
    let key = system.key(&team, "acme").await?;
    answers(&system, &key, 200).await?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut asking = tokio::task::JoinSet::new();
    for gateway in &system.serving {
        for _ in 0..4 {
            let (client, stopped) = (gateway.client(&key)?, stopped.clone());
            asking.spawn(async move {
                let mut asked = 0_u32;
                while !*stopped.borrow() {
                    let answer = client.chat(&chat(MODEL, "hi")).await?;
                    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
                    asked += 1;
                }
                anyhow::Ok(asked)
            });
        }
    }
    plane.stop_api_server().await?;
    // Longer than a gateway's Lease lasts.
    tokio::time::sleep(Duration::from_secs(17)).await;
    plane.start_api_server().await?;
    plane.restart_etcd().await?;
    plane.expire_watches().await?;
    // And all of it goes on: a change gets through.
    system.apply(system.tenant_manifest(&team, "late")).await?;
    let late = eventually_within(Duration::from_mins(1), "the late key", async || {
        Ok(system.key(&team, "late").await.ok())
    });
    let late = late.await.with_context(|| system.operator.logs().text())?;
    answers(&system, &late, 200).await?;
    stop.send(true)?;
    while let Some(asked) = asking.join_next().await {
        ensure!(asked?? > 20, "too few to tell");
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_killed_over_and_over_converges() -> Outcome {
    let mut system = system(1).await?;
    let team = system.teams[0].clone();
    let names: Vec<String> = (0..60).map(|number| format!("tenant-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        system.apply(system.tenant_manifest(&team, name)).await?;
        // At whatever it is doing: its Lease has to run out before another may lead.
        if number % 20 == 10 {
            system.operator.sigkill().await?;
            system.operator = system.operators.start().await?;
        }
    }
    for name in &names {
        let ready = eventually_within(Duration::from_mins(1), name, async || {
            let ready = system.condition("Tenant", &team, name, "Ready").await?;
            Ok(ready.filter(|(status, _)| status == "True").map(drop))
        });
        ready.await.with_context(|| system.operator.logs().text())?;
        let key = system.key(&team, name).await?;
        let answer = system.serving[0].client(&key)?.get("/v1/models").await?;
        ensure!(answer.status == 200, "{name}: {}", answer.text());
    }
    Ok(())
}

/// `make bench-propagation` measures; this holds that every kind of change arrives, and that one tenant's moves little.
#[tokio::test]
async fn every_kind_of_change_arrives() -> Outcome {
    let (plane, postgres) = (controlplane::shared().await?, postgres::shared().await?);
    let measured = measure(plane, postgres, 12, 2, |_| ()).await?;
    for kind in [Kind::NewKey, Kind::RevokedKey, Kind::Price, Kind::Credential] {
        ensure!(measured.percentile(kind, 50) > Duration::ZERO, "{kind:?} was not measured");
    }
    // One part of a dozen tenants, and the index.
    ensure!((100..16_384).contains(&measured.bytes), "{} bytes", measured.bytes);
    Ok(())
}
