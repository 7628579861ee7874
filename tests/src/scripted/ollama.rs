//! Answers on Ollama's own wire.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::reply::{Finish, Reply};
use super::script::Script;
use super::usage::merge;
use super::wire::{Events, escape};

/// The body of a plain answer.
pub(super) fn plain(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    let mut message = said(&(reply.text.concat() + reply.refusal.as_deref().unwrap_or_default()));
    if !reply.reasoning.is_empty() {
        merge(&mut message, json!({"thinking": reply.reasoning.concat()}));
    }
    merge(&mut message, calls(reply));
    escape(&last(script, ask, reply, &message))
}

/// The lines of a streamed answer. Calls come whole; the last line counts.
pub(super) fn stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let mut messages: Vec<Value> = Vec::new();
    for piece in &reply.reasoning {
        let mut message = said("");
        merge(&mut message, json!({ "thinking": piece }));
        messages.push(message);
    }
    messages.extend(reply.text.iter().chain(&reply.refusal).map(|piece| said(piece)));
    if !reply.calls.is_empty() {
        let mut message = said("");
        merge(&mut message, calls(reply));
        messages.push(message);
    }
    let mut events: Vec<Bytes> =
        messages.into_iter().map(|message| line(&envelope(ask, &message, false))).collect();
    events.push(line(&last(script, ask, reply, &said(""))));
    Events { events, terminator: Bytes::new() }
}

/// An error inside a stream.
pub(super) fn error_line(message: &str) -> Bytes {
    line(&error(message))
}

/// The body of an error answer.
pub(super) fn error(message: &str) -> Value {
    json!({ "error": message })
}

fn said(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// The member, where there are any. They have no ids, as in all releases but the newest.
fn calls(reply: &Reply) -> Value {
    let calls: Vec<Value> = reply
        .calls
        .iter()
        .enumerate()
        .map(|(index, call)| json!({"function": {"index": index, "name": call.name, "arguments": call.arguments}}))
        .collect();
    if calls.is_empty() { json!({}) } else { json!({ "tool_calls": calls }) }
}

fn envelope(ask: &Ask, message: &Value, done: bool) -> Value {
    json!({"model": ask.model, "created_at": "2023-11-14T22:13:20.123456789Z", "message": message, "done": done,
        "x_scripted": {"kept": true}})
}

fn last(script: &Script, ask: &Ask, reply: &Reply, message: &Value) -> Value {
    let mut body = envelope(ask, message, true);
    let reason = match &reply.finish {
        // It says the same for a call.
        Finish::Done | Finish::Stop(_) | Finish::Calls | Finish::Refused => "stop",
        Finish::Length => "length",
        Finish::Verbatim(words) => words,
    };
    merge(&mut body, json!({"done_reason": reason, "total_duration": 5_000_000, "load_duration": 1_000_000}));
    if !script.mute_usage {
        let tokens = &reply.tokens;
        let prompt = tokens.input + tokens.cached + tokens.cache_write;
        // What is nothing is left out.
        for (name, count) in [("prompt_eval_count", prompt), ("eval_count", tokens.output)] {
            if count > 0 {
                merge(&mut body, json!({ name: count }));
            }
        }
    }
    body
}

fn line(body: &Value) -> Bytes {
    let mut bytes = escape(body).to_vec();
    bytes.push(b'\n');
    bytes.into()
}
