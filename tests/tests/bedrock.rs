//! Amazon Bedrock, where botocore checks every signature, request and frame (`tests/sdk/bedrock`).

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{
    Blueprint, Emulator, Hub, Outcome, Pricing, Provider, Sdk, Tenant, eventually,
};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

const MODEL: &str = "bedrock/claude";
const KEYS: &str = r#"{"accessKeyId": "AKIASCRIPTED", "secretAccessKey": "static-secret"}"#;
const TOKEN: &str = "web-identity-token";

async fn emulator(options: &[&str]) -> anyhow::Result<Emulator> {
    Emulator::bedrock(&Sdk::setup().await?, options).await
}

fn provider(upstream: &Emulator) -> Provider {
    Provider::at("bedrock", "Bedrock", upstream.origin())
        .set("bedrock", json!({"region": "us-east-1"}))
        .with_model(json!({
            "name": "claude", "upstreamModel": "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "contextWindow": 100_000, "maxOutputTokens": 4096,
        }))
}

fn with_secret(upstream: &Emulator, secret: &str) -> Blueprint {
    of(provider(upstream).secret(secret))
}

fn of(provider: Provider) -> Blueprint {
    Blueprint::default().provider(provider).pricing(Pricing::new("bedrock")).tenant(Tenant::new("acme"))
}

/// Both ways of answering work.
async fn answers(hub: &Hub) -> Outcome {
    let answer = hub.client().chat(&chat(MODEL, "hello")).await?.good()?;
    ensure!(answer["choices"][0]["message"]["content"] == "Hello from the scripted provider.", "{answer}");
    let events = hub.client().chat(&streamed(chat(MODEL, "hello"))).await?.events()?;
    ensure!(text(&events) == "Hello from the scripted provider.", "{events:?}");
    Ok(())
}

/// What the emulator was asked, and by which access key.
async fn asked(upstream: &Emulator) -> anyhow::Result<Vec<Value>> {
    let journal = reqwest::get(format!("{}/__bedrock/journal", upstream.origin())).await?;
    journal.json().await.context("the journal")
}

fn signers(journal: &[Value]) -> Vec<String> {
    journal.iter().filter_map(|entry| Some(entry["signer"].as_str()?.to_owned())).collect()
}

