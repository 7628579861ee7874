//! A plain answer.

use serde::Deserialize;

use super::{tools::ANSWER, usage::RawUsage};
use crate::{
    chat::{Content, Finish, FinishReason, Part, Raw, Response},
    json,
    provider::{Unreadable, tier::Served},
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
    let mut content = output.message.content;
    let cited = content.iter_mut().filter_map(|block| block.citations_content.as_mut());
    let citations = cited.flat_map(|cited| std::mem::take(&mut cited.citations)).collect();
    let parts: Vec<Part> = content.into_iter().filter_map(part).map(Part::from).collect();
    let calls = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let stop_sequence = answer.additional_model_response_fields.unwrap_or_default().stop_sequence;
    Ok(Response {
        parts,
        finish: answer.stop_reason.map(|reason| finish(&reason, stop_sequence, calls)),
        usage: answer.usage.map(RawUsage::normalise),
        service_tier: answer.service_tier.0,
        citations,
        ..Response::default()
    })
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
