//! The folder is watched: a change is picked up, a stream is never cut, a mistake changes nothing.

use aigne_hub_tests::harness::asks::{chat, streamed, text};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Tenant, eventually, key, until};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use serde_json::json;

async fn status_of(hub: &Hub, key: &str) -> anyhow::Result<u16> {
    Ok(hub.client_with(key).get("/v1/models").await?.status)
}

async fn status_becomes(hub: &Hub, key: &str, status: u16) -> Outcome {
    eventually(&format!("status {status}"), async || Ok((status_of(hub, key).await? == status).then_some(())))
        .await
}

#[tokio::test]
async fn a_change_is_picked_up_without_cutting_a_stream() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let mut live = hub.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    live.event().await?;

    // The stream's own tenant loses its key, its provider disappears, another tenant comes.
    let (old, new) = (key("acme", "app"), key("other", "app"));
    hub.apply(Tenant::new("acme").set("suspended", json!(true)))?;
    hub.apply(Tenant::new("other"))?;
    std::fs::remove_file(hub.config().join("provider-openai.yaml"))?;
    status_becomes(&hub, &old, 403).await?;
    status_becomes(&hub, &new, 200).await?;
    eventually("the model is gone", async || {
        let answer = hub.client_with(&new).chat(&chat("gpt", "hi")).await?;
        Ok((answer.status == 404).then_some(()))
    })
    .await?;

    gate.open();
    let rest = live.rest().await?;
    assert!(text(&rest).ends_with("piece 5 "), "{rest:?}");
    assert_eq!(rest.last().map(|event| event.data.as_str()), Some("[DONE]"));
    let rows = hub.rows(1).await?;
    assert_eq!((rows[0].tenant.as_str(), rows[0].output_tokens), ("hub/acme", 6));
    Ok(())
}

#[tokio::test]
async fn deleting_a_keys_secret_stops_it() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).tenant(Tenant::new("gone")).start().await?;
    assert_eq!(status_of(&hub, &key("gone", "app")).await?, 200);
    std::fs::remove_file(hub.config().join("tenant-gone.yaml"))?;
    status_becomes(&hub, &key("gone", "app"), 401).await?;
    assert_eq!(status_of(&hub, &key("acme", "app")).await?, 200);
    Ok(())
}

#[tokio::test]
async fn a_broken_file_keeps_the_last_good_state_and_says_what_is_wrong() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let good = std::fs::read_to_string(hub.config().join("tenant-acme.yaml"))?;
    for (name, broken, hint) in [
        ("no YAML", "spec: [unclosed\n".to_owned(), "tenant-acme.yaml"),
        ("unknown field", good.replace("\"displayName\"", "\"dispalyName\""), "dispalyName"),
        ("wrong type", good.replace("\"keys\": [", "\"suspended\": \"perhaps\", \"keys\": ["), "suspended"),
    ] {
        let before = hub.logs().lines().len();
        hub.write("tenant-acme.yaml", &broken)?;
        until(&format!("{name}: the log says {hint}"), || {
            hub.logs()
                .lines()
                .iter()
                .skip(before)
                .any(|line| line.contains(hint) && line.contains("tenant-acme.yaml"))
        })
        .await
        .map_err(|error| error.context(hub.logs().text()))?;
        assert_eq!(status_of(&hub, &key("acme", "app")).await?, 200, "{name}");
        hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    }
    // Repaired and changed at once: the change counts.
    hub.write("tenant-acme.yaml", &good.replace("\"displayName\"", "\"suspended\": true, \"displayName\""))?;
    status_becomes(&hub, &key("acme", "app"), 403).await?;
    assert_eq!(hub.admin_client().get("/readyz").await?.status, 200);
    Ok(())
}
