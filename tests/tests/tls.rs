//! TLS towards clients: served, replaced while it is used, and never confused with plain HTTP.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text};
use aigne_hub_tests::harness::{
    Authority, Blueprint, Command, Hub, Outcome, PATIENCE, Provider, Tenant, eventually, key,
};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use anyhow::ensure;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn stage() -> anyhow::Result<(Scripted, Authority, Hub)> {
    let (upstream, authority) = (Scripted::start().await?, Authority::new()?);
    let hub = Blueprint::usual(&upstream).tls(&authority.certificate(), &authority.key()).start().await?;
    Ok((upstream, authority, hub))
}

#[tokio::test]
async fn answers_and_streams_come_over_tls_and_over_plain_http() -> Outcome {
    let (_upstream, authority, hub) = stage().await?;
    let secure = authority.client(hub.tls_origin()?, &key("acme", "app"))?;
    for client in [secure, hub.client()] {
        client.chat(&chat("gpt", "hi")).await?.good()?;
        client.messages(&message("gpt", "hi")).await?.good()?;
        ensure!(
            !text(&client.post("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?.events()?)
                .is_empty()
        );
    }
    hub.rows(6).await?;
    let metrics = hub.admin_client().get("/metrics").await?.text();
    // 2099-01-01
    let expiry = r#"aigne_hub_tls_certificate_expiry_timestamp_seconds{listener="clients"} 4070908800"#;
    ensure!(metrics.contains(expiry), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn plain_http_can_be_switched_off() -> Outcome {
    let (upstream, authority) = (Scripted::start().await?, Authority::new()?);
    let hub = Blueprint::usual(&upstream)
        .tls(&authority.certificate(), &authority.key())
        .option("--listen", "off")
        .start()
        .await?;
    assert_eq!(hub.origin(), hub.tls_origin()?);
    authority.client(hub.origin(), &key("acme", "app"))?.chat(&chat("gpt", "hi")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_while_a_stream_goes_on() -> Outcome {
    let (upstream, authority) = (Scripted::start().await?, Authority::new()?);
    let patient = json!({"connect": "5s", "firstToken": "60s", "idle": "60s", "request": "60s"});
    let hub = Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", &upstream).model("gpt").set("timeouts", patient))
        .tenant(Tenant::new("acme"))
        .tls(&authority.certificate(), &authority.key())
        .start()
        .await?;
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let origin = hub.tls_origin()?;
    let client = authority.client(origin, &key("acme", "app"))?;
    let mut stream = client.live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    stream.event().await?;
    ensure!(authority.shows(origin, "one").await?);

    authority.issue("two")?;
    let shown = async |name| authority.shows(origin, name).await.map(|shown| shown.then_some(()));
    eventually("the second certificate", async || shown("two").await).await?;

    authority.mount("broken", "no certificate", "no key")?;
    let refused = async || Ok(hub.logs().text().contains("the last good one stays").then_some(()));
    eventually("the broken one is complained of", refused).await?;
    ensure!(authority.shows(origin, "two").await?);

    authority.issue("four")?;
    eventually("the fourth certificate", async || shown("four").await).await?;
    gate.open();
    ensure!(text(&stream.rest().await?).ends_with("piece 5 "));
    let metrics = hub.admin_client().get("/metrics").await?.text();
    for line in [r#"reloads_total{result="success"} 2"#, r#"reloads_total{result="failure"} 1"#] {
        ensure!(metrics.contains(&format!("aigne_hub_tls_certificate_{line}")), "{metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn open_streams_are_finished_over_tls_too() -> Outcome {
    let (upstream, authority, mut hub) = stage().await?;
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(6).gate(&gate));
    let client = authority.client(hub.tls_origin()?, &key("acme", "app"))?;
    let mut stream = client.live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    stream.event().await?;
    hub.sigterm().await?;
    eventually("the end is begun", async || Ok(hub.logs().text().contains("draining").then_some(()))).await?;
    gate.open();
    ensure!(text(&stream.rest().await?).ends_with("piece 5 "));
    ensure!(hub.ended().await?, "{}", hub.logs().text());
    hub.rows(1).await?;
    Ok(())
}

#[tokio::test]
async fn who_speaks_plain_http_or_nothing_is_let_go_and_holds_nobody_up() -> Outcome {
    let (_upstream, authority, mut hub) = stage().await?;
    let address = hub.tls_origin()?.trim_start_matches("https://").to_owned();
    let _silent = TcpStream::connect(&address).await?;
    let mut plain = TcpStream::connect(&address).await?;
    plain.write_all(b"GET /v1/models HTTP/1.1\r\nhost: hub\r\n\r\n").await?;
    let mut heard = Vec::new();
    // An alert, and the end; a reset is an end as well.
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut heard)).await?;
    ensure!(!heard.starts_with(b"HTTP"), "{heard:?}");
    authority.client(hub.tls_origin()?, &key("acme", "app"))?.chat(&chat("gpt", "hi")).await?.good()?;
    hub.sigterm().await?;
    ensure!(hub.ended().await?, "a silent connection does not hold the end up: {}", hub.logs().text());
    Ok(())
}

#[tokio::test]
async fn a_pair_that_does_not_belong_together_is_refused_at_the_start() -> Outcome {
    let (one, other) = (Authority::new()?, Authority::new()?);
    let place = tempfile::tempdir()?;
    let config = place.path().join("config");
    std::fs::create_dir(&config)?;
    let tenant = "apiVersion: hub.aigne.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n";
    std::fs::write(config.join("tenant.yaml"), tenant)?;
    let start = async |certificate: &std::path::Path, key: &std::path::Path| {
        let command = Command::new(["run", "--listen", "off", "--tls-listen", "127.0.0.1:0"]);
        let command = command.path("--admin-listen=127.0.0.1:0".as_ref());
        let command = command.path("--data".as_ref()).path(&place.path().join("data"));
        let command = command.path("-f".as_ref()).path(&config);
        let command = command.path("--tls-cert".as_ref()).path(certificate);
        command.path("--tls-key".as_ref()).path(key).run().await
    };
    let ran = start(&one.certificate(), &other.key()).await?;
    ensure!(!ran.success && ran.stderr.contains("is not that of the certificate in"), "{}", ran.stderr);
    let ran = start(&one.key(), &one.key()).await?;
    ensure!(!ran.success && ran.stderr.contains("holds no certificate"), "{}", ran.stderr);
    let ran = start(&one.certificate(), &place.path().join("none")).await?;
    ensure!(!ran.success && ran.stderr.contains("cannot be read"), "{}", ran.stderr);
    Ok(())
}
