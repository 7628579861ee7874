//! Translated: a plain answer.

use serde::Deserialize;

use super::{Dialect, error, logprobs, usage::RawUsage};
use crate::{
    chat::{self, Content, Detail, ExtraContent, Finish, FinishReason, Part, Raw, Response},
    json,
    provider::{Unreadable, failure::failure, ids, openai_compatible::text::Text, tier::Served},
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
    index: Option<u32>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Raw>,
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
    let mut choices = answer.choices.unwrap_or_default();
    // By their order where they have no numbers.
    choices.sort_by_key(|choice| choice.index.unwrap_or_default());
    let mut reasons = choices.iter().filter_map(|choice| choice.finish_reason.as_deref());
    let error = answer.error.as_ref().and_then(error::inside).or_else(|| reasons.find_map(error::gave_up));
    let error = error.map(|error| failure(&error));
    if choices.is_empty() && error.is_none() {
        return Err(Unreadable("it has no choices".to_owned()));
    }
    let id = answer.id.as_deref().unwrap_or_default();
    Ok(Response {
        answers: (0..).zip(choices).map(|(number, choice)| said(choice, id, number)).collect(),
        usage: answer.usage.map(|usage| usage.normalise(dialect)),
        service_tier: answer.service_tier.0,
        error,
        model: answer.model,
        id: answer.id,
    })
}

fn said(choice: Choice, id: &str, number: u32) -> chat::Answer {
    let mut message = choice.message.unwrap_or_default();
    let citations = message.annotations.take().unwrap_or_default();
    let parts = parts(message, id, number);
    let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    chat::Answer {
        finish: choice.finish_reason.as_deref().map(|reason| finish(reason, called)),
        logprobs: logprobs::read(choice.logprobs.as_ref()),
        parts,
        citations,
    }
}

fn parts(message: Message, id: &str, number: u32) -> Vec<Part> {
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
        let id =
            call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| ids::made(id.as_bytes(), number, index));
        let arguments = call.function.arguments.take().unwrap_or_default();
        let content = Content::ToolCall { id, name: call.function.name, arguments };
        let signature = call.extra_content.and_then(ExtraContent::signature);
        parts.push(Part { signature, ..content.into() });
    }
    parts
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
