//! Client and provider speak different wires: meaning is kept, in both directions, streamed and not.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Event, Hub, Outcome};
use aigne_hub_tests::scripted::{Dialect, Script, Scripted, Tokens};
use anyhow::Context;
use serde_json::{Value, json};

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    Ok((upstream, hub))
}

/// The body of the last request that reached the provider.
fn arrived(upstream: &Scripted) -> anyhow::Result<Value> {
    Ok(upstream.asked().pop().context("nothing arrived")?.json())
}

fn tokens() -> Tokens {
    Tokens { input: 25, cached: 100, cache_write: 8, output: 15, reasoning: 5, ..Tokens::default() }
}

/// The tool calls of a streamed chat answer: (id, name, arguments).
fn calls(events: &[Event]) -> Vec<(String, String, String)> {
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for delta in events
        .iter()
        .filter_map(|e| e.json()["choices"][0]["delta"]["tool_calls"].as_array().cloned())
        .flatten()
    {
        let index = usize::try_from(delta["index"].as_u64().unwrap_or_default()).unwrap_or_default();
        if calls.len() <= index {
            calls.resize(index + 1, Default::default());
        }
        calls[index].0 += delta["id"].as_str().unwrap_or_default();
        calls[index].1 += delta["function"]["name"].as_str().unwrap_or_default();
        calls[index].2 += delta["function"]["arguments"].as_str().unwrap_or_default();
    }
    calls
}

/// The content blocks of a streamed message, deltas joined.
fn blocks(events: &[Event]) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    for body in events.iter().map(Event::json) {
        if body["type"] == "content_block_start" {
            assert_eq!(body["index"], json!(blocks.len()), "indexes count up");
            blocks.push(body["content_block"].clone());
        }
        for (kind, from, to) in [
            ("text_delta", "text", "text"),
            ("thinking_delta", "thinking", "thinking"),
            ("input_json_delta", "partial_json", "input"),
        ] {
            if body["delta"]["type"] == kind {
                let Some(block) = blocks.last_mut() else { continue };
                let so_far = block[to].as_str().unwrap_or_default().to_owned();
                block[to] = json!(so_far + body["delta"][from].as_str().unwrap_or_default());
            }
        }
    }
    blocks
}

#[tokio::test]
async fn openai_client_anthropic_provider_plain() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.next(Script::text("It is fine.").usage(Dialect::OpenAI, tokens()));
    let request = json!({
        "model": "claude/sonnet",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]},
        ],
        "max_completion_tokens": 99, "temperature": 0.5, "top_p": 0.9, "stop": ["END", "STOP"], "user": "u-7",
    });
    let answer = hub.client().chat(&request).await?.good()?;
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(answer["choices"][0]["message"]["content"], "It is fine.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(133), &json!(15), &json!(148))
    );
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 100);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 5);

    let sent = arrived(&upstream)?;
    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!("sonnet"), &json!(99)));
    let system = sent["system"].to_string();
    assert!(system.find("Be brief.") < system.find("Be kind."), "{system}");
    let content = &sent["messages"][0]["content"];
    assert_eq!(content[0], json!({"type": "text", "text": "Look:"}));
    assert_eq!(content[1]["source"], json!({"type": "base64", "media_type": "image/png", "data": PIXEL}));
    assert_eq!(content[2]["source"], json!({"type": "url", "url": "https://example.com/a.png"}));
    assert_eq!(sent["stop_sequences"], json!(["END", "STOP"]));
    assert_eq!((&sent["temperature"], &sent["top_p"]), (&json!(0.5), &json!(0.9)));
    assert_eq!(sent["metadata"]["user_id"], "u-7");
    Ok(())
}

