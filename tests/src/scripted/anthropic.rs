//! Answers on Anthropic's messages wire.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::openai::halves;
use super::reply::{Finish, Reply};
use super::script::Script;
use super::usage::{anthropic_error, anthropic_usage, merge};
use super::wire::{Events, escape};

const ID: &str = "msg_scripted";
const SIGNATURE: &str = "c2NyaXB0ZWQ=";

/// The body of a plain answer.
pub(super) fn plain(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    let mut content = Vec::new();
    if !reply.reasoning.is_empty() {
        content
            .push(json!({"type": "thinking", "thinking": reply.reasoning.concat(), "signature": SIGNATURE}));
    }
    if !reply.text.is_empty() {
        let mut block = json!({"type": "text", "text": reply.text.concat()});
        if let Some(title) = &reply.citation {
            merge(&mut block, json!({"citations": [citation(title)]}));
        }
        content.push(block);
    }
    if let Some(refusal) = &reply.refusal {
        content.push(json!({"type": "text", "text": refusal}));
    }
    for call in &reply.calls {
        content.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}));
    }
    let (reason, sequence) = finish(reply);
    let mut body = message(ask, &json!(content));
    merge(&mut body, json!({"stop_reason": reason, "stop_sequence": sequence}));
    if !script.mute_usage {
        merge(&mut body, json!({"usage": anthropic_usage(&reply.tokens)}));
    }
    escape(&body)
}

/// The events of a streamed answer.
pub(super) fn stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let mut usage = anthropic_usage(&reply.tokens);
    // The first count of output is small; the one in `message_delta` is cumulative and replaces it.
    merge(&mut usage, json!({"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 0}}));
    let mut start = message(ask, &json!([]));
    merge(&mut start, json!({"stop_reason": null, "stop_sequence": null}));
    if !script.mute_usage {
        merge(&mut start, json!({ "usage": usage }));
    }
    let mut events = vec![
        event("message_start", &json!({"type": "message_start", "message": start})),
        event("ping", &json!({"type": "ping"})),
    ];
    let mut index = 0;
    let mut block = |open: Value, deltas: Vec<Value>| {
        let start = json!({"type": "content_block_start", "index": index, "content_block": open});
        events.push(event("content_block_start", &start));
        for delta in deltas {
            let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
            events.push(event("content_block_delta", &delta));
        }
        let stop = json!({"type": "content_block_stop", "index": index});
        events.push(event("content_block_stop", &stop));
        index += 1;
    };
    if !reply.reasoning.is_empty() {
        let mut deltas = each(&reply.reasoning, "thinking_delta", "thinking");
        deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
        block(json!({"type": "thinking", "thinking": "", "signature": ""}), deltas);
    }
    if !reply.text.is_empty() {
        let mut deltas = each(&reply.text, "text_delta", "text");
        if let Some(title) = &reply.citation {
            deltas.push(json!({"type": "citations_delta", "citation": citation(title)}));
        }
        block(json!({"type": "text", "text": ""}), deltas);
    }
    if let Some(refusal) = &reply.refusal {
        block(json!({"type": "text", "text": ""}), each(&[refusal], "text_delta", "text"));
    }
    for call in &reply.calls {
        let arguments = call.arguments.to_string();
        let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
        deltas.extend(each(&halves(&arguments), "input_json_delta", "partial_json"));
        block(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}), deltas);
    }
    let (reason, sequence) = finish(reply);
    let mut end =
        json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence}});
    if !script.mute_usage {
        let tokens = &reply.tokens;
        merge(
            &mut end,
            json!({"usage": {"output_tokens": tokens.output,
                "output_tokens_details": {"thinking_tokens": tokens.reasoning}}}),
        );
    }
    events.push(event("message_delta", &end));
    Events { events, terminator: event("message_stop", &json!({"type": "message_stop"})) }
}

/// An error inside a stream.
pub(super) fn error_event(message: &str) -> Bytes {
    event("error", &anthropic_error(529, message))
}

/// `count_tokens`.
pub(super) fn count(ask: &Ask) -> Bytes {
    escape(&json!({"input_tokens": ask.prompt_tokens}))
}

/// `GET /models`, as Anthropic lists them.
pub(super) fn models(names: &[String]) -> Bytes {
    let list: Vec<Value> = names.iter().map(|name| model(name)).collect();
    escape(&json!({"data": list, "has_more": false, "first_id": names.first(), "last_id": names.last()}))
}

/// One entry of it.
pub(super) fn model(name: &str) -> Value {
    json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"})
}

fn message(ask: &Ask, content: &Value) -> Value {
    // `x_scripted` is a field that nobody knows: it has to survive.
    json!({"id": ID, "type": "message", "role": "assistant", "model": ask.model, "content": content,
        "x_scripted": {"kept": true}})
}

fn each<S: AsRef<str>>(pieces: &[S], kind: &str, key: &str) -> Vec<Value> {
    pieces.iter().map(|piece| json!({"type": kind, key: piece.as_ref()})).collect()
}

fn citation(title: &str) -> Value {
    json!({"type": "web_search_result_location", "cited_text": "said so", "title": title,
        "url": "https://source.example/", "encrypted_index": "c2NyaXB0ZWQ="})
}

fn finish(reply: &Reply) -> (&str, Option<&str>) {
    match &reply.finish {
        Finish::Done => ("end_turn", None),
        Finish::Refused => ("refusal", None),
        Finish::Length => ("max_tokens", None),
        Finish::Stop(sequence) => ("stop_sequence", Some(sequence)),
        Finish::Calls => ("tool_use", None),
        Finish::Verbatim(words) => (words, None),
    }
}

fn event(name: &str, body: &Value) -> Bytes {
    let mut bytes = format!("event: {name}\ndata: ").into_bytes();
    bytes.extend_from_slice(&escape(body));
    bytes.extend_from_slice(b"\n\n");
    bytes.into()
}
