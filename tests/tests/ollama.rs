//! Ollama, asked in its own format: lines of JSON.

use std::process::Stdio;

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Pricing, Provider, Sdk, Tenant};
use aigne_hub_tests::scripted::{Dialect, Ending, Script, Scripted, Tokens};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// One Ollama with the model `m`.
async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let retry = json!({"attempts": 2, "backoff": "10ms", "maxBackoff": "50ms"});
    let hub = Blueprint::default()
        .provider(Provider::at("local", "Ollama", &upstream.origin()).model("m").set("retry", retry))
        .pricing(Pricing::new("local"))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    Ok((upstream, hub))
}

#[tokio::test]
async fn its_own_chat_is_asked_for_whoever_does_not_speak_openais() -> Outcome {
    let (upstream, hub) = stage().await?;
    let tokens = Tokens { input: 11, output: 7, ..Tokens::default() };
    // Line ends that fall anywhere: a byte at a time.
    let answer = Script::text("in its own words").reasoning("Hm.").usage(Dialect::Ollama, tokens);
    upstream.always(answer.direct("split=1"));
    let client = hub.client();
    let whole = client.messages(&message("m", "hi")).await?.good()?;
    ensure!(whole["content"][0]["thinking"] == "Hm.", "{whole}");
    ensure!(whole["content"][1]["text"] == "in its own words", "{whole}");
    let events = client.messages(&streamed(message("m", "hi"))).await?.events()?;
    ensure!(text(&events) == "in its own words", "{events:?}");
    client.chat(&streamed(chat("m", "hi"))).await?.ok()?;
    for row in hub.rows(3).await? {
        assert_eq!((row.source.as_str(), row.tokens()), ("Provider", [11, 0, 0, 7, 0]));
    }
    let asked = upstream.asked();
    let paths: Vec<&str> = asked.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["/api/chat", "/api/chat", "/v1/chat/completions"]);
    for entry in &asked {
        ensure!(entry.header("authorization").is_some_and(|shown| shown.starts_with("Bearer ")), "{entry:?}");
    }
    assert_eq!((&asked[0].json()["stream"], &asked[1].json()["stream"]), (&json!(false), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_said_to_and_estimated() -> Outcome {
    let (upstream, hub) = stage().await?;
    let endings = [Ending::Error { after: 2 }, Ending::Cut { after: 2 }, Ending::Unterminated { after: 2 }];
    for ending in endings {
        upstream.next(Script::chunks(5).ending(ending));
        let events = hub.client().messages(&streamed(message("m", "hi"))).await?.events()?;
        ensure!(events.iter().any(|event| event.json()["type"] == "error"), "{ending:?}: {events:?}");
    }
    for row in hub.rows(3).await? {
        assert_eq!(row.source, "Estimated", "{row:?}");
    }
    Ok(())
}

/// Nothing has reached the client yet: another attempt may be better.
#[tokio::test]
async fn an_error_in_the_first_line_is_tried_again() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.next(Script::chunks(5).ending(Ending::Error { after: 0 }));
    upstream.next(Script::text("at last"));
    let events = hub.client().messages(&streamed(message("m", "hi"))).await?.events()?;
    assert_eq!((text(&events).as_str(), upstream.asked().len()), ("at last", 2));
    Ok(())
}

/// A page of HTML, events that were not asked for, and a line without end.
#[tokio::test]
async fn what_is_no_stream_of_lines_is_the_providers_fault() -> Outcome {
    let (upstream, hub) = stage().await?;
    for script in ["html=1", "header=content-type:text/event-stream", "endless_after=0"] {
        upstream.always(Script::default().direct(script));
        let answer = hub.client().messages(&streamed(message("m", "hi"))).await?;
        ensure!(answer.status >= 500, "{script}: {} {}", answer.status, answer.text());
        upstream.unscript();
    }
    Ok(())
}

#[tokio::test]
async fn what_is_sent_is_what_its_own_client_could_send() -> Outcome {
    let (upstream, hub) = stage().await?;
    let client = hub.client();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}});
    let turns = json!([
        {"role": "user", "content": [{"type": "text", "text": "weather?"}, picture]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "18C"}]},
    ]);
    let rich = json!({"messages": turns, "system": "Be brief.", "temperature": 0.5, "top_p": 0.9, "top_k": 40,
        "stop_sequences": ["END"], "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "get_weather", "description": "about a city", "input_schema": schema}, {"name": "now", "input_schema": {"type": "object"}}],
        "options": {"repeat_penalty": 1.1, "typical_p": 0.5}});
    client.messages(&with(message("m", ""), rich)).await?.ok()?;
    let formed = json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}, "thinking": {"type": "disabled"}});
    client.messages(&with(streamed(message("m", "hi")), formed)).await?.ok()?;
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"seed": 7, "presencePenalty": 0.5, "frequencyPenalty": -0.5, "responseMimeType": "application/json"}});
    client.post("/v1beta/models/m:generateContent", &gemini).await?.ok()?;
    let sent: Vec<Value> = upstream.asked().iter().map(aigne_hub_tests::scripted::Entry::json).collect();
    ensure!(sent.len() == 3, "{sent:?}");

    let mut python = Sdk::setup()
        .await?
        .others()
        .arg(Sdk::scripts().join("ollama/checks.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let lines: Vec<String> = sent.iter().map(Value::to_string).collect();
    let lines = lines.join("\n");
    let mut stdin = python.stdin.take().context("its input")?;
    stdin.write_all(lines.as_bytes()).await?;
    drop(stdin);
    let said = python.wait_with_output().await?;
    let complained = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success() && said.stdout == b"3\n", "{complained}\n{lines}");
    Ok(())
}
