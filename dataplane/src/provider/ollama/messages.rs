//! Translated: the messages.
//!
//! | of the model | becomes |
//! |---|---|
//! | developer messages | `system` |
//! | texts of a message | one, by blank lines |
//! | pictures | `images` of their message, as base64; by an address, which nobody here fetches, refused by name |
//! | documents that are text | text; others, and sound, refused |
//! | tool results | `tool` messages before the rest of their user message, with the tool's name (`tool_name`) and the call's id; pictures in them go into that user message |
//! | `is_error` | `Error: ` before the result's text, unless that says so itself: the format has no such mark |
//! | thinking of earlier turns | `thinking`; what only another provider can read is left out |
//! | calls | `tool_calls` with the arguments as an object |

use std::borrow::Cow;

use crate::{
    chat::{Content, Message, Part, Role, Source},
    json::{self, Object},
    provider::{Refusal, plain},
};

/// Writes the list.
pub(super) fn write(out: &mut Vec<u8>, messages: &[Message]) -> Result<(), Refusal> {
    out.push(b'[');
    let mut writer = Writer { out, calls: Vec::new(), empty: true };
    for message in messages {
        match message.role {
            Role::System | Role::Developer => writer.said("system", &message.parts)?,
            Role::User => writer.user(message)?,
            Role::Assistant => writer.said("assistant", &message.parts)?,
        }
    }
    writer.out.push(b']');
    Ok(())
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Id and tool of each call so far.
    calls: Vec<(&'a str, &'a str)>,
    empty: bool,
}

impl<'a> Writer<'a> {
    fn open(&mut self, role: &str) -> Object<'_> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        let mut object = Object::open(self.out);
        object.string("role", role);
        object
    }

    fn user(&mut self, message: &'a Message) -> Result<(), Refusal> {
        let mut rest: Vec<&Part> = Vec::with_capacity(message.parts.len());
        let mut results = false;
        for part in &message.parts {
            let Content::ToolResult { id, content, is_error } = &part.content else {
                rest.push(part);
                continue;
            };
            results = true;
            let (texts, media): (Vec<&Part>, Vec<&Part>) =
                content.iter().partition(|part| matches!(part.content, Content::Text(_)));
            let text = Said::of(&texts)?.text();
            let text = match (text.is_empty(), media.is_empty(), is_error) {
                (true, false, _) => plain::IN_NEXT_MESSAGE.to_owned(),
                (true, true, true) => "Error".to_owned(),
                (false, _, true) => plain::failed(&text).unwrap_or(text),
                _ => text,
            };
            // Ids may come again in a later turn: the call before this result is meant.
            let name = self.calls.iter().rfind(|(call, _)| call == id).map(|(_, name)| *name);
            let mut object = self.open("tool");
            object.string("content", &text);
            if let Some(name) = name {
                object.string("tool_name", name);
            }
            object.string("tool_call_id", id);
            object.close();
            rest.extend(media);
        }
        if rest.is_empty() && results {
            return Ok(());
        }
        self.write("user", &Said::of(&rest)?);
        Ok(())
    }

    fn said(&mut self, role: &str, parts: &'a [Part]) -> Result<(), Refusal> {
        let parts: Vec<&Part> = parts.iter().collect();
        let said = Said::of(&parts)?;
        self.calls.extend(said.calls.iter().map(|(id, name, _)| (*id, *name)));
        if !said.is_empty() {
            self.write(role, &said);
        }
        Ok(())
    }

    fn write(&mut self, role: &str, said: &Said<'_>) {
        let mut object = self.open(role);
        object.string("content", &said.text());
        if !said.thinking.is_empty() {
            object.string("thinking", &said.thinking);
        }
        if !said.images.is_empty() {
            json::list(object.name("images"), &said.images, |out, data| json::string(out, data));
        }
        if !said.calls.is_empty() {
            json::list(object.name("tool_calls"), &said.calls, |out, (id, name, arguments)| {
                let mut call = Object::open(out);
                let mut function = Object::open(call.string("id", id).name("function"));
                function.string("name", name).raw("arguments", &json::object_or_wrapped(arguments));
                function.close();
                call.close();
            });
        }
        object.close();
    }
}

/// A message's parts, kind by kind.
#[derive(Default)]
struct Said<'a> {
    texts: Vec<Cow<'a, str>>,
    thinking: String,
    images: Vec<&'a str>,
    /// Id, tool, arguments.
    calls: Vec<(&'a str, &'a str, &'a str)>,
}

impl<'a> Said<'a> {
    fn of(parts: &[&'a Part]) -> Result<Self, Refusal> {
        let mut said = Self::default();
        for part in parts {
            match &part.content {
                Content::Text(text)
                | Content::Refusal(text)
                | Content::File { source: Source::Text(text), .. } => said.texts.push(text.into()),
                Content::File { source: Source::Base64 { media_type, data }, .. }
                    if media_type.starts_with("text/") =>
                {
                    let text = plain::text_of(data);
                    let text = text.ok_or_else(|| refusal("a text document must be base64 of UTF-8"))?;
                    said.texts.push(text.into());
                }
                Content::Image { source, .. } => said.images.push(image(source)?),
                Content::File { .. } => {
                    return Err(refusal("this provider takes no documents but such as are text"));
                }
                Content::Audio { .. } => return Err(refusal("this provider takes no sound")),
                Content::Thinking { text, .. } => said.thinking.push_str(text),
                // Of search results none is left: see `rules::no_sources`.
                Content::RedactedThinking(_) | Content::SearchResult { .. } => {}
                Content::ToolCall { id, name, arguments } => said.calls.push((id, name, arguments)),
                Content::ToolResult { .. } => {
                    return Err(refusal("this kind of part does not belong into a message of this role"));
                }
            }
        }
        Ok(said)
    }

    fn text(&self) -> String {
        self.texts.join("\n\n")
    }

    fn is_empty(&self) -> bool {
        let Self { texts, thinking, images, calls } = self;
        texts.is_empty() && thinking.is_empty() && images.is_empty() && calls.is_empty()
    }
}

fn image(source: &Source) -> Result<&str, Refusal> {
    match source {
        Source::Base64 { data, .. } => Ok(data),
        _ => Err(Refusal {
            field: "image_url".to_owned(),
            message: "`image_url` must hold the picture itself (`data:image/png;base64,…`): neither Ollama nor this hub \
                      fetches addresses"
                .to_owned(),
        }),
    }
}

fn refusal(message: &str) -> Refusal {
    Refusal { field: "messages".to_owned(), message: message.to_owned() }
}
