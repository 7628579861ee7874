//! What clients speak, and what a plain question is in it.

use serde_json::{Value, json};

/// A format that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the formats' own names")]
pub enum Wire {
    Chat,
    Responses,
    Messages,
    Gemini,
    Completions,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Completions];

    /// Short, for names.
    pub fn id(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Completions => "completions",
        }
    }

    /// Its endpoint.
    pub fn title(self) -> &'static str {
        match self {
            Self::Chat => "OpenAI chat completions (`/v1/chat/completions`)",
            Self::Responses => "OpenAI responses (`/v1/responses`)",
            Self::Messages => "Anthropic messages (`/v1/messages`)",
            Self::Gemini => "Gemini (`generateContent`, `streamGenerateContent`)",
            Self::Completions => "OpenAI's legacy completions (`/v1/completions`)",
        }
    }

    /// Where a model is asked.
    pub fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".into(),
            Self::Responses => "/v1/responses".into(),
            Self::Messages => "/v1/messages".into(),
            Self::Completions => "/v1/completions".into(),
            Self::Gemini if stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Self::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    /// A question of one message, with further members.
    pub fn request(self, model: &str, text: &str, stream: bool, more: Value) -> Value {
        let mut body = match self {
            Self::Gemini => json!({}),
            Self::Messages => json!({"model": model, "max_tokens": 2048}),
            _ => json!({ "model": model }),
        };
        let (member, said) = self.user(text);
        body[member] = said;
        if stream && self != Self::Gemini {
            body["stream"] = json!(true);
            if matches!(self, Self::Chat | Self::Completions) {
                body["stream_options"] = json!({"include_usage": true});
            }
        }
        merge(&mut body, more);
        body
    }

    /// The member that holds what is said, and a user's text in it.
    fn user(self, text: &str) -> (&'static str, Value) {
        match self {
            Self::Chat | Self::Messages => ("messages", json!([{"role": "user", "content": text}])),
            Self::Responses => ("input", json!(text)),
            Self::Completions => ("prompt", json!(text)),
            Self::Gemini => ("contents", json!([{"role": "user", "parts": [{"text": text}]}])),
        }
    }
}

/// Objects are merged, everything else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
