//! A plain answer.

use serde::Deserialize;

use super::{error, tools::ANSWER, usage::RawUsage};
use crate::{
    chat::{self, Content, Finish, FinishReason, Part, Raw, Response},
    json,
    provider::{Unreadable, UpstreamError, failure::failure, tier::Served},
};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    output: Option<Output>,
    stop_reason: Option<String>,
    usage: Option<RawUsage>,
    service_tier: Served,
    additional_model_response_fields: Option<Additional>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    message: Message,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Vec<Block>,
}

/// One member is set.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Block {
    text: Option<String>,
    tool_use: Option<ToolUse>,
    reasoning_content: Option<Reasoning>,
    citations_content: Option<Cited>,
}

/// Also what opens a call in a stream, without its input.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ToolUse {
    #[serde(rename = "toolUseId")]
    pub(super) id: String,
    pub(super) name: String,
    pub(super) input: Option<Raw>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reasoning {
    reasoning_text: Option<ReasoningText>,
    redacted_content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReasoningText {
    text: String,
    signature: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cited {
    content: Vec<CitedText>,
    citations: Vec<Raw>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CitedText {
    text: Option<String>,
}

/// What was asked for of the model's own answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Additional {
    pub(super) stop_sequence: Option<String>,
}

pub(super) fn decode(body: &[u8]) -> Result<Response, Unreadable> {
    let mut scratch = Vec::new();
    let answer: Answer = json::parse(body, &mut scratch).map_err(|error| Unreadable(error.to_string()))?;
    let Some(output) = answer.output else { return Err(Unreadable("it has no output".to_owned())) };
    let mut content = answered(output.message.content);
    let cited = content.iter_mut().filter_map(|block| block.citations_content.as_mut());
    let citations = cited.flat_map(|cited| std::mem::take(&mut cited.citations)).collect();
    let mut parts: Vec<Part> = content.into_iter().filter_map(part).map(Part::from).collect();
    let calls = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let stop_sequence = answer.additional_model_response_fields.unwrap_or_default().stop_sequence;
    let reason = answer.stop_reason.as_deref().unwrap_or_default();
    let silent = if parts.iter().any(says) { None } else { silence(reason) };
    if let Some(Silence::Refusal(words)) = &silent {
        parts.push(Content::Refusal(words.clone()).into());
    }
    Ok(Response {
        answers: vec![chat::Answer {
            parts,
            finish: answer.stop_reason.map(|reason| finish(&reason, stop_sequence, calls)),
            citations,
            ..chat::Answer::default()
        }],
        usage: answer.usage.map(RawUsage::normalise),
        service_tier: answer.service_tier.0,
        error: match silent {
            Some(Silence::Error(error)) => Some(failure(&error)),
            _ => None,
        },
        ..Response::default()
    })
}

/// What the client gets where [`ANSWER`] was called first: its input, the first time, and no words beside it. Where
/// another tool was called first, the words stand, and an answer that did not wait for the result is none.
fn answered(mut blocks: Vec<Block>) -> Vec<Block> {
    let called = |block: &Block| block.tool_use.as_ref().map(|call| call.name == ANSWER);
    let first = blocks.iter().position(|block| called(block).is_some());
    let answer = first.filter(|at| blocks.get(*at).and_then(called) == Some(true));
    let mut at = 0..;
    blocks.retain(|block| {
        let is_first = at.next() == first;
        match called(block) {
            Some(is_answer) => is_first || !is_answer,
            None => answer.is_none() || block.reasoning_content.is_some(),
        }
    });
    blocks
}

/// Something for the client.
fn says(part: &Part) -> bool {
    match &part.content {
        Content::Text(text) => !text.is_empty(),
        Content::ToolCall { .. } => true,
        _ => false,
    }
}

/// What stands in place of an answer that has nothing in it.
pub(super) enum Silence {
    /// A request can bring it about (by asking for calls that there are no tools for): an answer like others, which
    /// counts, is not asked for again, and says nothing of the provider's health.
    Refusal(String),
    /// The client would take an empty answer for the model's last word.
    Error(UpstreamError),
}

/// `reason`: why an answer ended in which nothing was said. None where that may be.
pub(super) fn silence(reason: &str) -> Option<Silence> {
    match reason {
        "malformed_tool_use" => {
            Some(Silence::Refusal(format!("The model gave up without an answer ({reason}).")))
        }
        "malformed_model_output" => Some(Silence::Error(error::gave_up(reason))),
        _ => None,
    }
}

fn part(block: Block) -> Option<Content> {
    if let Some(text) = block.text {
        return Some(Content::Text(text));
    }
    if let Some(call) = block.tool_use {
        let arguments = call.input.map(|input| input.get().to_owned()).unwrap_or_default();
        return Some(if call.name == ANSWER {
            Content::Text(arguments)
        } else {
            Content::ToolCall { id: call.id, name: call.name, arguments }
        });
    }
    if let Some(cited) = block.citations_content {
        return Some(Content::Text(cited.content.into_iter().filter_map(|piece| piece.text).collect()));
    }
    let reasoning = block.reasoning_content?;
    match (reasoning.reasoning_text, reasoning.redacted_content) {
        (Some(thought), _) => Some(Content::Thinking { text: thought.text, signature: thought.signature }),
        (None, Some(data)) => Some(Content::RedactedThinking(data)),
        (None, None) => None,
    }
}

/// `calls`: the client has tools to call, and not just [`ANSWER`] was.
pub(super) fn finish(reason: &str, stop_sequence: Option<String>, calls: bool) -> Finish {
    let reason = match reason {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "stop_sequence" => FinishReason::StopSequence,
        "tool_use" if calls => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" | "refusal" => FinishReason::ContentFilter,
        "malformed_model_output" | "malformed_tool_use" => FinishReason::Error,
        _ => FinishReason::Stop,
    };
    Finish { reason, stop_sequence }
}
