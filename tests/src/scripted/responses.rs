//! Answers on OpenAI's responses wire, and on its legacy completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::openai::{LOGPROB, halves, logprobs};
use super::reply::{Finish, Reply};
use super::script::{Ending, Script};
use super::usage::{Tokens, merge};
use super::wire::{Events, escape};

const ID: &str = "resp_scripted";
const CREATED: u64 = 1_700_000_000;

/// The body of a plain answer.
pub(super) fn plain(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    escape(&finished(script, ask, reply))
}

/// The events of a streamed answer.
pub(super) fn stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let begun = response(ask, "in_progress", &[], None);
    let mut bodies = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, item) in items(ask, reply).into_iter().enumerate() {
        let open = |mut item: Value| {
            for (name, empty) in [("content", json!([])), ("summary", json!([])), ("arguments", json!(""))] {
                if item.get(name).is_some() {
                    item[name] = empty;
                }
            }
            item["status"] = json!("in_progress");
            item
        };
        let at = json!({"output_index": index, "item_id": item["id"]});
        let mut say = |kind: &str, more: Value| {
            let mut body = json!({ "type": kind });
            merge(&mut body, at.clone());
            merge(&mut body, more);
            bodies.push(body);
        };
        say("response.output_item.added", json!({"item": open(item.clone())}));
        match item["type"].as_str() {
            Some("reasoning") => {
                let part = &item["summary"][0];
                let place = json!({"summary_index": 0});
                let with = |more: Value| {
                    let mut body = place.clone();
                    merge(&mut body, more);
                    body
                };
                say(
                    "response.reasoning_summary_part.added",
                    with(json!({"part": {"type": "summary_text", "text": ""}})),
                );
                for piece in &reply.reasoning {
                    say("response.reasoning_summary_text.delta", with(json!({ "delta": piece })));
                }
                say("response.reasoning_summary_text.done", with(json!({"text": part["text"]})));
                say("response.reasoning_summary_part.done", with(json!({ "part": part })));
            }
            Some("function_call") => {
                for piece in halves(item["arguments"].as_str().unwrap_or_default()) {
                    say("response.function_call_arguments.delta", json!({ "delta": piece }));
                }
                let done = json!({"arguments": item["arguments"], "name": item["name"]});
                say("response.function_call_arguments.done", done);
            }
            _ => message(ask, reply, &item["content"][0], &mut say),
        }
        say("response.output_item.done", json!({ "item": item }));
    }
    let whole = finished(script, ask, reply);
    let kind = format!("response.{}", whole["status"].as_str().unwrap_or_default());
    bodies.push(json!({"type": kind, "response": whole}));
    let events = bodies.into_iter().enumerate().map(|(number, mut body)| {
        merge(&mut body, json!({"sequence_number": number}));
        event(&body)
    });
    Events { events: events.collect(), terminator: Bytes::new() }
}

fn message(ask: &Ask, reply: &Reply, part: &Value, say: &mut impl FnMut(&str, Value)) {
    let with = |more: Value| {
        let mut body = json!({"content_index": 0});
        merge(&mut body, more);
        body
    };
    let (kind, key) =
        if part["type"] == "refusal" { ("refusal", "refusal") } else { ("output_text", "text") };
    let mut empty = part.clone();
    empty[key] = json!("");
    say("response.content_part.added", with(json!({ "part": empty })));
    for piece in reply.refusal.iter().chain(&reply.text) {
        let told = tokens(ask, &[piece]);
        say(&format!("response.{kind}.delta"), with(json!({"delta": piece, "logprobs": told})));
    }
    for (number, annotation) in part["annotations"].as_array().into_iter().flatten().enumerate() {
        let body = json!({"annotation_index": number, "annotation": annotation});
        say("response.output_text.annotation.added", with(body));
    }
    say(
        &format!("response.{kind}.done"),
        with(json!({ key: part[key], "logprobs": tokens(ask, &reply.text) })),
    );
    say("response.content_part.done", with(json!({ "part": part })));
}

/// Their log probabilities, where they are asked for.
fn tokens<S: AsRef<str>>(ask: &Ask, pieces: &[S]) -> Value {
    if ask.logprobs { logprobs(pieces) } else { json!([]) }
}

/// An error inside a stream.
pub(super) fn error_event(script: &Script, message: &str) -> Bytes {
    let number = if let Ending::Error { after } = script.ending { after } else { 0 };
    event(&json!({"type": "error", "code": "server_error", "message": message, "param": null,
        "sequence_number": number}))
}

