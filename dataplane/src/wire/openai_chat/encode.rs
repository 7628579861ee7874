//! Writes a plain answer.

use std::borrow::Cow;

use super::finish_reason;
use crate::{
    chat::{Answer, Citation, Content, Detail, ExtraContent, Part, Response, TokenLogprob, signature},
    json::{self, Object},
    wire::{
        Meta,
        openai::{self, logprobs::Unknown, usage},
    },
};

pub(in crate::wire) fn encode(response: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut answer = Object::open(&mut out);
    answer
        .string("id", response.id.as_deref().unwrap_or(&meta.id))
        .string("object", "chat.completion")
        .number("created", meta.created)
        .string("model", &meta.model);
    json::list(answer.name("choices"), response.answers.iter().enumerate(), choice);
    if let Some(counted) = &response.usage {
        usage(answer.name("usage"), counted);
    }
    answer.close();
    out
}

fn choice(out: &mut Vec<u8>, (index, answer): (usize, &Answer)) {
    let mut choice = Object::open(out);
    message(choice.number("index", index).name("message"), answer);
    let said = |part: &Part| matches!(part.content, Content::Text(_));
    logprobs(choice.name("logprobs"), &answer.logprobs, answer.parts.iter().any(said));
    choice.string("finish_reason", finish_reason(answer.reason()));
    choice.close();
}

/// `text`: of what the model said, else of the words by which it declined.
pub(super) fn logprobs(out: &mut Vec<u8>, tokens: &[TokenLogprob], text: bool) {
    if tokens.is_empty() {
        return out.extend_from_slice(b"null");
    }
    let mut object = Object::open(out);
    let (told, empty) = if text { ("content", "refusal") } else { ("refusal", "content") };
    openai::logprobs::write(object.name(told), tokens, Unknown::Null);
    object.raw(empty, "null");
    object.close();
}

fn message(out: &mut Vec<u8>, answer: &Answer) {
    let parts = &answer.parts;
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
    let length = content.map_or(0, |text| text.chars().count()) as u64;
    let citations: Vec<Citation> = answer.citations.iter().filter_map(Citation::read).collect();
    if !citations.is_empty() {
        json::list(object.name("annotations"), &citations, |out, citation| {
            annotation(out, citation, length);
        });
    }
    if let Some(thinking) = thinking {
        object.string("reasoning_content", &thinking);
    }
    let details: Vec<Cow<'_, Content>> = parts.iter().filter_map(detail).collect();
    if !details.is_empty() {
        json::list(object.name("reasoning_details"), details.iter().enumerate(), |out, (index, content)| {
            Detail::write(out, content, index);
        });
    }
    let calls = |part: &&Part| matches!(part.content, Content::ToolCall { .. });
    if parts.iter().any(|part| calls(&part)) {
        json::list(object.name("tool_calls"), parts.iter().filter(calls), |out, part| {
            tool_call(out, part);
        });
    }
    object.close();
}

/// `OpenAI`'s annotation of a text.
pub(super) fn annotation(out: &mut Vec<u8>, citation: &Citation, length: u64) {
    let mut annotation = Object::open(out);
    let mut inner = Object::open(annotation.string("type", "url_citation").name("url_citation"));
    citation.write(&mut inner, length);
    inner.close();
    annotation.close();
}

fn optional(object: &mut Object<'_>, name: &str, text: Option<&str>) {
    match text {
        Some(text) => object.string(name, text),
        None => object.raw(name, "null"),
    };
}

/// Thinking with what lets it be sent back: not in `OpenAI`'s format, whose clients pass it over. A text's signature
/// stands there too, as thinking without a text.
fn detail(part: &Part) -> Option<Cow<'_, Content>> {
    match (&part.content, &part.signature) {
        (Content::Text(_), Some(signature)) => Some(Cow::Owned(Content::Thinking {
            text: String::new(),
            signature: Some(signature::of_gemini(signature)),
        })),
        (content, _) => Detail::holds(content).then_some(Cow::Borrowed(content)),
    }
}

fn tool_call(out: &mut Vec<u8>, part: &Part) {
    if let Content::ToolCall { id, name, arguments } = &part.content {
        let mut call = Object::open(out);
        let mut function = Object::open(call.string("id", id).string("type", "function").name("function"));
        function.string("name", name);
        function.string("arguments", if arguments.trim().is_empty() { "{}" } else { arguments });
        function.close();
        if let Some(signature) = &part.signature {
            ExtraContent::write(&mut call, signature);
        }
        call.close();
    }
}
