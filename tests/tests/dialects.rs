//! Oddities of real providers, as raw bytes.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Provider, Row, Tenant};
use aigne_hub_tests::scripted::{Script, Scripted};
use serde_json::{Value, json};

/// One provider of this type, model `m`.
async fn stage(kind: &str) -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let provider = Provider::new("p", kind, &upstream).model("m");
    let hub = Blueprint::default().provider(provider).tenant(Tenant::new("acme")).start().await?;
    Ok((upstream, hub))
}

/// A stream of OpenAI's shape.
fn chunks(bodies: &[Value]) -> String {
    let events: Vec<String> = bodies.iter().map(|body| format!("data: {body}\n\n")).collect();
    events.concat() + "data: [DONE]\n\n"
}

/// A chunk with these choices and further members.
fn chunk(choices: &Value, more: Value) -> Value {
    let body =
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices});
    with(body, more)
}

fn delta(content: &str, finish: Option<&str>) -> Value {
    json!([{"index": 0, "delta": {"content": content}, "finish_reason": finish}])
}

fn usage(prompt: u64, completion: u64) -> Value {
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

fn counted(row: &Row) -> (&str, u64, u64) {
    (row.source.as_str(), row.input_tokens, row.output_tokens)
}

/// Some send the usage with the last piece instead of after it: it is taken out, the piece stays.
#[tokio::test]
async fn usage_beside_the_last_piece_is_stripped_from_it() -> Outcome {
    let (upstream, hub) = stage("DeepSeek").await?;
    upstream.always(Script::raw(chunks(&[
        chunk(&delta("one ", None), json!({})),
        chunk(&delta("two", Some("stop")), json!({"usage": usage(3, 2)})),
    ])));
    let answer = hub.client().chat(&streamed(chat("m", "hi"))).await?;
    let events = answer.events()?;
    assert_eq!(text(&events), "one two");
    assert_eq!(events[1].json()["choices"][0]["finish_reason"], "stop");
    assert!(!answer.text().contains("usage"), "{}", answer.text());
    hub.client().messages(&streamed(message("m", "hi"))).await?.ok()?;
    for row in hub.rows(2).await? {
        assert_eq!(counted(&row), ("Provider", 3, 2));
    }
    Ok(())
}

/// Some send a running count with each piece: the last one counts.
#[tokio::test]
async fn a_running_count_is_not_added_up() -> Outcome {
    let (upstream, hub) = stage("Doubao").await?;
    upstream.always(Script::raw(chunks(&[
        chunk(&delta("one ", None), json!({"usage": usage(3, 1)})),
        chunk(&delta("two ", None), json!({"usage": usage(3, 2)})),
        chunk(&delta("three", Some("stop")), json!({"usage": usage(3, 3)})),
    ])));
    let answer = hub.client().chat(&streamed(chat("m", "hi"))).await?;
    assert_eq!(text(&answer.events()?), "one two three");
    assert!(!answer.text().contains("usage"), "{}", answer.text());
    assert_eq!(counted(&hub.row().await?), ("Provider", 3, 3));
    Ok(())
}

/// Content filters announce themselves in chunks without choices, and a role may come alone.
#[tokio::test]
async fn chunks_without_choices_or_content_pass() -> Outcome {
    let (upstream, hub) = stage("OpenAICompatible").await?;
    let first = chunk(&json!([]), json!({"prompt_filter_results": [{"prompt_index": 0}]}));
    let role = chunk(&json!([{"index": 0, "delta": {"role": "assistant", "content": null}}]), json!({}));
    let last = chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), json!({}));
    upstream.always(Script::raw(chunks(&[first.clone(), role, chunk(&delta("yes", None), json!({})), last])));
    let events = hub.client().chat(&streamed(chat("m", "hi"))).await?.events()?;
    assert_eq!(events[0].json(), first);
    assert_eq!(text(&events), "yes");
    let events = hub.client().messages(&streamed(message("m", "hi"))).await?.events()?;
    assert_eq!(text(&events), "yes");
    assert_eq!(events.last().map(|event| event.name.as_str()), Some("message_stop"));
    Ok(())
}

/// While a request waits in line, blank lines and comments keep the connection alive.
#[tokio::test]
async fn what_keeps_a_connection_alive_is_no_answer() -> Outcome {
    let (upstream, hub) = stage("DeepSeek").await?;
    let body = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage(3, 2),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]});
    upstream.next(Script::raw(format!("\n\n\n{body}")));
    upstream.next(Script::raw(format!("\n\n\n{body}")));
    assert_eq!(hub.client().chat(&chat("m", "hi")).await?.good()?["choices"][0]["message"]["content"], "yes");
    assert_eq!(hub.client().messages(&message("m", "hi")).await?.good()?["content"][0]["text"], "yes");
    let stream = chunks(&[
        chunk(&delta("yes", Some("stop")), json!({})),
        chunk(&json!([]), json!({"usage": usage(3, 2)})),
    ]);
    let alive = ": keep-alive\n\n".repeat(3);
    upstream.always(Script::raw(format!("{alive}{stream}")));
    assert_eq!(text(&hub.client().chat(&streamed(chat("m", "hi"))).await?.events()?), "yes");
    assert_eq!(text(&hub.client().messages(&streamed(message("m", "hi"))).await?.events()?), "yes");
    for row in hub.rows(4).await? {
        assert_eq!(counted(&row), ("Provider", 3, 2));
    }
    Ok(())
}

