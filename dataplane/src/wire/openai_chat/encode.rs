//! Writes a plain answer.

use super::{finish_reason, usage};
use crate::{
    chat::{Content, FinishReason, Part, Response},
    json::{self, Object},
    wire::Meta,
};

pub(in crate::wire) fn encode(response: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut answer = Object::open(&mut out);
    answer
        .string("id", response.id.as_deref().unwrap_or(&meta.id))
        .string("object", "chat.completion")
        .number("created", meta.created)
        .string("model", &meta.model);
    let choices = answer.name("choices");
    choices.push(b'[');
    let mut choice = Object::open(choices);
    message(choice.number("index", 0).name("message"), &response.parts);
    let reason = response.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason);
    choice.raw("logprobs", "null").string("finish_reason", finish_reason(reason));
    choice.close();
    choices.push(b']');
    if let Some(counted) = &response.usage {
        usage(answer.name("usage"), counted);
    }
    answer.close();
    out
}

fn message(out: &mut Vec<u8>, parts: &[Part]) {
    let texts = |select: fn(&Content) -> Option<&str>| -> Option<String> {
        let mut texts = parts.iter().filter_map(|part| select(&part.content)).peekable();
        texts.peek()?;
        Some(texts.collect())
    };
    let content = texts(|content| match content {
        Content::Text(text) => Some(text),
        _ => None,
    });
    let refusal = texts(|content| match content {
        Content::Refusal(text) => Some(text),
        _ => None,
    });
    let thinking = texts(|content| match content {
        Content::Thinking { text, .. } => Some(text),
        _ => None,
    });
    let mut object = Object::open(out);
    object.string("role", "assistant");
    optional(&mut object, "content", content.as_deref());
    optional(&mut object, "refusal", refusal.as_deref());
    if let Some(thinking) = thinking {
        object.string("reasoning_content", &thinking);
    }
    let blocks = |part: &&Part| {
        matches!(part.content, Content::Thinking { signature: Some(_), .. } | Content::RedactedThinking(_))
    };
    if parts.iter().any(|part| blocks(&part)) {
        json::list(object.name("thinking_blocks"), parts.iter().filter(blocks), |out, part| {
            thinking_block(out, &part.content, None);
        });
    }
    let calls = |part: &&Part| matches!(part.content, Content::ToolCall { .. });
    if parts.iter().any(|part| calls(&part)) {
        json::list(object.name("tool_calls"), parts.iter().filter(calls), |out, part| {
            tool_call(out, &part.content);
        });
    }
    object.close();
}

fn optional(object: &mut Object<'_>, name: &str, text: Option<&str>) {
    match text {
        Some(text) => object.string(name, text),
        None => object.raw(name, "null"),
    };
}

/// A piece of thinking with what lets it be sent back: not in `OpenAI`'s format, whose clients pass it over.
pub(super) fn thinking_block(out: &mut Vec<u8>, content: &Content, index: Option<usize>) {
    let mut block = Object::open(out);
    if let Some(index) = index {
        block.number("index", index);
    }
    match content {
        Content::Thinking { text, signature } => {
            block.string("type", "thinking").string("thinking", text);
            if let Some(signature) = signature {
                block.string("signature", signature);
            }
        }
        Content::RedactedThinking(data) => {
            block.string("type", "redacted_thinking").string("data", data);
        }
        _ => {}
    }
    block.close();
}

fn tool_call(out: &mut Vec<u8>, content: &Content) {
    if let Content::ToolCall { id, name, arguments } = content {
        let mut call = Object::open(out);
        let mut function = Object::open(call.string("id", id).string("type", "function").name("function"));
        function.string("name", name);
        function.string("arguments", if arguments.trim().is_empty() { "{}" } else { arguments });
        function.close();
        call.close();
    }
}
