//! What a client was told, read from its own format into one that compares; whole or streamed.

mod chat;
mod gemini;
mod messages;
mod responses;

use anyhow::{Context, bail};
use serde_json::Value;

use super::wire::Wire;
use crate::harness::Answer;
use crate::scripted::Tokens;

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub struct Told {
    pub text: String,
    pub thinking: String,
    pub signature: Option<String>,
    /// Name and arguments.
    pub calls: Vec<(String, Value)>,
    pub refusal: Option<String>,
    /// Titles of sources.
    pub citations: Vec<String>,
    pub finish: Option<Finish>,
    pub tokens: Option<Tokens>,
    pub choices: usize,
    /// The text of all answers but the first.
    pub others: String,
    /// Of the first answer's tokens.
    pub logprobs: Vec<f64>,
    pub tier: Option<String>,
    /// Events with text; none of a whole answer.
    pub pieces: usize,
    /// An error in the midst of a stream.
    pub error: Option<String>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Finish {
    Done,
    Length,
    Calls,
    Declined,
    Other(String),
}

/// Reads an answer with status 200.
pub fn read(wire: Wire, answer: &Answer, stream: bool) -> anyhow::Result<Told> {
    let bodies = bodies(answer, stream)?;
    let mut told = match wire {
        Wire::Chat => chat::read(&bodies, stream),
        Wire::Completions => chat::read_legacy(&bodies, stream),
        Wire::Responses => responses::read(&bodies, stream)?,
        Wire::Messages => messages::read(&bodies, stream)?,
        Wire::Gemini => gemini::read(&bodies),
    };
    if !stream {
        told.pieces = 0;
    }
    let ended = answer.text().trim_end().ends_with("data: [DONE]");
    if stream && told.error.is_none() && matches!(wire, Wire::Chat | Wire::Completions) && !ended {
        bail!("no [DONE] at the end");
    }
    Ok(told)
}

/// One body, or the events of a stream.
pub(super) fn bodies(answer: &Answer, stream: bool) -> anyhow::Result<Vec<Value>> {
    if stream {
        let kind = answer.header("content-type");
        anyhow::ensure!(kind.starts_with("text/event-stream"), "content type {kind}");
        let text = answer.text().replace("\r\n", "\n");
        crate::harness::events(&text)
            .into_iter()
            .filter(|event| event.data != "[DONE]")
            .map(|event| serde_json::from_str(&event.data).with_context(|| event.data.clone()))
            .collect()
    } else {
        Ok(vec![answer.json()?])
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Of each token in a list.
fn logprobs<'a>(tokens: &'a Value, name: &'a str) -> impl Iterator<Item = f64> + 'a {
    list(tokens).iter().filter_map(move |token| token[name].as_f64())
}

/// Arguments that came as text.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(format!("no JSON: {text}")))
}
