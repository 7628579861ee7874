//! SIGTERM: nothing new, what is open is finished and settled, then the end.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text};
use aigne_hub_tests::harness::{Blueprint, Outcome, eventually};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};

#[tokio::test]
async fn open_streams_are_finished_and_settled() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).start().await?;
    let gates = [Gate::admitting(2), Gate::admitting(2)];
    for gate in &gates {
        upstream.next(Script::chunks(6).gate(gate));
    }
    let client = hub.client();
    let mut relayed = client.live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    let mut translated = client.live("/v1/messages", &streamed(message("gpt", "hi"))).await?;
    relayed.event().await?;
    translated.event().await?;

    hub.sigterm().await?;
    let admin = hub.admin_client();
    eventually("readiness is off", async || {
        Ok(match admin.get("/readyz").await {
            Ok(answer) => (answer.status == 503).then_some(()),
            Err(_) => Some(()),
        })
    })
    .await?;
    gates.iter().for_each(Gate::open);
    assert!(text(&relayed.rest().await?).ends_with("piece 5 "));
    let rest = translated.rest().await?;
    assert_eq!(rest.last().map(|event| event.name.as_str()), Some("message_stop"));
    assert!(hub.ended().await?, "it ends with 0: {}", hub.logs().text());
    for row in hub.rows(2).await? {
        assert_eq!((row.source.as_str(), row.output_tokens), ("Provider", 6), "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_idle_gateway_ends_at_once_and_connections_are_closed() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).start().await?;
    // Its keep-alive connection stays open, and must not hold the end up.
    let client = hub.client();
    client.chat(&chat("gpt", "hi")).await?.good()?;
    hub.sigterm().await?;
    assert!(hub.ended().await?, "{}", hub.logs().text());
    assert!(client.chat(&chat("gpt", "hi")).await.is_err(), "nobody listens any more");
    hub.rows(1).await?;
    Ok(())
}

#[tokio::test]
async fn during_the_drain_delay_requests_are_served_and_connections_told_to_close() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).drain_delay("2s").start().await?;
    hub.sigterm().await?;
    let admin = hub.admin_client();
    eventually("readiness is off", async || Ok((admin.get("/readyz").await?.status == 503).then_some(())))
        .await?;
    let answer = hub.client().chat(&chat("gpt", "hi")).await?;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"), "{}", answer.text());
    assert!(hub.ended().await?);
    hub.rows(1).await?;
    Ok(())
}

#[tokio::test]
async fn after_a_drain_delay_an_idle_connection_is_not_closed_under_its_client() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).drain_delay("500ms").start().await?;
    let client = hub.client();
    client.chat(&chat("gpt", "hi")).await?.good()?;
    hub.sigterm().await?;
    eventually("nobody listens any more", async || {
        Ok(hub.client().get("/v1/models").await.is_err().then_some(()))
    })
    .await?;
    let answer = client.chat(&chat("gpt", "hi")).await?;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"), "{}", answer.text());
    assert!(hub.ended().await?, "the last connection was told to close: {}", hub.logs().text());
    hub.rows(2).await?;
    Ok(())
}
