//! Answers on OpenAI's chat wire.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::reply::{Finish, Reply};
use super::script::Script;
use super::usage::{Dialect, merge};
use super::wire::{Events, escape};

/// Ids and times are the same for each answer, so that two answers can be compared byte by byte.
const ID: &str = "chatcmpl-scripted";
const CREATED: u64 = 1_700_000_000;
/// Of every token.
pub(super) const LOGPROB: f64 = -0.5;

/// The body of a plain answer.
pub(super) fn plain(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    let mut message = json!({"role": "assistant", "content": reply.text.concat(), "refusal": reply.refusal});
    if reply.refusal.is_some() {
        message["content"] = Value::Null;
    }
    if let Some(title) = &reply.citation {
        merge(&mut message, json!({"annotations": [annotation(title, &reply.text.concat())]}));
    }
    if !reply.reasoning.is_empty() {
        merge(&mut message, json!({ reasoning_key(script): reply.reasoning.concat() }));
    }
    if !reply.calls.is_empty() {
        let calls: Vec<Value> = reply
            .calls
            .iter()
            .map(|call| {
                json!({"id": call.id, "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments.to_string()}})
            })
            .collect();
        merge(&mut message, json!({ "tool_calls": calls }));
        if reply.text.is_empty() {
            message["content"] = Value::Null;
        }
    }
    let choices: Vec<Value> = (0..ask.choices)
        .map(|index| {
            let logprobs = if ask.logprobs {
                json!({"content": logprobs(&reply.text), "refusal": null})
            } else {
                Value::Null
            };
            json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish(reply)})
        })
        .collect();
    let mut body = envelope("chat.completion", ask);
    merge(&mut body, json!({ "choices": choices }));
    if !script.mute_usage {
        merge(&mut body, json!({"usage": script.dialect.openai_usage(&reply.tokens)}));
    }
    escape(&body)
}

/// The events of a streamed answer.
pub(super) fn stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let with_usage = ask.include_usage && !script.mute_usage;
    let chunk = |choices: Value| {
        let mut body = envelope("chat.completion.chunk", ask);
        merge(&mut body, json!({ "choices": choices }));
        if with_usage {
            merge(&mut body, json!({"usage": null}));
        }
        body
    };
    let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
    deltas.extend(reply.reasoning.iter().map(|piece| json!({ reasoning_key(script): piece })));
    deltas.extend(reply.text.iter().map(|piece| json!({ "content": piece })));
    deltas.extend(reply.refusal.iter().map(|refusal| json!({ "refusal": refusal })));
    if let Some(title) = &reply.citation {
        deltas.push(json!({"annotations": [annotation(title, &reply.text.concat())]}));
    }
    for (index, call) in reply.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        deltas.push(json!({"tool_calls":
            [{"index": index, "id": call.id, "type": "function", "function": function}]}));
        deltas.extend(
            halves(&call.arguments.to_string())
                .into_iter()
                .map(|piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})),
        );
    }
    let mut events = Vec::new();
    for delta in &deltas {
        for index in 0..ask.choices {
            let said = delta["content"].as_str().filter(|text| ask.logprobs && !text.is_empty());
            let logprobs =
                said.map_or(Value::Null, |text| json!({"content": logprobs(&[text]), "refusal": null}));
            let choice =
                json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null}]);
            events.push(event(script, &chunk(choice)));
        }
    }
    for index in 0..ask.choices {
        let choice = json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": finish(reply)}]);
        events.push(event(script, &chunk(choice)));
    }
    if with_usage {
        let mut last = chunk(json!([]));
        merge(&mut last, json!({"usage": script.dialect.openai_usage(&reply.tokens)}));
        events.push(event(script, &last));
    }
    Events { events, terminator: Bytes::from_static(b"data: [DONE]\n\n") }
}

/// An error inside a stream.
pub(super) fn error_event(script: &Script, ask: &Ask, message: &str) -> Bytes {
    let error = match script.dialect {
        Dialect::OpenRouter => {
            let mut body = envelope("chat.completion.chunk", ask);
            merge(
                &mut body,
                json!({"error": {"code": 502, "message": message},
                    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
            );
            body
        }
        dialect => dialect.openai_error(500, message),
    };
    event(script, &error)
}

/// `GET /models`.
pub(super) fn models(names: &[String]) -> Bytes {
    let list: Vec<Value> = names.iter().map(|name| model(name)).collect();
    escape(&json!({"object": "list", "data": list}))
}

/// One entry of it.
pub(super) fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "scripted"})
}

fn envelope(object: &str, ask: &Ask) -> Value {
    // `x_scripted` is a field that nobody knows: it has to survive.
    let mut body = json!({"id": ID, "object": object, "created": CREATED, "model": ask.model,
        "system_fingerprint": "fp_scripted", "x_scripted": {"kept": true}});
    if let Some(tier) = &ask.service_tier {
        merge(&mut body, json!({ "service_tier": tier }));
    }
    body
}

pub(super) fn annotation(title: &str, text: &str) -> Value {
    json!({"type": "url_citation", "url_citation":
        {"start_index": 0, "end_index": text.chars().count(), "title": title, "url": "https://source.example/"}})
}

/// A piece is a token.
pub(super) fn logprobs<S: AsRef<str>>(pieces: &[S]) -> Value {
    let token = |piece: &S| {
        let text = piece.as_ref();
        json!({"token": text, "logprob": LOGPROB, "bytes": text.as_bytes(), "top_logprobs": []})
    };
    pieces.iter().map(token).collect()
}

fn event(script: &Script, body: &Value) -> Bytes {
    let comment = if script.dialect == Dialect::OpenRouter { ": OPENROUTER PROCESSING\n\n" } else { "" };
    let mut bytes = format!("{comment}data: ").into_bytes();
    bytes.extend_from_slice(&escape(body));
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}

fn reasoning_key(script: &Script) -> &'static str {
    if script.dialect == Dialect::OpenRouter { "reasoning" } else { "reasoning_content" }
}

fn finish(reply: &Reply) -> &str {
    match &reply.finish {
        Finish::Done | Finish::Stop(_) | Finish::Refused => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Verbatim(words) => words,
    }
}

/// Arguments come in fragments that are no JSON by themselves.
pub(super) fn halves(text: &str) -> Vec<&str> {
    let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (first, second) = text.split_at(middle);
    vec![first, second]
}