/// `OpenRouter` answers 200 once it has begun to work, and tells of a failure in the body.
#[tokio::test]
async fn an_error_with_status_200_is_an_error() -> Outcome {
    let (upstream, hub) = stage("OpenRouter").await?;
    let error = json!({"error": {"code": 502, "message": "Provider disconnected"}});
    upstream.always(Script::raw(error.to_string()));
    let answer = hub.client().chat(&chat("m", "hi")).await?;
    assert!(answer.status >= 500, "{}: {}", answer.status, answer.text());
    answer.openai_error(answer.status)?;
    let answer = hub.client().messages(&message("m", "hi")).await?;
    answer.anthropic_error(answer.status)?;
    for row in hub.rows(2).await? {
        assert_eq!((&row.status, row.output_tokens), (&json!("Failed"), 0), "{row:#?}");
    }
    Ok(())
}

/// xAI's errors are a code and a string; Ollama's a string.
#[tokio::test]
async fn errors_of_any_shape_are_understood() -> Outcome {
    for (kind, body) in [
        ("XAI", json!({"code": "invalid-argument", "error": "no such thing"})),
        ("Ollama", json!({"error": "no such thing"})),
        ("OpenRouter", json!({"error": {"code": 400, "message": "no such thing", "metadata": {}}})),
        (
            "OpenAICompatible",
            json!([{"error": {"code": 400, "message": "no such thing", "status": "INVALID"}}]),
        ),
        ("OpenAICompatible", json!({"detail": "no such thing"})),
        (
            "Anthropic",
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "no such thing"}}),
        ),
    ] {
        let (upstream, hub) = stage(kind).await?;
        upstream.always(Script::raw(body.to_string()).with_status(400));
        for error in [
            hub.client().chat(&chat("m", "hi")).await?.openai_error(400)?,
            hub.client().messages(&message("m", "hi")).await?.anthropic_error(400)?,
        ] {
            let said = error["message"].as_str().is_some_and(|message| message.contains("no such thing"));
            assert!(said, "{kind}: {error}");
        }
    }
    Ok(())
}

/// A stream of Anthropic's shape.
fn events(bodies: &[Value]) -> String {
    let event = |body: &Value| {
        format!(
            "event: {}
data: {body}

",
            body["type"].as_str().unwrap_or_default()
        )
    };
    bodies.iter().map(event).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn anthropic_counts_are_cumulative_and_later_ones_win() -> Outcome {
    let (upstream, hub) = stage("Anthropic").await?;
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "m", "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1}}});
    let block =
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let piece =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}});
    let stop = json!({"type": "content_block_stop", "index": 0});
    let end = |output: u64| {
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": output}})
    };
    let last = json!({"type": "message_stop"});
    upstream.always(Script::raw(events(&[start, block, piece, stop, end(20), end(21), last])));
    hub.client().messages(&streamed(message("m", "hi"))).await?.ok()?;
    hub.client().chat(&streamed(chat("m", "hi"))).await?.ok()?;
    for row in hub.rows(2).await? {
        assert_eq!(row.tokens(), [12, 5, 0, 21, 0], "{row:#?}");
    }
    Ok(())
}

/// Events, blocks and deltas of tomorrow are passed on, or left out where they cannot be translated.
#[tokio::test]
async fn what_anthropic_adds_tomorrow_kills_no_stream() -> Outcome {
    let (upstream, hub) = stage("Anthropic").await?;
    let stream = events(&[
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "mood", "mood": "cheerful"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "melody", "notes": []}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "melody_delta", "note": "c"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "yes"}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "underline_delta", "from": 0}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tired", "stop_sequence": null}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]);
    upstream.always(Script::raw(stream.clone()));
    assert_eq!(hub.client().messages(&streamed(message("m", "hi"))).await?.text(), stream);
    let events = hub.client().chat(&streamed(chat("m", "hi"))).await?.events()?;
    assert_eq!(text(&events), "yes");
    assert_eq!(events.last().map(|event| event.data.as_str()), Some("[DONE]"));
    for row in hub.rows(2).await? {
        assert_eq!(counted(&row), ("Provider", 3, 2));
    }
    Ok(())
}

/// What a provider of the other wire has no word for is refused by name, never dropped in silence.
#[tokio::test]
async fn what_cannot_be_translated_is_refused_by_name() -> Outcome {
    let (upstream, hub) = stage("Anthropic").await?;
    let audio = json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]);
    for (field, value) in [("n", json!(2)), ("modalities", json!(["text", "audio"])), ("messages", audio)] {
        let mut request = chat("m", "hi");
        request[field] = value;
        let error = hub.client().chat(&request).await?.openai_error(400)?;
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert_eq!(upstream.asked().len(), 0);
    Ok(())
}