#[tokio::test]
async fn openai_client_anthropic_provider_streamed() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("It is fine.").reasoning("Let me see").usage(Dialect::OpenAI, tokens()));
    let request = with(streamed(chat("sonnet", "hi")), json!({"stream_options": {"include_usage": true}}));
    let events = hub.client().chat(&request).await?.events()?;
    assert_eq!(text(&events), "It is fine.");
    let thought: String = events
        .iter()
        .filter_map(|event| {
            Some(event.json()["choices"][0]["delta"]["reasoning_content"].as_str()?.to_owned())
        })
        .collect();
    assert_eq!(thought, "Let me see");
    let chunks: Vec<Value> = events.iter().filter(|event| event.data != "[DONE]").map(Event::json).collect();
    assert_eq!(events.last().map(|event| event.data.as_str()), Some("[DONE]"));
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"])
    );
    let last = chunks.last().context("no chunk")?;
    assert_eq!(
        (&last["choices"], &last["usage"]["prompt_tokens"], &last["usage"]["completion_tokens"]),
        (&json!([]), &json!(133), &json!(15))
    );

    let events = hub.client().chat(&streamed(chat("sonnet", "hi"))).await?.events()?;
    assert!(events.iter().all(|event| event.json()["usage"].is_null()), "usage that nobody asked for");
    Ok(())
}

#[tokio::test]
async fn openai_client_anthropic_provider_tools() -> Outcome {
    let (upstream, hub) = stage().await?;
    let script = Script { text: vec!["Looking.".into()], ..Script::default() }
        .call("toolu_1", "get_weather", json!({"city": "Paris"}))
        .call("toolu_2", "get_weather", json!({"city": "Rome"}));
    upstream.always(script);
    let parameters =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = json!([{"type": "function",
        "function": {"name": "get_weather", "description": "Weather", "parameters": parameters}}]);
    let request = json!({
        "model": "sonnet", "tools": tools, "tool_choice": "required", "parallel_tool_calls": false,
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"}},
                {"id": "call_b", "type": "function", "function": {"name": "get_weather", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_a", "content": "3C"},
            {"role": "tool", "tool_call_id": "call_b", "content": "unknown"},
            {"role": "user", "content": "And elsewhere?"},
        ],
    });
    let answer = hub.client().chat(&request).await?.good()?;
    let choice = &answer["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &json!("Looking."))
    );
    assert_eq!(
        choice["message"]["tool_calls"][1],
        json!({"id": "toolu_2", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Rome\"}"}})
    );
    let sent = arrived(&upstream)?;
    assert_eq!(
        sent["tools"],
        json!([{"name": "get_weather", "description": "Weather", "input_schema": parameters}])
    );
    assert_eq!(sent["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
    let turn = &sent["messages"][1]["content"];
    assert_eq!(
        turn[0],
        json!({"type": "tool_use", "id": "call_a", "name": "get_weather", "input": {"city": "Oslo"}})
    );
    assert_eq!(turn[1]["input"], json!({}), "no arguments are an empty object");
    let results = &sent["messages"][2];
    assert_eq!((&results["role"], results["content"].as_array().map(Vec::len)), (&json!("user"), Some(3)));
    assert_eq!(
        (&results["content"][0]["tool_use_id"], &results["content"][1]["tool_use_id"]),
        (&json!("call_a"), &json!("call_b"))
    );
    assert_eq!(results["content"][2]["text"], "And elsewhere?");
    assert_eq!(sent["messages"].as_array().map(Vec::len), Some(3), "roles alternate");

    let events = hub.client().chat(&streamed(request)).await?.events()?;
    let expected = [("toolu_1", r#"{"city":"Paris"}"#), ("toolu_2", r#"{"city":"Rome"}"#)];
    let expected: Vec<_> = expected
        .map(|(id, arguments)| (id.to_owned(), "get_weather".to_owned(), arguments.to_owned()))
        .into();
    assert_eq!(calls(&events), expected);
    Ok(())
}

#[tokio::test]
async fn openai_client_anthropic_provider_structured_output_and_reasoning() -> Outcome {
    let (upstream, hub) = stage().await?;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
        "additionalProperties": false});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": schema}});
    let request = with(chat("sonnet", "Who?"), json!({"response_format": format}));
    let answer = hub.client().chat(&request).await?.good()?;
    let content = answer["choices"][0]["message"]["content"].as_str().context("content")?;
    assert_eq!(serde_json::from_str::<Value>(content)?, json!({"name": "sample"}));
    assert_eq!(arrived(&upstream)?["output_config"]["format"]["schema"], schema);

    upstream.next(Script::text("Done.").reasoning("Step by step"));
    let request = with(chat("sonnet", "Think."), json!({"reasoning_effort": "high", "max_tokens": 4000}));
    let answer = hub.client().chat(&request).await?.good()?;
    assert_eq!(answer["choices"][0]["message"]["reasoning_content"], "Step by step");
    let sent = arrived(&upstream)?;
    let asked = sent["thinking"]["budget_tokens"].is_u64() || sent["output_config"]["effort"] == "high";
    assert!(asked, "{sent}");
    Ok(())
}

#[tokio::test]
async fn finish_reasons_cross_to_openai() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (theirs, ours) in [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
    ] {
        upstream.next(Script { finish: Some(theirs.into()), ..Script::text("x") });
        let answer = hub.client().chat(&chat("sonnet", "hi")).await?.good()?;
        assert_eq!(answer["choices"][0]["finish_reason"], ours, "{theirs}");
    }
    Ok(())
}

#[tokio::test]
async fn anthropic_client_openai_provider_plain() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.next(Script::text("It is fine.").usage(Dialect::OpenAI, tokens()));
    let request = json!({
        "model": "openai/gpt", "max_tokens": 99, "system": [{"type": "text", "text": "Be brief."}],
        "temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"], "metadata": {"user_id": "u-7"},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Look:"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}],
    });
    let answer = hub.client().messages(&request).await?.good()?;
    assert_eq!(
        (&answer["type"], &answer["role"], &answer["stop_reason"]),
        (&json!("message"), &json!("assistant"), &json!("end_turn"))
    );
    assert_eq!(answer["content"], json!([{"type": "text", "text": "It is fine."}]));
    let usage = &answer["usage"];
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(25), &json!(15)));
    assert_eq!(
        (&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]),
        (&json!(100), &json!(8))
    );

    let sent = arrived(&upstream)?;
    assert_eq!(sent["model"], "gpt");
    let limit = sent["max_completion_tokens"].as_u64().or(sent["max_tokens"].as_u64());
    assert_eq!(limit, Some(99));
    assert!(sent["messages"][0]["role"] == "system" || sent["messages"][0]["role"] == "developer", "{sent}");
    assert!(sent["messages"][0]["content"].to_string().contains("Be brief."));
    let content = &sent["messages"][1]["content"];
    assert_eq!(content[0], json!({"type": "text", "text": "Look:"}));
    assert_eq!(content[1]["image_url"]["url"], format!("data:image/png;base64,{PIXEL}"));
    assert_eq!(content[2]["image_url"]["url"], "https://example.com/a.png");
    assert!(sent["stop"] == json!(["END"]) || sent["stop"] == "END", "{sent}");
    Ok(())
}

