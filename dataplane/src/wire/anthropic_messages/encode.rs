//! Writes a plain answer.

use super::{stop_reason, usage};
use crate::{
    chat::{Citation, Content, Finish, FinishReason, Part, Passage, Raw, Response, Unit, signature},
    json::{self, Object},
    wire::Meta,
};

pub(in crate::wire) fn encode(response: &Response, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut answer = Object::open(&mut out);
    answer
        .string("id", response.id.as_deref().unwrap_or(&meta.id))
        .string("type", "message")
        .string("role", "assistant")
        .string("model", &meta.model);
    let first = response.first();
    let last_text = first.parts.iter().rposition(|part| matches!(part.content, Content::Text(_)));
    let content = answer.name("content");
    content.push(b'[');
    for (index, part) in first.parts.iter().enumerate() {
        if index > 0 {
            content.push(b',');
        }
        if let Some(signature) = &part.signature {
            block(content, &signed(signature).into(), &[]);
            content.push(b',');
        }
        let citations = if Some(index) == last_text { &first.citations[..] } else { &[] };
        block(content, part, citations);
    }
    content.push(b']');
    let refused = first.parts.iter().any(|part| matches!(part.content, Content::Refusal(_)));
    stop(&mut answer, first.finish.as_ref().unwrap_or(&FinishReason::Stop.into()), refused);
    usage(answer.name("usage"), &response.usage.unwrap_or_default());
    answer.close();
    out
}

/// `stop_reason` and `stop_sequence`.
pub(super) fn stop(object: &mut Object<'_>, finish: &Finish, refused: bool) {
    object.string("stop_reason", stop_reason(finish.reason, refused));
    match &finish.stop_sequence {
        Some(text) => object.string("stop_sequence", text),
        None => object.raw("stop_sequence", "null"),
    };
}

/// A call of Gemini's is signed, which this format has a place for only in thinking: a piece without text before it.
fn signed(signature: &str) -> Content {
    Content::Thinking { text: String::new(), signature: Some(signature::of_gemini(signature)) }
}

/// A citation as Anthropic writes it, on one line; `None` where another format says something that has no place here.
pub(super) fn citation(raw: &Raw) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    if raw.read::<Typed>().is_some_and(|typed| typed.r#type.ends_with("_location")) {
        return Some(raw.one_line());
    }
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    if let Some(passage) = Passage::read(raw) {
        place(&mut object, &passage);
    } else {
        let citation = Citation::read(raw)?;
        object
            .string("type", "web_search_result_location")
            .string("url", &citation.url)
            .string("title", citation.title.as_deref().unwrap_or_default())
            .string("cited_text", citation.text.as_deref().unwrap_or_default())
            .string("encrypted_index", "");
    }
    object.close();
    String::from_utf8(out).ok()
}

/// A place in a document, or in a search result.
fn place(object: &mut Object<'_>, passage: &Passage) {
    let (kind, start, end) = match passage.unit {
        Unit::Characters => ("char_location", "start_char_index", "end_char_index"),
        Unit::Pages => ("page_location", "start_page_number", "end_page_number"),
        Unit::Chunks => ("content_block_location", "start_block_index", "end_block_index"),
        Unit::Pieces => ("search_result_location", "start_block_index", "end_block_index"),
    };
    object.string("type", kind).string("cited_text", &passage.text);
    let title = if passage.unit == Unit::Pieces {
        let source = passage.source.as_deref().unwrap_or_default();
        object.number("search_result_index", passage.index).string("source", source);
        "title"
    } else {
        object.number("document_index", passage.index).raw("file_id", "null");
        "document_title"
    };
    match &passage.title {
        Some(text) => object.string(title, text),
        None => object.raw(title, "null"),
    };
    object.number(start, passage.range.0).number(end, passage.range.1);
}

fn block(out: &mut Vec<u8>, part: &Part, citations: &[Raw]) {
    let mut block = Object::open(out);
    match &part.content {
        Content::Thinking { text, signature } => {
            // Other providers sign nothing; the field is there all the same, as clients rely on it.
            let signature = signature.as_deref().unwrap_or_default();
            block.string("type", "thinking").string("thinking", text).string("signature", signature);
        }
        Content::RedactedThinking(data) => {
            block.string("type", "redacted_thinking").string("data", data);
        }
        Content::ToolCall { id, name, arguments } => {
            block.string("type", "tool_use").string("id", id).string("name", name);
            block.raw("input", &json::object_or_wrapped(arguments));
        }
        Content::Text(text) | Content::Refusal(text) => {
            block.string("type", "text").string("text", text);
            let citations: Vec<String> = citations.iter().filter_map(citation).collect();
            if !citations.is_empty() {
                json::list(block.name("citations"), citations, |out, text| {
                    out.extend_from_slice(text.as_bytes());
                });
            }
        }
        // Models write none of these in the formats that are read.
        Content::Image { .. }
        | Content::File { .. }
        | Content::SearchResult { .. }
        | Content::Audio { .. }
        | Content::ToolResult { .. } => {
            block.string("type", "text").string("text", "");
        }
    }
    block.close();
}
