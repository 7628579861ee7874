//! An answer, and each line of a stream, which has the same form.

use serde::Deserialize;

use super::usage::RawUsage;
use crate::{
    chat::{Content, Finish, FinishReason, Raw},
    json,
    provider::{Unreadable, UpstreamError, count::Count, ids, openai_compatible::error_inside},
    usage::Usage,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) model: Option<String>,
    /// To the nanosecond.
    pub(super) created_at: Option<String>,
    pub(super) message: Option<Message>,
    /// It is the last line.
    pub(super) done: Option<bool>,
    pub(super) done_reason: Option<String>,
    prompt_eval_count: Option<Count>,
    eval_count: Option<Count>,
    error: Option<Raw>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call {
    /// Of newer releases.
    id: Option<String>,
    function: Function,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function {
    name: String,
    arguments: Option<Raw>,
}

/// Reads it.
pub(super) fn read(data: &[u8]) -> Result<Answer, Unreadable> {
    let mut scratch = Vec::new();
    json::parse(data, &mut scratch).map_err(|error| Unreadable(error.to_string()))
}

impl Answer {
    /// What went wrong: the whole answer, or the line, then says nothing else.
    pub(super) fn error(&self) -> Option<UpstreamError> {
        error_inside(self.error.as_ref()?.get())
    }

    /// The provider's count.
    pub(super) fn usage(&self) -> Option<Usage> {
        RawUsage { prompt: self.prompt_eval_count, output: self.eval_count }.normalise()
    }
}

impl Message {
    /// What it says, in its order. Calls come whole; one without an id gets its own from `answer` and how many there were
    /// before.
    pub(super) fn contents(self, answer: &str, before: usize) -> Vec<Content> {
        let mut contents = Vec::new();
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        contents.extend(some(self.thinking).map(|text| Content::Thinking { text, signature: None }));
        contents.extend(some(self.content).map(Content::Text));
        for (index, call) in self.tool_calls.into_iter().flatten().enumerate() {
            let id = some(call.id).unwrap_or_else(|| ids::made(answer.as_bytes(), 0, before + index));
            contents.push(Content::ToolCall {
                id,
                name: call.function.name,
                arguments: arguments(call.function.arguments),
            });
        }
        contents
    }
}

/// An object, or the text of one.
fn arguments(raw: Option<Raw>) -> String {
    match raw {
        Some(raw) if raw.is_object() => raw.get().to_owned(),
        Some(raw) => raw.read::<String>().unwrap_or_default(),
        None => String::new(),
    }
}

/// Why it ended. Ollama says `stop` where tools are to be called.
pub(super) fn finish(reason: Option<&str>, called: bool) -> Finish {
    match reason {
        Some("length") => FinishReason::Length,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
    .into()
}