#[tokio::test]
async fn anthropic_client_openai_provider_streamed() -> Outcome {
    let (upstream, hub) = stage().await?;
    let script = Script::text("It is fine.").reasoning("Let me see").usage(Dialect::OpenAI, tokens());
    upstream.next(script.call("call_1", "get_weather", json!({"city": "Paris"})));
    let events = hub.client().messages(&streamed(message("gpt", "hi"))).await?.events()?;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"message_start"), Some(&"message_stop")));
    assert!(
        events.iter().all(|event| event.json()["type"] == event.name.as_str()),
        "event name and type agree"
    );
    let opened = names.iter().filter(|name| **name == "content_block_start").count();
    assert_eq!(opened, names.iter().filter(|name| **name == "content_block_stop").count());
    let blocks = blocks(&events);
    assert_eq!((&blocks[0]["type"], &blocks[0]["thinking"]), (&json!("thinking"), &json!("Let me see")));
    assert_eq!((&blocks[1]["type"], &blocks[1]["text"]), (&json!("text"), &json!("It is fine.")));
    assert_eq!(
        (&blocks[2]["type"], &blocks[2]["id"], &blocks[2]["name"]),
        (&json!("tool_use"), &json!("call_1"), &json!("get_weather"))
    );
    assert_eq!(blocks[2]["input"], r#"{"city":"Paris"}"#);
    let last = events.iter().rfind(|event| event.name == "message_delta").context("message_delta")?.json();
    assert_eq!(last["delta"]["stop_reason"], "tool_use");
    assert_eq!(last["usage"]["output_tokens"], 15);
    assert!(arrived(&upstream)?["stream_options"]["include_usage"] == true);
    Ok(())
}