/// A legacy completion.
pub(super) fn completion(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    let choices: Vec<Value> =
        (0..ask.choices).map(|index| choice(ask, index, &reply.text, Some(reply))).collect();
    let mut body = legacy(ask, &json!(choices));
    if !script.mute_usage {
        merge(&mut body, json!({"usage": script.dialect.openai_usage(&reply.tokens)}));
    }
    escape(&body)
}

/// The same, streamed.
pub(super) fn completion_stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let mut events = Vec::new();
    let pieces = reply.text.iter().map(|piece| (vec![piece.clone()], None));
    for (pieces, end) in pieces.chain([(Vec::new(), Some(reply))]) {
        events.extend(
            (0..ask.choices).map(|index| data(&legacy(ask, &json!([choice(ask, index, &pieces, end)])))),
        );
    }
    if ask.include_usage && !script.mute_usage {
        let mut last = legacy(ask, &json!([]));
        merge(&mut last, json!({"usage": script.dialect.openai_usage(&reply.tokens)}));
        events.push(data(&last));
    }
    Events { events, terminator: Bytes::from_static(b"data: [DONE]\n\n") }
}

fn choice(ask: &Ask, index: u64, pieces: &[String], end: Option<&Reply>) -> Value {
    let reason = end.map(|reply| if reply.finish == Finish::Length { "length" } else { "stop" });
    let told = (ask.logprobs && !pieces.is_empty())
        .then(|| json!({"tokens": pieces, "token_logprobs": vec![LOGPROB; pieces.len()]}));
    json!({"index": index, "text": pieces.concat(), "logprobs": told, "finish_reason": reason})
}

fn legacy(ask: &Ask, choices: &Value) -> Value {
    json!({"id": "cmpl-scripted", "object": "text_completion", "created": CREATED, "model": ask.model,
        "choices": choices, "x_scripted": {"kept": true}})
}

fn finished(script: &Script, ask: &Ask, reply: &Reply) -> Value {
    let status = if reply.finish == Finish::Length { "incomplete" } else { "completed" };
    let tokens = Some(&reply.tokens).filter(|_| !script.mute_usage);
    response(ask, status, &items(ask, reply), tokens)
}

fn items(ask: &Ask, reply: &Reply) -> Vec<Value> {
    let mut items = Vec::new();
    if !reply.reasoning.is_empty() {
        items.push(json!({"id": "rs_scripted", "type": "reasoning", "encrypted_content": "c2NyaXB0ZWQ=",
            "summary": [{"type": "summary_text", "text": reply.reasoning.concat()}]}));
    }
    let part = if let Some(refusal) = &reply.refusal {
        Some(json!({"type": "refusal", "refusal": refusal}))
    } else if reply.text.is_empty() {
        None
    } else {
        let text = reply.text.concat();
        let cited = reply.citation.iter().map(|title| {
            json!({"type": "url_citation", "start_index": 0, "end_index": text.chars().count(), "title": title,
                "url": "https://source.example/"})
        });
        Some(
            json!({"type": "output_text", "annotations": cited.collect::<Vec<_>>(), "logprobs": tokens(ask, &reply.text), "text": text}),
        )
    };
    if let Some(part) = part {
        items.push(
            json!({"id": "msg_scripted", "type": "message", "role": "assistant", "status": "completed",
            "content": [part]}),
        );
    }
    for call in &reply.calls {
        items.push(json!({"id": format!("fc_{}", call.id), "type": "function_call", "status": "completed",
            "call_id": call.id, "name": call.name, "arguments": call.arguments.to_string()}));
    }
    items
}

fn response(ask: &Ask, status: &str, output: &[Value], tokens: Option<&Tokens>) -> Value {
    let cut = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
    let mut body = json!({"id": ID, "object": "response", "created_at": CREATED, "status": status, "model": ask.model,
        "output": output, "error": null, "incomplete_details": cut, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
        "usage": tokens.map(usage), "x_scripted": {"kept": true}});
    if let Some(tier) = &ask.service_tier {
        merge(&mut body, json!({ "service_tier": tier }));
    }
    body
}

fn usage(tokens: &Tokens) -> Value {
    let input = tokens.input + tokens.cached + tokens.cache_write;
    json!({"input_tokens": input,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output, "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": input + tokens.output})
}

fn event(body: &Value) -> Bytes {
    let name = body["type"].as_str().unwrap_or_default();
    let mut bytes = format!("event: {name}\ndata: ").into_bytes();
    bytes.extend_from_slice(&escape(body));
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}

fn data(body: &Value) -> Bytes {
    let mut bytes = b"data: ".to_vec();
    bytes.extend_from_slice(&escape(body));
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}
