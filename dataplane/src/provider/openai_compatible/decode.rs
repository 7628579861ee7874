//! Translated: a plain answer.

use serde::Deserialize;

use super::{Dialect, error, usage::RawUsage};
use crate::{
    chat::{Content, Detail, ExtraContent, Finish, FinishReason, Part, Raw, Response},
    json,
    provider::{Unreadable, failure::failure, openai_compatible::text::Text, tier::Served},
};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<RawUsage>,
    #[serde(default)]
    service_tier: Served,
    #[serde(default)]
    error: Option<Raw>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Message {
    content: Text,
    refusal: Text,
    reasoning_content: Text,
    /// `OpenRouter`, Ollama and newer vLLM.
    reasoning: Text,
    reasoning_details: Option<Vec<Detail>>,
    tool_calls: Option<Vec<Call>>,
    annotations: Option<Vec<Raw>>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Option<String>,
    function: Function,
    #[serde(default)]
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Text,
}

pub(super) fn decode(dialect: &Dialect, body: &[u8]) -> Result<Response, Unreadable> {
    let mut scratch = Vec::new();
    let answer: Answer = json::parse(body, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
    let choice = answer.choices.and_then(|choices| choices.into_iter().next());
    let reason = choice.as_ref().and_then(|choice| choice.finish_reason.as_deref());
    let error = answer.error.as_ref().and_then(error::inside).or_else(|| reason.and_then(error::gave_up));
    let error = error.map(|error| failure(&error));
    let Some(choice) = choice else {
        return match error {
            Some(error) => {
                Ok(Response { id: answer.id, model: answer.model, error: Some(error), ..Response::default() })
            }
            None => Err(Unreadable("it has no choices".to_owned())),
        };
    };
    let mut message = choice.message.unwrap_or_default();
    let citations = message.annotations.take().unwrap_or_default();
    let id = answer.id.as_deref().unwrap_or_default();
    let parts = parts(message, id);
    let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    Ok(Response {
        finish: choice.finish_reason.as_deref().map(|reason| finish(reason, called)),
        parts,
        citations,
        usage: answer.usage.map(|usage| usage.normalise(dialect)),
        service_tier: answer.service_tier.0,
        error,
        id: answer.id,
        model: answer.model,
    })
}

fn parts(message: Message, answer: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let details = message.reasoning_details.into_iter().flatten().filter_map(Detail::content);
    parts.extend(details.map(Part::from));
    let thought = parts.iter().any(|part| matches!(part.content, Content::Thinking { .. }));
    let thinking = message.reasoning_content.take().or(message.reasoning.take());
    if let Some(text) = thinking.filter(|_| !thought) {
        parts.insert(0, Content::Thinking { text, signature: None }.into());
    }
    parts.extend(message.content.take().map(|text| Content::Text(text).into()));
    parts.extend(message.refusal.take().map(|text| Content::Refusal(text).into()));
    for (index, call) in message.tool_calls.into_iter().flatten().enumerate() {
        let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| made_id(answer, index));
        let arguments = call.function.arguments.take().unwrap_or_default();
        let content = Content::ToolCall { id, name: call.function.name, arguments };
        let signature = call.extra_content.and_then(ExtraContent::signature);
        parts.push(Part { signature, ..content.into() });
    }
    parts
}

/// An id for a tool call that came without one: unique across the turns of a conversation.
pub(super) fn made_id(answer: &str, index: usize) -> String {
    format!("call_{:08x}_{index}", crc32fast::hash(answer.as_bytes()))
}

/// Why it ended, in our words. Some providers say `stop` although tools are to be called.
pub(super) fn finish(reason: &str, called: bool) -> Finish {
    let reason = match reason {
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" | "violation" => FinishReason::ContentFilter,
        // `OpenRouter`, `DeepSeek`.
        "error" | "insufficient_system_resource" => FinishReason::Error,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    };
    reason.into()
}