#[tokio::test]
async fn anthropic_client_openai_provider_tools() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::default().call("call_1", "get_weather", json!({"city": "Paris"})).call(
        "call_2",
        "f",
        json!({}),
    ));
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let request = json!({
        "model": "gpt", "max_tokens": 64,
        "tools": [{"name": "get_weather", "description": "Weather", "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": true},
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_a", "name": "get_weather", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "toolu_b", "name": "get_weather", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_a", "content": "3C"},
                {"type": "tool_result", "tool_use_id": "toolu_b", "content": [{"type": "text", "text": "?"}], "is_error": true},
                {"type": "text", "text": "And elsewhere?"}]},
        ],
    });
    let answer = hub.client().messages(&request).await?.good()?;
    assert_eq!(answer["stop_reason"], "tool_use");
    assert_eq!(
        answer["content"][0],
        json!({"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}})
    );
    assert_eq!(answer["content"][1]["input"], json!({}));
    let sent = arrived(&upstream)?;
    assert_eq!(sent["tools"][0]["function"]["parameters"], schema);
    assert_eq!(sent["tool_choice"], json!({"type": "function", "function": {"name": "get_weather"}}));
    assert_eq!(sent["parallel_tool_calls"], false);
    let messages = sent["messages"].as_array().context("messages")?;
    let roles: Vec<&str> = messages.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
    let call = &messages[1]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("toolu_a"), &json!("get_weather")));
    let arguments = call["function"]["arguments"].as_str().context("arguments are a string")?;
    assert_eq!(serde_json::from_str::<Value>(arguments)?, json!({"city": "Oslo"}));
    assert_eq!(
        (&messages[2]["tool_call_id"], &messages[3]["tool_call_id"]),
        (&json!("toolu_a"), &json!("toolu_b"))
    );
    Ok(())
}

#[tokio::test]
async fn finish_reasons_cross_to_anthropic() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (theirs, ours) in [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal")] {
        upstream.next(Script { finish: Some(theirs.into()), ..Script::text("x") });
        let answer = hub.client().messages(&message("gpt", "hi")).await?.good()?;
        assert_eq!(answer["stop_reason"], ours, "{theirs}");
    }
    Ok(())
}

#[tokio::test]
async fn tokens_are_counted_or_honestly_estimated() -> Outcome {
    let (upstream, hub) = stage().await?;
    let exact = hub
        .client()
        .post(
            "/v1/messages/count_tokens",
            &json!({"model": "sonnet", "messages": message("", "hi")["messages"]}),
        )
        .await?;
    let by_provider =
        upstream.entries().iter().any(|entry| entry.path.ends_with("/v1/messages/count_tokens"));
    assert!(by_provider && exact.good()?["input_tokens"].is_u64());
    let estimate = hub
        .client()
        .post(
            "/v1/messages/count_tokens",
            &json!({"model": "gpt", "messages": message("", "hello there")["messages"]}),
        )
        .await?;
    assert!(estimate.good()?["input_tokens"].as_u64() > Some(0));
    let marked = |answer: &aigne_hub_tests::harness::Answer| {
        answer.headers.iter().any(|(name, value)| format!("{name}: {value:?}").contains("estimate"))
    };
    assert!(marked(&estimate), "an estimate says so in a header: {:?}", estimate.headers);
    assert!(!marked(&exact), "an exact count is no estimate");
    Ok(())
}
