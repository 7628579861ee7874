//! Reads `input`: a text, or items. Items of the assistant that follow one another make one message, and so do
//! results of tools.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{
    BadRequest,
    fields::{self, bad, list, need, read},
    openai,
};
use crate::chat::{Content, Message, Part, Raw, Role, Sealed};

pub(super) fn messages(raw: &str) -> Result<Vec<Message>, BadRequest> {
    if raw.starts_with('"') {
        let text = Content::Text(read("input", raw)?);
        return Ok(vec![Message::new(Role::User, vec![text.into()])]);
    }
    let mut gathered = Gathered::default();
    list("input", raw, |raw| gathered.take(item(raw)?))?;
    Ok(gathered.messages)
}

/// What an item is to a conversation.
enum Item {
    Message(Message),
    /// A piece of what the assistant said.
    Said(Part),
    /// A tool's result.
    Result(Part),
    /// The signature of the next piece.
    Signature(String),
    /// Reasoning that nobody here can read.
    Nothing,
}

#[derive(Default)]
struct Gathered {
    messages: Vec<Message>,
    signature: Option<String>,
}

impl Gathered {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is called for each item of a list, each of which may fail"
    )]
    fn take(&mut self, item: Item) -> Result<(), BadRequest> {
        match item {
            Item::Message(message) if message.role == Role::Assistant => {
                message.parts.into_iter().for_each(|part| self.said(part));
            }
            Item::Message(message) => self.messages.push(message),
            Item::Said(part) => self.said(part),
            Item::Result(part) => {
                let results = |message: &&mut Message| {
                    message.role == Role::User
                        && message.parts.iter().all(|part| matches!(part.content, Content::ToolResult { .. }))
                };
                match self.messages.last_mut().filter(results) {
                    Some(message) => message.parts.push(part),
                    None => self.messages.push(Message::new(Role::User, vec![part])),
                }
            }
            Item::Signature(signature) => self.signature = Some(signature),
            Item::Nothing => {}
        }
        Ok(())
    }

    fn said(&mut self, mut part: Part) {
        part.signature = self.signature.take();
        match self.messages.last_mut().filter(|message| message.role == Role::Assistant) {
            Some(message) => message.parts.push(part),
            None => self.messages.push(Message::new(Role::Assistant, vec![part])),
        }
    }
}

#[derive(Deserialize)]
struct RawItem<'a> {
    r#type: Option<String>,
    role: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    summary: Option<Vec<Thought>>,
    encrypted_content: Option<String>,
    cache_control: Option<Raw>,
}

/// A piece of a reasoning item.
#[derive(Deserialize)]
struct Thought {
    text: Option<String>,
}

fn item(raw: &str) -> Result<Item, BadRequest> {
    let item: RawItem<'_> = read("", raw)?;
    match (item.r#type.as_deref(), item.role.as_deref()) {
        (None | Some("message"), Some(role)) => {
            let role = match role {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                "system" => Role::System,
                "developer" => Role::Developer,
                other => return Err(bad("role", format!("{other:?} is not known"))),
            };
            Ok(Item::Message(Message::new(role, content("content", item.content)?)))
        }
        (Some("function_call"), _) => Ok(Item::Said(
            Content::ToolCall {
                id: need("call_id", item.call_id)?,
                name: need("name", item.name)?,
                arguments: item.arguments.unwrap_or_default(),
            }
            .into(),
        )),
        (Some("function_call_output"), _) => {
            let id = need("call_id", item.call_id)?;
            let result =
                Content::ToolResult { id, content: content("output", item.output)?, is_error: false };
            Ok(Item::Result(Part { cache: item.cache_control, ..result.into() }))
        }
        (Some("reasoning"), _) => reasoning(item),
        (Some("item_reference") | None, _) => Err(bad(
            "type",
            "refers to an item that is stored at a provider, in an account that all tenants share: send the item \
             itself (SDKs do so with `store: false`)",
        )),
        (Some(other), _) => {
            Err(bad("type", format!("{other:?} is not supported where a request is translated")))
        }
    }
}

fn reasoning(item: RawItem<'_>) -> Result<Item, BadRequest> {
    let thoughts = match item.summary {
        Some(thoughts) if !thoughts.is_empty() => thoughts,
        _ => match item.content.map(RawValue::get) {
            None | Some("null") => Vec::new(),
            Some(raw) => read("content", raw)?,
        },
    };
    let texts: Vec<String> = thoughts.into_iter().filter_map(|thought| thought.text).collect();
    let text = texts.join("\n\n");
    Ok(match item.encrypted_content.as_deref().and_then(Sealed::open) {
        Some(Sealed::Thinking(signature)) => {
            Item::Said(Content::Thinking { text, signature: Some(signature) }.into())
        }
        Some(Sealed::Redacted(data)) => Item::Said(Content::RedactedThinking(data).into()),
        Some(Sealed::Next(signature)) => Item::Signature(signature),
        None if text.is_empty() => Item::Nothing,
        None => Item::Said(Content::Thinking { text, signature: None }.into()),
    })
}

fn content(param: &str, raw: Option<&RawValue>) -> Result<Vec<Part>, BadRequest> {
    match fields::content(param, need(param, raw)?.get())? {
        fields::Content::Text(text) if text.is_empty() => Ok(Vec::new()),
        fields::Content::Text(text) => Ok(vec![Content::Text(text).into()]),
        fields::Content::List(raw) => list(param, raw, part),
    }
}

#[derive(Deserialize)]
struct RawPart<'a> {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<String>,
    detail: Option<String>,
    file_id: Option<String>,
    file_data: Option<String>,
    file_url: Option<String>,
    filename: Option<String>,
    #[serde(borrow)]
    input_audio: Option<&'a RawValue>,
    cache_control: Option<Raw>,
    prompt_cache_breakpoint: Option<Raw>,
}

fn part(raw: &str) -> Result<Part, BadRequest> {
    let part: RawPart<'_> = read("", raw)?;
    if part.file_id.is_some() {
        return Err(bad("file_id", "names a file that lies at a provider: send its data instead"));
    }
    let content = match part.r#type.as_str() {
        "input_text" | "output_text" | "text" => Content::Text(need("text", part.text)?),
        "refusal" => Content::Refusal(need("refusal", part.refusal)?),
        "input_image" => {
            let source = openai::url("image_url", need("image_url", part.image_url)?)?;
            Content::Image { source, detail: part.detail }
        }
        "input_file" => openai::file(part.file_data, None, part.file_url, part.filename)?,
        "input_audio" => openai::audio(need("input_audio", part.input_audio)?.get())?,
        other => return Err(bad("type", format!("{other:?} is not known"))),
    };
    let cache = part.cache_control.or_else(|| openai::breakpoint(part.prompt_cache_breakpoint.as_ref()));
    Ok(Part { cache, ..content.into() })
}
