//! The messages and the system prompt.

use super::{family::Family, media};
use crate::{
    chat::{Content, Message, Part, Raw, Role, signature},
    json::{self, Object},
    provider::{Refusal, cache, ids},
};

/// Longest tool call id.
const ID: usize = 64;

/// A `cachePoint`, which stands behind what it marks.
pub(super) const CACHE_POINT: &str = r#"{"cachePoint":{"type":"default"}}"#;

/// Writes a list of messages: roles alternate, a turn's tool results come first.
pub(super) fn write(out: &mut Vec<u8>, messages: &[Message], family: Family) -> Result<(), Refusal> {
    // The parts of all messages of one role in a row.
    let mut turns: Vec<(Role, Vec<&Part>)> = Vec::with_capacity(messages.len());
    for message in messages {
        let parts = message.parts.iter().filter(|part| is_sent(part, family));
        match turns.last_mut() {
            _ if matches!(message.role, Role::System | Role::Developer) => {}
            Some((role, turn)) if *role == message.role => turn.extend(parts),
            _ => {
                let turn: Vec<&Part> = parts.collect();
                if !turn.is_empty() {
                    turns.push((message.role, turn));
                }
            }
        }
    }
    let mut blocks = Blocks { family, names: media::Names::default() };
    let mut result = Ok(());
    json::list(out, turns, |out, (role, mut parts)| {
        parts.sort_by_key(|part| !matches!(part.content, Content::ToolResult { .. }));
        let mut message = Object::open(out);
        message.string("role", if role == Role::Assistant { "assistant" } else { "user" });
        let written = blocks.list(message.name("content"), &parts);
        message.close();
        if result.is_ok() {
            result = written;
        }
    });
    result
}

/// Writes a list of texts.
pub(super) fn system(out: &mut Vec<u8>, parts: &[&Part], family: Family) -> Result<(), Refusal> {
    let parts: Vec<&Part> = parts.iter().copied().filter(|part| is_sent(part, family)).collect();
    if parts.iter().any(|part| !matches!(part.content, Content::Text(_))) {
        return Err(Refusal {
            field: "messages".to_owned(),
            message: "a system message may hold text only for Amazon Bedrock".to_owned(),
        });
    }
    Blocks { family, names: media::Names::default() }.list(out, &parts)
}

/// Bedrock refuses blank texts, Anthropic's models thinking that they have not signed or sealed, and others any.
pub(super) fn is_sent(part: &Part, family: Family) -> bool {
    let claude = family == Family::Claude;
    match &part.content {
        Content::Text(text) | Content::Refusal(text) => !text.trim().is_empty(),
        Content::Thinking { signature, .. } => claude && signature::is_anthropics(signature.as_deref()),
        Content::RedactedThinking(data) => claude && signature::is_sealed_by_anthropic(data),
        _ => true,
    }
}

/// Checks what a mark of the prompt cache asks for.
pub(super) fn check_cache(mark: &Raw) -> Result<(), Refusal> {
    cache::check(format!(r#"{{"cache_control":{}}}"#, mark.get()).as_bytes())
}

struct Blocks {
    family: Family,
    names: media::Names,
}

impl Blocks {
    fn list(&mut self, out: &mut Vec<u8>, parts: &[&Part]) -> Result<(), Refusal> {
        out.push(b'[');
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let mut cached = self.block(out, part)?;
            if let Some(cache) = &part.cache {
                check_cache(cache)?;
                cached = true;
            }
            if cached && self.family.caches() {
                out.push(b',');
                out.extend_from_slice(CACHE_POINT.as_bytes());
            }
        }
        out.push(b']');
        Ok(())
    }

    /// Whether something within is marked for the cache: inside of a tool's result no mark can stand.
    fn block(&mut self, out: &mut Vec<u8>, part: &Part) -> Result<bool, Refusal> {
        let mut cached = false;
        let mut block = Object::open(out);
        match &part.content {
            Content::Text(text) | Content::Refusal(text) => {
                block.string("text", text);
            }
            Content::Image { source, .. } => media::image(&mut block, source)?,
            Content::File { source, name, cited } => {
                media::document(&mut block, source, name.as_deref(), *cited, &mut self.names)?;
            }
            Content::SearchResult { source, title, texts, cited } => {
                let mut result = Object::open(block.name("searchResult"));
                result.string("source", source).string("title", title);
                json::list(result.name("content"), texts, |out, text| {
                    let mut piece = Object::open(out);
                    piece.string("text", text);
                    piece.close();
                });
                if *cited {
                    result.raw("citations", media::CITED);
                }
                result.close();
            }
            Content::Audio { data, format } => media::audio(&mut block, format, data)?,
            Content::ToolCall { id, name, arguments } => {
                let mut call = Object::open(block.name("toolUse"));
                call.string("toolUseId", &ids::fit(id, ID)).string("name", name);
                call.raw("input", &json::object_or_wrapped(arguments));
                call.close();
            }
            Content::ToolResult { id, content, is_error } => {
                let mut result = Object::open(block.name("toolResult"));
                result.string("toolUseId", &ids::fit(id, ID));
                let mut written = Ok(());
                let family = self.family;
                let sent = content.iter().filter(|part| is_sent(part, family));
                json::list(result.name("content"), sent, |out, part| {
                    cached |= part.cache.is_some();
                    if written.is_ok() {
                        written = self.within_result(out, part);
                    }
                });
                written?;
                result.string("status", if *is_error { "error" } else { "success" });
                result.close();
            }
            Content::Thinking { text, signature } => {
                let mut reasoning = Object::open(block.name("reasoningContent"));
                let mut thought = Object::open(reasoning.name("reasoningText"));
                thought.string("text", text).string("signature", signature.as_deref().unwrap_or_default());
                thought.close();
                reasoning.close();
            }
            Content::RedactedThinking(data) => {
                let mut reasoning = Object::open(block.name("reasoningContent"));
                reasoning.string("redactedContent", data);
                reasoning.close();
            }
        }
        block.close();
        Ok(cached)
    }

    /// Texts, pictures, documents and search results.
    fn within_result(&mut self, out: &mut Vec<u8>, part: &Part) -> Result<(), Refusal> {
        if let Some(cache) = &part.cache {
            check_cache(cache)?;
        }
        match part.content {
            Content::Text(_)
            | Content::Image { .. }
            | Content::File { .. }
            | Content::SearchResult { .. } => self.block(out, part).map(drop),
            _ => Err(Refusal {
                field: "messages".to_owned(),
                message: "a tool's result may hold text, pictures, documents and search results only"
                    .to_owned(),
            }),
        }
    }
}
