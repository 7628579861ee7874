//! Requests that tests begin from.

use serde_json::{Value, json};

/// A one-message chat request.
pub fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// A one-message messages request.
pub fn message(model: &str, text: &str) -> Value {
    json!({"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": text}]})
}

/// The same, streamed.
pub fn streamed(request: Value) -> Value {
    with(request, json!({"stream": true}))
}

/// The same with further members, or others in their place.
pub fn with(mut request: Value, members: Value) -> Value {
    if let (Value::Object(request), Value::Object(members)) = (&mut request, members) {
        request.extend(members);
    }
    request
}

/// The text of a streamed answer, on either wire.
pub fn text(events: &[super::Event]) -> String {
    let piece = |event: &super::Event| {
        let body = event.json();
        let text = body["choices"][0]["delta"]["content"].as_str().or(body["delta"]["text"].as_str());
        text.map(str::to_owned)
    };
    events.iter().filter_map(piece).collect()
}
