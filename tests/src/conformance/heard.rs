//! What reached a provider, read from its own format into one that compares.

mod chat;
mod converse;
mod gemini;
mod messages;
mod ollama;
mod responses;

use serde_json::Value;

/// A provider's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the formats' own names")]
pub enum Format {
    Chat,
    Completions,
    Responses,
    Messages,
    Converse,
    Gemini,
    Ollama,
}

/// A request, as its provider understands it. What was not said is empty.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub struct Heard {
    /// The kind of provider that heard it.
    pub at: &'static str,
    /// What the model thought must come back with this, by which the double signs it.
    pub signs: Option<&'static str>,
    pub system: Vec<String>,
    pub turns: Vec<Turn>,
    pub tools: Vec<String>,
    /// `auto`, `required`, `none`, or the tool's name.
    pub choice: Option<String>,
    /// Several calls in one answer.
    pub parallel: Option<bool>,
    /// Names of the properties of the schema that the answer must have.
    pub schema: Option<Vec<String>>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub choices: Option<u64>,
    /// Presence and frequency.
    pub penalties: Option<(f64, f64)>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<f64>,
    pub max_tokens: Option<u64>,
    pub logprobs: bool,
    pub tier: Option<String>,
    /// How much to think: a word, or a budget in tokens.
    pub effort: Option<String>,
    /// Marks up to which the prompt may be cached.
    pub cache_marks: usize,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The model spoke.
    pub model: bool,
    /// In order.
    pub said: Vec<Said>,
}

/// A piece of a turn.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Said {
    Text(String),
    /// Media type and base64, or an address.
    Image(String),
    Document(String),
    Audio(String),
    Call {
        id: String,
        name: String,
        arguments: Value,
        signature: Option<String>,
    },
    Result {
        id: String,
        text: String,
        failed: bool,
    },
    Thinking {
        text: String,
        signature: Option<String>,
    },
    Refusal(String),
}

impl Format {
    /// By the path that was asked.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        let by_end = [
            ("/chat/completions", Self::Chat),
            ("/completions", Self::Completions),
            ("/responses", Self::Responses),
            ("/messages", Self::Messages),
            ("/converse", Self::Converse),
            ("/converse-stream", Self::Converse),
            (":generateContent", Self::Gemini),
            (":streamGenerateContent", Self::Gemini),
            ("/api/chat", Self::Ollama),
        ];
        by_end.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, format)| format)
    }

    /// Reads a request.
    pub fn read(self, body: &Value) -> Heard {
        match self {
            Self::Chat | Self::Completions => chat::read(body),
            Self::Responses => responses::read(body),
            Self::Messages => messages::read(body),
            Self::Converse => converse::read(body),
            Self::Gemini => gemini::read(body),
            Self::Ollama => ollama::read(body),
        }
    }
}

impl Heard {
    /// Every piece of every turn.
    pub fn said(&self) -> impl Iterator<Item = &Said> {
        self.turns.iter().flat_map(|turn| &turn.said)
    }

    fn turn(&mut self, model: bool, said: Vec<Said>) {
        if !said.is_empty() {
            self.turns.push(Turn { model, said });
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Text alone, or pieces of which each may have one.
fn texts(content: &Value) -> String {
    content
        .as_str()
        .map_or_else(|| list(content).iter().map(|part| text(&part["text"])).collect(), str::to_owned)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_str().map_or_else(|| list(value).iter().filter_map(word).collect(), |one| vec![one.to_owned()])
}

fn properties(schema: &Value) -> Option<Vec<String>> {
    Some(schema["properties"].as_object()?.keys().cloned().collect())
}

/// How often a member of this name stands anywhere inside.
fn count(value: &Value, name: &str) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| count(item, name)).sum(),
        Value::Object(members) => {
            members.iter().map(|(key, inner)| usize::from(key == name) + count(inner, name)).sum()
        }
        _ => 0,
    }
}

/// `data:image/png;base64,…` as media type and base64.
fn data_url(url: &str) -> String {
    url.strip_prefix("data:").map_or_else(|| url.to_owned(), |rest| rest.replace(";base64,", " "))
}
