//! Traps of this field.

use std::time::{Duration, Instant};

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Hub, Live, Outcome, PATIENCE, events};
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use anyhow::Context;
use serde_json::json;

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    Ok((upstream, hub))
}

const CROSSINGS: [(&str, &str); 4] = [
    ("/v1/chat/completions", "gpt"),
    ("/v1/chat/completions", "sonnet"),
    ("/v1/messages", "sonnet"),
    ("/v1/messages", "gpt"),
];

/// The provider sends piece n+1 only after the client has piece n: whatever buffers would stand still.
#[tokio::test]
async fn every_piece_arrives_before_the_next_is_sent() -> Outcome {
    let (upstream, hub) = stage().await?;
    let client = hub.client().header("accept-encoding", "gzip, br, zstd");
    for (path, model) in CROSSINGS {
        // What comes before the first text: a role, or a start, a ping and the start of a block.
        let gate = Gate::admitting(if model == "sonnet" { 3 } else { 1 });
        upstream.next(Script::chunks(8).gate(&gate));
        let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
        gate.admit(1);
        let mut live = client.live(path, &streamed(body)).await?;
        assert_eq!(live.header("content-encoding"), "", "a stream is not compressed");
        for piece in 0..8 {
            let found = tokio::time::timeout(PATIENCE, next_text(&mut live)).await;
            let found = found.with_context(|| format!("{path} {model}: piece {piece} is held back"))??;
            assert_eq!(found, format!("piece {piece} "));
            gate.admit(1);
        }
        gate.open();
        live.rest().await?;
    }
    Ok(())
}

/// The next event with text.
async fn next_text(live: &mut Live) -> anyhow::Result<String> {
    loop {
        let found = text(&[live.event().await?]);
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

/// Nagle's algorithm and delayed acknowledgements would add 40 ms to each small write, once the kernel has left
/// its quick start (about 16 segments) behind.
#[tokio::test]
async fn small_writes_are_not_delayed() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (path, model) in CROSSINGS {
        let gate = Gate::admitting(if model == "sonnet" { 3 } else { 1 });
        upstream.next(Script::chunks(60).gate(&gate));
        let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
        gate.admit(1);
        let mut live = hub.client().live(path, &streamed(body)).await?;
        next_text(&mut live).await?;
        let mut waits = Vec::new();
        for _ in 1..60 {
            let begun = Instant::now();
            gate.admit(1);
            next_text(&mut live).await?;
            waits.push(begun.elapsed());
        }
        // The fastest of the later ones: a busy machine is slow now and then, Nagle always is.
        let fastest = waits.iter().skip(30).min().copied().unwrap_or_default();
        assert!(fastest < Duration::from_millis(30), "{path} {model}: a piece takes {fastest:?}");
        gate.open();
        live.rest().await?;
    }
    Ok(())
}

/// The same towards the provider, where a request's head and body may be two writes.
#[tokio::test]
async fn small_requests_are_not_delayed() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let client = hub.client();
    for model in ["gpt", "sonnet"] {
        let mut fastest = Duration::MAX;
        for round in 0..40 {
            let begun = Instant::now();
            client.chat(&chat(model, "hi")).await?.ok()?;
            if round >= 20 {
                fastest = fastest.min(begun.elapsed());
            }
        }
        assert!(fastest < Duration::from_millis(30), "{model}: a request takes {fastest:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lone_surrogate_never_kills_a_stream() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::default().direct("surrogate=1"));
    for (path, model) in CROSSINGS {
        let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
        let answer = hub.client().post(path, &streamed(body.clone())).await?;
        assert!(answer.text().contains(" done"), "{path} {model}: {}", answer.text());
        let ended = answer.text().contains("[DONE]") || answer.text().contains("message_stop");
        assert!(ended, "{path} {model}: {}", answer.text());
        let plain = hub.client().post(path, &body).await?;
        assert_eq!(plain.status, 200, "{}", plain.text());
        assert!(plain.text().contains(" done"));
    }
    for row in hub.rows(8).await? {
        assert_eq!((row.source.as_str(), row.output_tokens), ("Provider", 4), "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_lone_surrogate_in_a_request_crosses() -> Outcome {
    let (upstream, hub) = stage().await?;
    for model in ["gpt", "sonnet"] {
        let body =
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"cut \ud83d here"}}]}}"#);
        let answer = hub.client().post_bytes("/v1/chat/completions", body.into()).await?;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
    }
    assert_eq!(upstream.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn bytes_split_anywhere_mean_the_same() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (path, model) in CROSSINGS {
        for size in [1, 2, 3, 7, 64] {
            upstream.next(Script { split: Some(size), ..Script::text("größer als 😀 gedacht") });
            let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
            let events = hub.client().post(path, &streamed(body)).await?.events()?;
            assert_eq!(text(&events), "größer als 😀 gedacht", "{path} {model} {size}");
        }
    }
    Ok(())
}

/// Some providers end lines with CRLF, write `data:` without a space, or leave out the last blank line.
#[tokio::test]
async fn the_freedoms_of_server_sent_events_are_understood() -> Outcome {
    let (upstream, hub) = stage().await?;
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
        )
    };
    let usage = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
    let stream = format!(
        ": hello\r\n\r\nid: 7\r\nretry: 100\r\ndata:{}\r\n\r\n\r\ndata: {}\r\n\r\ndata:{usage}\r\n\r\ndata:[DONE]",
        chunk(r#"{"role":"assistant","content":"one "}"#, "null"),
        chunk(r#"{"content":"two"}"#, "\"stop\""),
    );
    for (path, body) in [("/v1/chat/completions", chat("gpt", "hi")), ("/v1/messages", message("gpt", "hi"))]
    {
        upstream.next(Script::raw(stream.clone()));
        let answer = hub.client().post(path, &streamed(body)).await?;
        let plain = answer.text().replace("\r\n", "\n").replace("data:{", "data: {") + "\n\n";
        assert_eq!(text(&events(&plain)), "one two", "{path}: {plain}");
    }
    for row in hub.rows(2).await? {
        assert_eq!(
            (row.source.as_str(), row.input_tokens, row.output_tokens),
            ("Provider", 3, 2),
            "{row:#?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn one_connection_serves_many_requests_on_both_sides() -> Outcome {
    let (upstream, hub) = stage().await?;
    let client = hub.client();
    for round in 0..20 {
        let body = with(chat("gpt", "hi"), json!({"stream": round % 2 == 0}));
        client.chat(&body).await?.ok()?;
    }
    let mut connections: Vec<u64> = upstream.asked().iter().map(|entry| entry.connection).collect();
    connections.dedup();
    assert_eq!(connections.len(), 1, "upstream connections are kept: {connections:?}");
    Ok(())
}

/// A kept connection that the provider has closed in the meantime is no reason to fail.
#[tokio::test]
async fn a_kept_connection_that_died_is_replaced() -> Outcome {
    let upstream = Scripted::start().await?;
    let address = upstream.address();
    let hub = Blueprint::usual(&upstream).start().await?;
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    drop(upstream);
    let upstream = loop {
        match Scripted::listen(address).await {
            Ok(upstream) => break upstream,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    assert_eq!(upstream.asked().len(), 1);
    Ok(())
}
