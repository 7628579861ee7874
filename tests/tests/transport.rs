//! HTTP itself: bodies in pieces, kept connections, many threads, large answers, slow readers.

use std::time::Duration;

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, PATIENCE, eventually, key, until};
use aigne_hub_tests::scripted::{Ending, Gate, Outcome as Ended, Script, Scripted};
use anyhow::Context;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// A connection that a test writes on byte by byte.
struct Raw(TcpStream);

impl Raw {
    async fn connect(hub: &Hub) -> anyhow::Result<Self> {
        Ok(Self(TcpStream::connect(hub.origin().trim_start_matches("http://")).await?))
    }

    async fn say(&mut self, text: &str) -> Outcome {
        Ok(self.0.write_all(text.as_bytes()).await?)
    }

    /// Reads until the text has been said.
    async fn hear(&mut self, wanted: &str) -> anyhow::Result<String> {
        let mut heard = Vec::new();
        let listening = async {
            let mut piece = [0; 4096];
            loop {
                let length = self.0.read(&mut piece).await?;
                heard.extend_from_slice(&piece[..length]);
                if String::from_utf8_lossy(&heard).contains(wanted) {
                    return anyhow::Ok(());
                }
                anyhow::ensure!(length > 0, "closed");
            }
        };
        let result = tokio::time::timeout(PATIENCE, listening).await.context("silence").flatten();
        let heard = String::from_utf8_lossy(&heard).into_owned();
        result.with_context(|| format!("{wanted:?} was not heard, but {heard:?}"))?;
        Ok(heard)
    }
}

fn head(path: &str, more: &str) -> String {
    let key = key("acme", "app");
    format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn a_body_comes_in_chunks_and_in_single_bytes() -> Outcome {
    let (upstream, hub) = stage().await?;
    let body = chat("gpt", "in pieces").to_string();
    let mut raw = Raw::connect(&hub).await?;
    raw.say(&head("/v1/chat/completions", "transfer-encoding: chunked\r\n")).await?;
    for piece in body.as_bytes().chunks(5) {
        raw.say(&format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece))).await?;
    }
    raw.say("0\r\n\r\n").await?;
    raw.hear("Hello from the scripted provider").await?;
    // The connection is kept, and a second request comes in single bytes.
    let whole = head("/v1/chat/completions", &format!("content-length: {}\r\n", body.len())) + &body;
    for byte in whole.chars() {
        raw.say(&byte.to_string()).await?;
    }
    raw.hear("Hello from the scripted provider").await?;
    let arrived = upstream.asked();
    assert_eq!(arrived.len(), 2);
    assert!(arrived.iter().all(|entry| entry.body == body && entry.header("transfer-encoding").is_none()));
    Ok(())
}

#[tokio::test]
async fn expect_continue_is_answered() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let body = chat("gpt", "hi").to_string();
    let mut raw = Raw::connect(&hub).await?;
    let expecting = format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    raw.say(&head("/v1/chat/completions", &expecting)).await?;
    raw.hear("HTTP/1.1 100 Continue\r\n\r\n").await?;
    raw.say(&body).await?;
    raw.hear("HTTP/1.1 200 OK").await?;
    // A client that is not let in need not send its body at all.
    let mut raw = Raw::connect(&hub).await?;
    let stranger = head("/v1/chat/completions", &expecting).replace("hub-test-acme", "hub-test-nobody");
    raw.say(&stranger).await?;
    raw.hear("HTTP/1.1 401").await?;
    Ok(())
}

#[tokio::test]
async fn an_error_keeps_the_connection_and_pipelined_requests_keep_their_order() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let mut raw = Raw::connect(&hub).await?;
    let request =
        |body: &str| head("/v1/chat/completions", &format!("content-length: {}\r\n", body.len())) + body;
    let (unknown, good) = (chat("no-such-model", "hi").to_string(), chat("gpt", "hi").to_string());
    raw.say(&(request(&unknown) + &request("{") + &request(&good))).await?;
    let heard = raw.hear("Hello from the scripted provider").await?;
    let order = ["HTTP/1.1 404", "HTTP/1.1 400", "HTTP/1.1 200"].map(|status| heard.find(status));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{heard}");
    Ok(())
}

