//! `aigne-hub demo` and `aigne-hub chat`: from nothing to an answer, with no account.

use std::process::Stdio;

use aigne_hub_tests::harness::{
    self, Blueprint, Command, Hub, Outcome, Pricing, Provider, Tenant, eventually, key,
};
use anyhow::ensure;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Child;

/// A gateway whose provider is at an address where nobody listens yet.
async fn hub() -> anyhow::Result<(Hub, String)> {
    let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
    let provider = Provider::at("demo", "OpenAICompatible", &format!("http://{address}/v1"));
    let provider = provider.set("credentials", json!(null)).model("demo");
    let others =
        [("embed", "Embedding"), ("paint", "Image"), ("speak", "Speech"), ("listen", "Transcription")];
    let provider = others
        .into_iter()
        .fold(provider, |provider, (name, kind)| provider.with_model(json!({"name": name, "type": kind})));
    let hub =
        Blueprint::default().provider(provider).pricing(Pricing::new("demo")).tenant(Tenant::new("acme"));
    Ok((hub.start().await?, address))
}

fn demo(address: &str) -> anyhow::Result<Child> {
    let mut command = tokio::process::Command::new(harness::binary()?);
    command.args(["demo", "--listen", address]).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command.spawn()?)
}

/// `aigne-hub chat --model demo`, with a tenant's variables around it.
fn chat<const N: usize>(hub: &Hub, key: &str, arguments: [&str; N]) -> Command {
    let command = Command::new(["chat", "--model", "demo"]);
    let command = arguments.iter().fold(command, |command, argument| command.path(argument.as_ref()));
    command.environment("OPENAI_BASE_URL", &format!("{}/v1", hub.origin())).environment("OPENAI_API_KEY", key)
}

#[tokio::test]
async fn a_chat_waits_for_what_is_not_there_yet_and_is_metered() -> Outcome {
    let (hub, address) = hub().await?;
    let asking = tokio::spawn(chat(&hub, &key("acme", "app"), ["--wait", "15s", "Good morning"]).run());
    eventually("an attempt has failed", async || Ok((!hub.rows_now().await?.is_empty()).then_some(())))
        .await?;
    let mut demo = demo(&address)?;
    let ran = asking.await??;
    ensure!(ran.success && ran.stdout.contains("You wrote: Good morning\n"), "{}{}", ran.stdout, ran.stderr);
    ensure!(ran.stderr.contains("trying again"), "{}", ran.stderr);

    let streamed = chat(&hub, &key("acme", "app"), ["--stream", "Good evening"]).run().await?.ok()?;
    ensure!(streamed.contains("You wrote: Good evening\n"), "{streamed}");

    // What it says it used is what the ledger has.
    let rows = eventually("both are in the ledger", async || {
        let rows = hub.rows_now().await?.into_iter().filter(|row| row.source == "Provider");
        let rows: Vec<_> = rows.collect();
        Ok((rows.len() == 2).then_some(rows))
    })
    .await?;
    for said in [&ran.stdout, &streamed] {
        let line = said.lines().last().unwrap_or_default();
        let known = rows.iter().any(|row| {
            line.contains(&format!("{} tokens in, {} out", row.input_tokens, row.output_tokens))
                && line.contains(&row.request_id)
                && row.cost_nanos > Some(0)
        });
        ensure!(known, "{line}: {rows:?}");
    }

    let id = demo.id().unwrap_or_default().to_string();
    tokio::process::Command::new("kill").args(["-TERM", &id]).status().await?;
    ensure!(tokio::time::timeout(harness::PATIENCE, demo.wait()).await??.success(), "SIGTERM ends it");
    Ok(())
}