#[tokio::test]
async fn every_form_of_a_credential_is_accepted() -> Outcome {
    let upstream = emulator(&[]).await?;
    for secret in [
        KEYS,
        "[default]\naws_access_key_id = AKIASCRIPTED\naws_secret_access_key = static-secret\n",
        r#"{"accessKeyId":"ASIASCRIPTED","secretAccessKey":"session-secret","sessionToken":"session-token"}"#,
        "bedrock-api-key-scripted\n",
    ] {
        let hub = with_secret(&upstream, secret).start().await?;
        answers(&hub).await.with_context(|| hub.logs().text())?;
        for seen in [hub.logs().text(), hub.access_log().text()] {
            ensure!(!seen.contains("static-secret") && !seen.contains("session-token"), "a secret is logged");
        }
    }
    let target = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
    ensure!(asked(&upstream).await?[0]["path"] == target);
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_the_hubs_fault() -> Outcome {
    let upstream = emulator(&[]).await?;
    let wrong = KEYS.replace("static-secret", "another");
    let hub = with_secret(&upstream, &wrong).start().await?;
    let refused = hub.client().chat(&chat(MODEL, "hello")).await?;
    ensure!(
        (refused.status, refused.json()?["error"]["code"].clone()) == (502, json!("upstream_credential"))
    );
    let unread = with_secret(&upstream, "{\"accessKeyId\":\"A\"}").start().await?;
    let refused = unread.client().chat(&chat(MODEL, "hello")).await?;
    ensure!(
        (refused.status, refused.json()?["error"]["code"].clone()) == (502, json!("upstream_credential"))
    );
    ensure!(unread.logs().text().contains("accessKeyId and secretAccessKey"), "{}", unread.logs().text());
    Ok(())
}

#[tokio::test]
async fn a_pod_is_its_role_by_sts_and_stays_so() -> Outcome {
    let upstream = emulator(&["--lifetime", "20"]).await?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let hub = of(provider(&upstream).set("credentials", Value::Null))
        .environment("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/hub")
        .environment("AWS_WEB_IDENTITY_TOKEN_FILE", &token.to_string_lossy())
        .environment("AWS_ENDPOINT_URL_STS", &format!("{}/sts", upstream.origin()))
        .start()
        .await?;
    eventually("the role is assumed", async || Ok(answers(&hub).await.is_ok().then_some(()))).await?;
    // Keys that last for seconds are replaced before they end: no request fails meanwhile.
    eventually("other keys are used", async || {
        answers(&hub).await.with_context(|| hub.logs().text())?;
        let mut keys = signers(&asked(&upstream).await?);
        keys.sort();
        keys.dedup();
        Ok((keys.len() > 1).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_pod_is_what_the_nodes_agent_says() -> Outcome {
    let upstream = emulator(&[]).await?;
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, "not yet")?;
    let hub = of(provider(&upstream).set("credentials", Value::Null))
        .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/v1/credentials", upstream.origin()))
        .environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token.to_string_lossy())
        .start()
        .await?;
    let refused = hub.client().chat(&chat(MODEL, "hello")).await?;
    ensure!(refused.status == 503, "{}", refused.text());
    ensure!(refused.json()?["error"]["code"] == "credential_unavailable", "{}", refused.text());
    eventually("the log says why", async || {
        Ok(hub.logs().text().contains("/v1/credentials answered with status").then_some(()))
    })
    .await?;
    ensure!(!hub.logs().text().contains("not yet"), "the token is logged");
    std::fs::write(&token, TOKEN)?;
    eventually("the agent gives keys", async || Ok(answers(&hub).await.is_ok().then_some(()))).await
}

#[tokio::test]
async fn a_pod_that_is_nobody_is_told_so() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = of(provider(&upstream).set("credentials", Value::Null)).start().await?;
    let refused = hub.client().messages(&message(MODEL, "hello")).await?;
    ensure!((refused.status, refused.json()?["error"]["type"].clone()) == (503, json!("api_error")));
    ensure!(hub.logs().text().contains("the environment names no AWS identity"), "{}", hub.logs().text());
    ensure!(asked(&upstream).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn usage_is_bedrocks_own_and_comes_last() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = with_secret(&upstream, KEYS).start().await?;
    let ask = chat(MODEL, "[[input=25 cached=100 cache_write=7 output=15 reasoning=2 split=3]]");
    hub.client().chat(&ask).await?.good()?;
    hub.client().chat(&streamed(ask)).await?.events()?;
    for row in hub.rows(2).await? {
        ensure!(row.tokens() == [25, 100, 7, 15, 0] && row.source == "Provider", "{row:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_call_goes_there_and_its_result_back() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = with_secret(&upstream, KEYS).start().await?;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]);
    let ask = with(chat(MODEL, "[[tools=1 reasoning=1]]"), json!({"tools": tools}));
    let answer = hub.client().chat(&ask).await?.good()?;
    let said = answer["choices"][0]["message"].clone();
    ensure!(answer["choices"][0]["finish_reason"] == "tool_calls", "{answer}");
    ensure!(said["tool_calls"][0]["function"]["arguments"] == r#"{"city": "sample"}"#, "{said}");
    let result = json!({"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "18C"});
    let mut messages = vec![ask["messages"][0].clone(), said, result];
    let next = json!({"model": MODEL, "messages": messages, "tools": tools});
    hub.client().chat(&next).await?.good()?;
    // Without its tools the history is still one that Bedrock takes.
    let bare = json!({"model": MODEL, "messages": messages});
    hub.client().chat(&bare).await?.good()?;
    messages.push(json!({"role": "user", "content": "and?"}));
    hub.client()
        .chat(&json!({"model": MODEL, "messages": messages, "tool_choice": "none", "tools": tools}))
        .await?
        .good()?;
    Ok(())
}

#[tokio::test]
async fn an_answer_follows_its_schema_by_a_tool_or_by_itself() -> Outcome {
    let upstream = emulator(&[]).await?;
    let native = json!({
        "name": "native", "upstreamModel": "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "contextWindow": 100_000, "maxOutputTokens": 4096, "features": ["StructuredOutput"],
    });
    let hub = of(provider(&upstream).with_model(native).secret(KEYS)).start().await?;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "place", "schema": schema}});
    // Words beside the tool's call are no part of the answer.
    let by_tool = "where? [[text=<thinking>By+the+tool.</thinking>]]";
    for (model, question) in [(MODEL, by_tool), ("bedrock/native", "where?")] {
        let ask = with(chat(model, question), json!({"response_format": format}));
        let answer = hub.client().chat(&ask).await?.good()?;
        let choice = &answer["choices"][0];
        ensure!(
            choice["finish_reason"] == "stop" && choice["message"].get("tool_calls").is_none(),
            "{answer}"
        );
        let content: Value = serde_json::from_str(choice["message"]["content"].as_str().context("content")?)?;
        ensure!(content == json!({"city": "sample"}), "{answer}");
        let events = hub.client().chat(&streamed(ask)).await?.events()?;
        ensure!(serde_json::from_str::<Value>(&text(&events))? == json!({"city": "sample"}), "{events:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_with_nothing_in_it_is_an_error() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = with_secret(&upstream, KEYS).start().await?;
    let ask = chat(MODEL, "[[chunks=0 finish=malformed_model_output input=5 output=3]]");
    let answer = hub.client().chat(&ask).await?;
    ensure!(answer.status == 502, "{} {}", answer.status, answer.text());
    ensure!(answer.text().contains("malformed_model_output"), "{}", answer.text());
    for row in hub.rows(1).await? {
        ensure!(row.status == json!("Failed") && row.price_nanos.unwrap_or_default() == 0, "{row:?}");
    }
    let streamed = hub.client().chat(&streamed(ask)).await?;
    ensure!(streamed.text().contains("malformed_model_output"), "{}", streamed.text());
    Ok(())
}

#[tokio::test]
async fn what_breaks_in_a_stream_is_told_in_the_clients_words() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = with_secret(&upstream, KEYS).start().await?;
    let ask = chat(MODEL, "[[exception_after=3 exception=throttlingException message=too+much]]");
    let events = hub.client().chat(&streamed(ask)).await?.events()?;
    let last = events.last().context("no event")?.json();
    ensure!(last["error"]["message"] == "too much", "{last}");
    let first = chat(MODEL, "[[exception_after=0 exception=throttlingException]]");
    let refused = hub.client().chat(&streamed(first)).await?;
    ensure!(refused.status == 429, "{}: what comes before any content is a status", refused.text());
    let cut = message(MODEL, "[[half_after=3]]");
    let events = hub.client().messages(&streamed(cut)).await?.events()?;
    ensure!(events.iter().any(|event| event.json()["type"] == "error"), "{events:?}");
    for (status, expected) in [(400, 400), (403, 502), (424, 502), (429, 429), (503, 503)] {
        let refused = hub.client().chat(&chat(MODEL, &format!("[[status={status}]]"))).await?;
        ensure!(refused.status == expected, "{status}: {}", refused.text());
    }
    Ok(())
}

#[tokio::test]
async fn addresses_are_refused_by_their_field() -> Outcome {
    let upstream = emulator(&[]).await?;
    let hub = with_secret(&upstream, KEYS).start().await?;
    let picture = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let ask = json!({"model": MODEL, "messages": [{"role": "user", "content": [picture]}]});
    let refused = hub.client().chat(&ask).await?;
    ensure!((refused.status, refused.json()?["error"]["param"].clone()) == (400, json!("image_url")));
    ensure!(asked(&upstream).await?.is_empty());
    Ok(())
}