#[tokio::test]
async fn every_thread_serves_and_meters() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).threads(3).start().await?;
    let requests = (0..90).map(|number| {
        // A client each: a connection each, spread over the threads by the kernel.
        let client = hub.client();
        async move {
            let body = with(chat(["gpt", "sonnet"][number % 2], "hi"), json!({"stream": number % 3 == 0}));
            client.chat(&body).await?.ok()
        }
    });
    futures::future::try_join_all(requests).await?;
    let rows = hub.rows(90).await?;
    assert_eq!(rows.iter().map(|row| row.output_tokens).sum::<u64>(), upstream.totals().output_tokens);
    let mut ids: Vec<_> = rows.iter().map(|row| row.request_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 90);
    Ok(())
}

#[tokio::test]
async fn long_answers_arrive_whole() -> Outcome {
    let (upstream, hub) = stage().await?;
    let pieces = 3000;
    upstream.always(Script::chunks(pieces));
    for (path, model) in CROSSINGS {
        let body = with(message(model, "hi"), json!({"max_tokens": null}));
        let body = if path.ends_with("messages") {
            with(body, json!({"max_tokens": 4000}))
        } else {
            chat(model, "hi")
        };
        let answer = hub.client().post(path, &streamed(body.clone())).await?;
        let streamed = text(&answer.events()?);
        assert!(streamed.ends_with("piece 2999 "), "{path} {model}");
        let plain = hub.client().post(path, &body).await?.good()?;
        let plain =
            plain["choices"][0]["message"]["content"].as_str().or(plain["content"][0]["text"].as_str());
        assert_eq!(plain, Some(streamed.as_str()), "{path} {model}");
    }
    for row in hub.rows(8).await? {
        assert_eq!(row.output_tokens, 3000);
    }
    Ok(())
}

/// What a client does not read is not read from the provider either, but for what the kernel's buffers hold.
#[tokio::test]
async fn a_slow_reader_slows_the_provider_down() -> Outcome {
    let (upstream, hub) = stage().await?;
    let piece = "x".repeat(64 * 1024);
    for (path, model) in [("/v1/chat/completions", "gpt"), ("/v1/messages", "gpt")] {
        let number = upstream.asked().len();
        // Half a gigabyte.
        upstream.next(Script { text: vec![piece.clone()], repeat: 8000, ..Script::default() });
        let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
        let memory = hub.memory()?;
        let mut live = hub.client().live(path, &streamed(body)).await?;
        live.event().await?;
        // Held up, or past what the kernel's buffers can hold.
        let (mut taken, mut at_rest) = (0, 0);
        eventually("the provider is held up", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = upstream.asked()[number].events;
            at_rest = if now == taken { at_rest + 1 } else { 0 };
            taken = now;
            Ok((at_rest == 6 || taken == 8002).then_some(()))
        })
        .await?;
        assert!(taken < 8002, "{path}: everything was taken in");
        let grown = hub.memory()?.saturating_sub(memory);
        assert!(grown < 32 * 1024 * 1024, "{path}: {grown} bytes are kept for one slow reader");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_metered() -> Outcome {
    let (upstream, hub) = stage().await?;
    let gate = Gate::admitting(0);
    upstream.always(Script::chunks(5).gate(&gate));
    for (number, (path, model)) in CROSSINGS.into_iter().enumerate() {
        let body = if path.ends_with("messages") { message(model, "hi") } else { chat(model, "hi") };
        let client = hub.client();
        let asking = tokio::spawn(async move { client.post(path, &body).await });
        until("the provider is asked", || upstream.asked().len() > number).await?;
        asking.abort();
        until("the provider is left", || upstream.asked()[number].outcome == Ended::ClientLeft).await?;
    }
    for row in hub.rows(CROSSINGS.len()).await? {
        assert_eq!(row.status, json!("ClientGone"), "{row:#?}");
        assert!(row.input_tokens > 0, "the provider had the question: {row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_providers_concurrency_is_a_limit() -> Outcome {
    let upstream = Scripted::start().await?;
    let provider = aigne_hub_tests::harness::Provider::new("openai", "OpenAI", &upstream).model("gpt");
    let hub = Blueprint::usual(&upstream).provider(provider.set("concurrency", json!(2))).start().await?;
    let gates = [Gate::admitting(1), Gate::admitting(1)];
    for gate in &gates {
        upstream.next(Script::chunks(5).gate(gate));
    }
    let mut first = hub.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    let mut second = hub.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    hub.client().chat(&chat("gpt", "hi")).await?.openai_error(503)?;
    gates.iter().for_each(Gate::open);
    first.rest().await?;
    second.rest().await?;
    // The places are free again, also after a stream that broke.
    upstream.next(Script::chunks(5).ending(Ending::Cut { after: 2 }));
    hub.client().chat(&streamed(chat("gpt", "hi"))).await?.ok()?;
    for _ in 0..3 {
        hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    }
    Ok(())
}
