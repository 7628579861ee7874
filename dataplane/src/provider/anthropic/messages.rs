//! Translated: the messages.

use base64::Engine as _;

use crate::{
    chat::{Content, Message, Part, Role, Source, signature},
    json::{self, Object},
    provider::{Refusal, ids},
};

/// Longest tool call id that is sent. Anthropic names no bound; its own have 30 characters.
const ID: usize = 64;

pub(super) fn write(out: &mut Vec<u8>, messages: &[Message]) -> Result<(), Refusal> {
    // The parts of all messages of one role in a row.
    let mut turns: Vec<(Role, Vec<&Part>)> = Vec::with_capacity(messages.len());
    for message in messages {
        if matches!(message.role, Role::System | Role::Developer) {
            continue;
        }
        let parts: Vec<&Part> = message.parts.iter().filter(|part| is_sent(part)).collect();
        match turns.last_mut() {
            _ if parts.is_empty() => {}
            Some((role, turn)) if *role == message.role => turn.extend(parts),
            _ => turns.push((message.role, parts)),
        }
    }
    let mut empty = true;
    out.push(b'[');
    for (role, parts) in &mut turns {
        parts.sort_by_key(|part| !matches!(part.content, Content::ToolResult { .. }));
        if !std::mem::take(&mut empty) {
            out.push(b',');
        }
        let mut message = Object::open(out);
        message.string("role", if *role == Role::Assistant { "assistant" } else { "user" });
        content(message.name("content"), parts)?;
        message.close();
    }
    out.push(b']');
    Ok(())
}

/// Anthropic refuses blank texts, and thinking that it has not signed or sealed.
pub(super) fn is_sent(part: &Part) -> bool {
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => !text.trim().is_empty(),
        Content::Thinking { signature, .. } => signature::is_anthropics(signature.as_deref()),
        Content::RedactedThinking(data) => signature::is_sealed_by_anthropic(data),
        _ => true,
    }
}

/// A string where one text alone allows it, else a list of blocks.
pub(super) fn content(out: &mut Vec<u8>, parts: &[&Part]) -> Result<(), Refusal> {
    if let [Part { content: Content::Text(text), cache: None, .. }] = parts {
        json::string(out, text);
        return Ok(());
    }
    out.push(b'[');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        block(out, part)?;
    }
    out.push(b']');
    Ok(())
}

fn block(out: &mut Vec<u8>, part: &Part) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal { field: "messages".to_owned(), message: message.to_owned() });
    let mut block = Object::open(out);
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => {
            block.string("type", "text").string("text", text);
        }
        Content::Image { source: from, .. } => {
            block.string("type", "image");
            match from {
                Source::Id(_) | Source::Text(_) => {
                    return refuse("an image must be base64 or a URL for Anthropic");
                }
                _ => source(&mut block, from),
            }
        }
        Content::File { source: from, name, cited } => {
            block.string("type", "document");
            match document(from) {
                Ok(from) => source(&mut block, &from),
                Err(message) => return refuse(message),
            }
            if let Some(name) = name {
                block.string("title", name);
            }
            if *cited {
                block.raw("citations", r#"{"enabled":true}"#);
            }
        }
        Content::SearchResult { source, title, texts, cited } => {
            block.string("type", "search_result").string("source", source).string("title", title);
            json::list(block.name("content"), texts, |out, text| {
                let mut piece = Object::open(out);
                piece.string("type", "text").string("text", text);
                piece.close();
            });
            if *cited {
                block.raw("citations", r#"{"enabled":true}"#);
            }
        }
        Content::Audio { .. } => return refuse("Anthropic takes no sound"),
        Content::ToolCall { id, name, arguments } => {
            block.string("type", "tool_use").string("id", &ids::fit(id, ID)).string("name", name);
            block.raw("input", &json::object_or_wrapped(arguments));
        }
        Content::ToolResult { id, content: inner, is_error } => {
            block.string("type", "tool_result").string("tool_use_id", &ids::fit(id, ID));
            let inner: Vec<&Part> = inner.iter().filter(|part| is_sent(part)).collect();
            if !inner.is_empty() {
                content(block.name("content"), &inner)?;
            }
            if *is_error {
                block.raw("is_error", "true");
            }
        }
        Content::Thinking { text, signature } => {
            block.string("type", "thinking").string("thinking", text);
            block.string("signature", signature.as_deref().unwrap_or_default());
        }
        Content::RedactedThinking(data) => {
            block.string("type", "redacted_thinking").string("data", data);
        }
    }
    if let Some(cache) = &part.cache {
        block.raw("cache_control", cache.get());
    }
    block.close();
    Ok(())
}

fn source(block: &mut Object<'_>, source: &Source) {
    let mut object = Object::open(block.name("source"));
    match source {
        Source::Base64 { media_type, data } => {
            object.string("type", "base64").string("media_type", media_type).string("data", data);
        }
        Source::Url(url) => {
            object.string("type", "url").string("url", url);
        }
        Source::Id(id) => {
            object.string("type", "file").string("file_id", id);
        }
        Source::Text(text) => {
            object.string("type", "text").string("media_type", "text/plain").string("data", text);
        }
    }
    object.close();
}

/// Anthropic takes PDF as base64 and other documents as text.
fn document(source: &Source) -> Result<Source, &'static str> {
    match source {
        Source::Base64 { media_type, .. } if media_type == "application/pdf" => Ok(source.clone()),
        Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
            base64::engine::general_purpose::STANDARD
                .decode(data)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map(Source::Text)
                .ok_or("a text document must be base64 of UTF-8")
        }
        Source::Base64 { .. } => Err("a document must be PDF or text for Anthropic"),
        Source::Id(_) => Err("a file that was uploaded to a provider cannot be sent: send its data"),
        Source::Url(_) | Source::Text(_) => Ok(source.clone()),
    }
}
