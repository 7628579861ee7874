//! Translated: a plain answer.

use serde::Deserialize;

use super::{
    error::{self, Inner},
    usage::RawUsage,
};
use crate::{
    chat::{self, Content, Finish, FinishReason, Part, Raw, Response},
    json,
    provider::{Unreadable, failure::failure},
};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Answer {
    r#type: String,
    id: Option<String>,
    model: Option<String>,
    content: Option<Vec<Block>>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
    usage: Option<RawUsage>,
    error: Option<Inner>,
}

/// More of why it ended.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct StopDetails {
    /// Of a refusal, for people.
    pub(super) explanation: Option<String>,
}

/// Any block; also the one that opens in a stream.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Block {
    pub(super) r#type: String,
    pub(super) text: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<Raw>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) data: Option<String>,
    pub(super) citations: Option<Vec<Raw>>,
}

pub(super) fn decode(body: &[u8]) -> Result<Response, Unreadable> {
    let mut scratch = Vec::new();
    let answer: Answer = json::parse(body, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
    if answer.r#type == "error" {
        let error = failure(&error::inside(answer.error.unwrap_or_default()));
        return Ok(Response { error: Some(error), ..Response::default() });
    }
    let Some(mut content) = answer.content else { return Err(Unreadable("it has no content".to_owned())) };
    let refusal = answer.stop_details.and_then(|details| details.explanation).map(Content::Refusal);
    let citations = content.iter_mut().filter_map(|block| block.citations.take()).flatten().collect();
    Ok(Response {
        id: answer.id,
        model: answer.model,
        answers: vec![chat::Answer {
            citations,
            parts: content.into_iter().filter_map(part).chain(refusal.map(Part::from)).collect(),
            finish: answer.stop_reason.map(|reason| finish(&reason, answer.stop_sequence)),
            ..chat::Answer::default()
        }],
        service_tier: answer.usage.as_ref().and_then(|usage| usage.service_tier.0),
        usage: answer.usage.map(|usage| usage.normalise()),
        error: None,
    })
}

/// What tools that Anthropic runs itself leave behind is passed over: they are not allowed.
fn part(block: Block) -> Option<Part> {
    let content = match block.r#type.as_str() {
        "text" => Content::Text(block.text?),
        "thinking" => {
            Content::Thinking { text: block.thinking.unwrap_or_default(), signature: block.signature }
        }
        "redacted_thinking" => Content::RedactedThinking(block.data?),
        "tool_use" => Content::ToolCall {
            id: block.id?,
            name: block.name?,
            arguments: block.input.map(|input| input.get().to_owned()).unwrap_or_default(),
        },
        _ => return None,
    };
    Some(content.into())
}

pub(super) fn finish(reason: &str, stop_sequence: Option<String>) -> Finish {
    let reason = match reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "stop_sequence" => FinishReason::StopSequence,
        "tool_use" => FinishReason::ToolCalls,
        "pause_turn" => FinishReason::Pause,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    };
    Finish { reason, stop_sequence }
}
