//! Writes a plain answer.

use super::{finish_reason, logprobs, signatures, usage};
use crate::{
    chat::{Citation, Content, Part, Raw, Response},
    json::{self, Object},
    usage::Usage,
    wire::Meta,
};

pub(in crate::wire) fn encode(response: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let id = response.id.as_deref().unwrap_or(&meta.id);
    let candidates = (0..).zip(&response.answers);
    pieces(&mut out, meta, id, response.usage.as_ref(), candidates, |candidate, answer| {
        let parts = answer.parts.iter().filter(|part| is_written(&part.content));
        content(candidate, |out| json::list(out, parts, part));
        let refused = answer.parts.iter().any(|part| matches!(part.content, Content::Refusal(_)));
        candidate.string("finishReason", finish_reason(answer.reason(), refused));
        citations(candidate, &answer.citations);
        logprobs::average(candidate, &answer.logprobs);
        logprobs::result(candidate, &answer.logprobs);
    });
    out
}

/// Pages that the answer's words come from.
pub(super) fn citations(candidate: &mut Object<'_>, citations: &[Raw]) {
    let pages: Vec<Citation> = citations.iter().filter_map(Citation::read).collect();
    if pages.is_empty() {
        return;
    }
    let mut metadata = Object::open(candidate.name("citationMetadata"));
    json::list(metadata.name("citationSources"), &pages, |out, page| {
        let mut source = Object::open(out);
        source.string("uri", &page.url);
        if let Some(title) = &page.title {
            source.string("title", title);
        }
        source.close();
    });
    metadata.close();
}

/// An answer, or a piece of a streamed one: candidates with their indexes, each written by `write`.
pub(super) fn pieces<T>(
    out: &mut Vec<u8>,
    meta: &Meta,
    id: &str,
    counted: Option<&Usage>,
    candidates: impl IntoIterator<Item = (u32, T)>,
    mut write: impl FnMut(&mut Object<'_>, T),
) {
    let mut answer = Object::open(out);
    json::list(answer.name("candidates"), candidates, |out, (index, said)| {
        let mut candidate = Object::open(out);
        write(&mut candidate, said);
        candidate.number("index", index);
        candidate.close();
    });
    if let Some(counted) = counted {
        usage(answer.name("usageMetadata"), counted);
    }
    answer.string("modelVersion", &meta.model).string("responseId", id);
    answer.close();
}

/// What the model says.
pub(super) fn content(candidate: &mut Object<'_>, parts: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Object::open(candidate.name("content"));
    parts(content.name("parts"));
    content.string("role", "model");
    content.close();
}

/// Models write nothing else in the formats that are read.
fn is_written(content: &Content) -> bool {
    matches!(
        content,
        Content::Text(_)
            | Content::Refusal(_)
            | Content::Thinking { .. }
            | Content::RedactedThinking(_)
            | Content::ToolCall { .. }
    )
}

fn part(out: &mut Vec<u8>, part: &Part) {
    let signature = part.signature.as_deref();
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => write_text(out, text, false, signature),
        Content::Thinking { text, signature } => {
            let signature = signature.as_deref().map(signatures::written);
            write_text(out, text, true, signature.as_deref());
        }
        Content::RedactedThinking(data) => write_text(out, "", true, Some(&signatures::redacted(data))),
        Content::ToolCall { id, name, arguments } => call(out, id, name, arguments, signature),
        _ => {}
    }
}

/// A part of text.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, thought: bool, signature: Option<&str>) {
    let mut part = Object::open(out);
    part.string("text", text);
    if thought {
        part.raw("thought", "true");
    }
    if let Some(signature) = signature {
        part.string("thoughtSignature", signature);
    }
    part.close();
}

/// A part that calls a function.
pub(super) fn call(out: &mut Vec<u8>, id: &str, name: &str, arguments: &str, signature: Option<&str>) {
    let mut part = Object::open(out);
    let mut call = Object::open(part.name("functionCall"));
    call.string("id", id).string("name", name);
    // Of one line, as it may stand in an event.
    call.raw("args", &json::object_or_wrapped(arguments).replace(['\n', '\r'], " "));
    call.close();
    if let Some(signature) = signature {
        part.string("thoughtSignature", signature);
    }
    part.close();
}