#[tokio::test]
async fn whatever_a_client_speaks_is_answered() -> Outcome {
    let (hub, address) = hub().await?;
    let _demo = demo(&address)?;
    let client = hub.client();
    let question = json!([{"role": "user", "content": "Good morning"}]);
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "Good morning"}]}]});
    let chats = [
        ("/v1/chat/completions", json!({"model": "demo", "messages": question})),
        ("/v1/completions", json!({"model": "demo", "prompt": "Good morning"})),
        ("/v1/responses", json!({"model": "demo", "input": "Good morning"})),
        ("/v1/messages", json!({"model": "demo", "max_tokens": 200, "messages": question})),
        ("/v1beta/models/demo:generateContent", contents.clone()),
    ];
    eventually("the demo listens", async || {
        Ok((client.post(chats[0].0, &chats[0].1).await?.status == 200).then_some(()))
    })
    .await?;
    for (path, mut body) in chats {
        let answer = client.post(path, &body).await?;
        ensure!(answer.good()?.to_string().contains("You wrote: Good morning"), "{path}: {}", answer.text());
        let path = path.replace(":generateContent", ":streamGenerateContent?alt=sse");
        if !path.contains("alt=sse") {
            body["stream"] = json!(true);
        }
        let events = client.post(&path, &body).await?.events()?;
        ensure!(events.len() > 10, "{path}: {} events", events.len());
    }

    let count =
        client.post("/v1/messages/count_tokens", &json!({"model": "demo", "messages": question})).await?;
    ensure!(count.good()?["input_tokens"].as_u64() > Some(0));
    client.post("/v1beta/models/demo:countTokens", &contents).await?.good()?;
    let vectors = json!({"model": "embed", "input": ["one", "two"], "encoding_format": "base64"});
    let vectors = client.post("/v1/embeddings", &vectors).await?.good()?;
    ensure!(vectors["data"][1]["embedding"].is_string(), "{vectors}");
    let content = json!({"content": {"parts": [{"text": "one"}]}});
    client.post("/v1beta/models/embed:embedContent", &content).await?.good()?;
    client.post("/v1/images/generations", &json!({"model": "paint", "prompt": "a hat"})).await?.good()?;
    let picture = [("model", "paint".to_owned()), ("prompt", "a hat".to_owned())];
    client.post_form("/v1/images/edits", &picture, "image", Bytes::from_static(b"png")).await?.good()?;
    let speech = json!({"model": "speak", "input": "Good morning", "voice": "alloy"});
    let sound = client.post("/v1/audio/speech", &speech).await?;
    ensure!(sound.status == 200 && sound.header("content-type") == "audio/wav", "{}", sound.status);
    let fields = [("model", "listen".to_owned())];
    let heard = client.post_form("/v1/audio/transcriptions", &fields, "file", sound.body).await?.good()?;
    ensure!(heard["text"].is_string(), "{heard}");

    let listed = client.get("/v1/models").await?.good()?;
    let kinds: Vec<&Value> =
        listed["data"].as_array().into_iter().flatten().map(|model| &model["type"]).collect();
    for kind in ["chat", "embedding", "image", "speech", "transcription"] {
        ensure!(kinds.contains(&&json!(kind)), "{kind}: {listed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_the_hubs_words_and_exit_code_1() -> Outcome {
    let (hub, _) = hub().await?;
    let wrong = "hub-wrong-0123456789abcdefghijklmnopqrstuvwxyz";
    let began = std::time::Instant::now();
    let ran = chat(&hub, wrong, []).run().await?;
    ensure!(!ran.success && ran.stdout.is_empty(), "{}", ran.stdout);
    ensure!(
        ran.stderr.contains("error: the hub answered 401: ") && !ran.stderr.contains(wrong),
        "{}",
        ran.stderr
    );
    ensure!(began.elapsed() < harness::PATIENCE / 2, "it waits only where it is told to");

    let ran = chat(&hub, "", []).run().await?;
    ensure!(!ran.success && ran.stderr.contains("set OPENAI_API_KEY"), "{}", ran.stderr);

    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let nowhere = format!("http://{nobody}/v1");
    let ran = chat(&hub, wrong, ["--wait", "600ms"]).environment("OPENAI_BASE_URL", &nowhere).run().await?;
    ensure!(!ran.success && ran.stderr.contains("error: the hub cannot be reached"), "{}", ran.stderr);
    Ok(())
}
