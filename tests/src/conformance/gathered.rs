//! A whole answer from a stream, put together as clients do it who send it back in the next turn.

use serde_json::{Value, json};

use super::wire::Wire;

/// The answer as if it had not been streamed, as far as the next turn needs it.
pub(super) fn whole(wire: Wire, bodies: &[Value]) -> Value {
    match wire {
        Wire::Chat => chat(bodies),
        Wire::Messages => messages(bodies),
        Wire::Gemini => {
            let parts = bodies.iter().flat_map(|body| list(&body["candidates"][0]["content"]["parts"]));
            json!({"candidates": [{"content": {"role": "model", "parts": parts.collect::<Vec<_>>()}}]})
        }
        Wire::Responses | Wire::Completions => {
            bodies.last().map(|last| last["response"].clone()).unwrap_or_default()
        }
    }
}

/// Texts grow, lists grow, calls are found by their index.
fn chat(bodies: &[Value]) -> Value {
    let mut message = json!({"role": "assistant"});
    for delta in bodies.iter().map(|body| &body["choices"][0]["delta"]) {
        for name in ["content", "reasoning_content", "reasoning", "refusal"] {
            append(&mut message[name], &delta[name]);
        }
        extend(&mut message["reasoning_details"], list(&delta["reasoning_details"]));
        for piece in list(&delta["tool_calls"]) {
            let calls = &mut message["tool_calls"];
            if piece["id"].is_string() {
                let mut call = piece.clone();
                call.as_object_mut().map(|call| call.remove("index"));
                extend(calls, &[call]);
            } else if let Some(call) =
                piece["index"].as_u64().and_then(|index| calls.get_mut(usize::try_from(index).ok()?))
            {
                append(&mut call["function"]["arguments"], &piece["function"]["arguments"]);
            }
        }
    }
    if let Value::Object(members) = &mut message {
        members.retain(|name, value| name == "content" || !value.is_null());
    }
    json!({"choices": [{ "message": message }]})
}

fn messages(bodies: &[Value]) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    for body in bodies {
        if body["type"] == "content_block_start" {
            blocks.push(body["content_block"].clone());
        }
        let Some(block) = blocks.last_mut().filter(|_| body["type"] == "content_block_delta") else {
            continue;
        };
        let delta = &body["delta"];
        for name in ["text", "thinking", "signature"] {
            append(&mut block[name], &delta[name]);
        }
        append(&mut block["pieces"], &delta["partial_json"]);
    }
    for block in &mut blocks {
        let Some(members) = block.as_object_mut() else { continue };
        if let Some(Value::String(pieces)) = members.remove("pieces") {
            members.insert("input".into(), serde_json::from_str(&pieces).unwrap_or_default());
        }
        members.retain(|_, value| !value.is_null());
    }
    json!({ "content": blocks })
}

fn append(to: &mut Value, piece: &Value) {
    if let Some(piece) = piece.as_str() {
        *to = Value::String(to.as_str().unwrap_or_default().to_owned() + piece);
    }
}

fn extend(to: &mut Value, more: &[Value]) {
    if !more.is_empty() {
        *to = list(to).iter().chain(more).cloned().collect();
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
