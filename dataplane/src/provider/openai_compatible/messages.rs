//! Translated: the messages.

use super::{Dialect, ReturnedReasoning};
use crate::{
    chat::{Content, Detail, ExtraContent, Message, Part, Role, Source, signature},
    json::{self, Object},
    provider::{Refusal, ids, plain},
};

/// Longest tool call id that `OpenAI` takes.
const ID: usize = 40;

/// `first` is a whole message that comes before all others.
pub(super) fn write(
    out: &mut Vec<u8>,
    first: Option<&str>,
    messages: &[Message],
    dialect: &Dialect,
) -> Result<(), Refusal> {
    out.push(b'[');
    out.extend_from_slice(first.unwrap_or_default().as_bytes());
    let mut writer = Writer { out, dialect, empty: first.is_none() };
    for message in messages {
        match message.role {
            Role::Developer if dialect.developer_role => writer.plain("developer", message)?,
            Role::System | Role::Developer => writer.plain("system", message)?,
            Role::User => writer.user(message)?,
            Role::Assistant => writer.assistant(message)?,
        }
    }
    writer.out.push(b']');
    Ok(())
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    dialect: &'a Dialect,
    empty: bool,
}

impl Writer<'_> {
    fn open(&mut self, role: &str, name: Option<&str>) -> Object<'_> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        let mut object = Object::open(self.out);
        object.string("role", role);
        if let Some(name) = name {
            object.string("name", name);
        }
        object
    }

    fn plain(&mut self, role: &str, message: &Message) -> Result<(), Refusal> {
        let dialect = self.dialect;
        let mut object = self.open(role, message.name.as_deref());
        let parts: Vec<&Part> = message.parts.iter().collect();
        content(object.name("content"), &parts, dialect)?;
        object.close();
        Ok(())
    }

    fn user(&mut self, message: &Message) -> Result<(), Refusal> {
        let dialect = self.dialect;
        let mut rest: Vec<&Part> = Vec::with_capacity(message.parts.len());
        let mut results = false;
        for part in &message.parts {
            let Content::ToolResult { id, content: inner, is_error } = &part.content else {
                rest.push(part);
                continue;
            };
            results = true;
            let (texts, media): (Vec<&Part>, Vec<&Part>) =
                inner.iter().partition(|part| matches!(part.content, Content::Text(_)));
            let marked = texts.first().filter(|_| *is_error).and_then(|part| marked(part));
            let texts: Vec<&Part> =
                marked.iter().chain(texts.into_iter().skip(marked.iter().len())).collect();
            let mut object = self.open("tool", None);
            object.string("tool_call_id", &ids::fit(id, ID));
            match (texts.is_empty(), media.is_empty()) {
                (true, false) => {
                    object.string("content", plain::IN_NEXT_MESSAGE);
                }
                (true, true) => {
                    object.string("content", if *is_error { "Error" } else { "" });
                }
                _ => content(object.name("content"), &texts, dialect)?,
            }
            object.close();
            rest.extend(media);
        }
        if rest.is_empty() && results {
            return Ok(());
        }
        let mut object = self.open("user", message.name.as_deref());
        content(object.name("content"), &rest, dialect)?;
        object.close();
        Ok(())
    }

    fn assistant(&mut self, message: &Message) -> Result<(), Refusal> {
        let mut texts: Vec<&Part> = Vec::new();
        let mut calls = Vec::new();
        let mut refusal = None;
        let mut thinking = String::new();
        let mut details = Vec::new();
        for part in &message.parts {
            match &part.content {
                Content::ToolCall { .. } => calls.push(part),
                Content::Refusal(text) => refusal = Some(text),
                content
                    if self.dialect.returns_reasoning == ReturnedReasoning::Details
                        && Detail::holds(content)
                        && !is_geminis(content) =>
                {
                    details.push(content);
                }
                Content::Thinking { text, .. } => thinking.push_str(text),
                Content::RedactedThinking(_) => {}
                _ => texts.push(part),
            }
        }
        if texts.is_empty() && calls.is_empty() && refusal.is_none() {
            // Nothing but thinking is left of it.
            return Ok(());
        }
        let dialect = self.dialect;
        let mut object = self.open("assistant", message.name.as_deref());
        if texts.is_empty() {
            object.raw("content", "null");
        } else {
            content(object.name("content"), &texts, dialect)?;
        }
        if let Some(refusal) = refusal {
            object.string("refusal", refusal);
        }
        match dialect.returns_reasoning {
            ReturnedReasoning::WithCalls if !calls.is_empty() => {
                object.string("reasoning_content", &thinking);
            }
            ReturnedReasoning::Details if !details.is_empty() => {
                let details = details.into_iter().enumerate();
                json::list(object.name("reasoning_details"), details, |out, (index, content)| {
                    Detail::write(out, content, index);
                });
            }
            ReturnedReasoning::Details if !calls.is_empty() && !thinking.is_empty() => {
                object.string("reasoning", &thinking);
            }
            _ => {}
        }
        if !calls.is_empty() {
            json::list(object.name("tool_calls"), calls, |out, part| call(out, part, dialect));
        }
        object.close();
        Ok(())
    }
}

/// The text of a tool that failed, where it does not say so itself.
fn marked(part: &Part) -> Option<Part> {
    let Content::Text(text) = &part.content else { return None };
    Some(Part { content: Content::Text(plain::failed(text)?), ..part.clone() })
}

/// Signed by Gemini itself, which nobody else takes.
fn is_geminis(content: &Content) -> bool {
    matches!(content, Content::Thinking { signature: Some(signed), .. } if signature::for_gemini(signed).is_some())
}

fn call(out: &mut Vec<u8>, part: &Part, dialect: &Dialect) {
    let Content::ToolCall { id, name, arguments } = &part.content else { return };
    let mut call = Object::open(out);
    call.string("id", &ids::fit(id, ID)).string("type", "function");
    let mut function = Object::open(call.name("function"));
    function.string("name", name);
    function.string("arguments", if arguments.trim().is_empty() { "{}" } else { arguments });
    function.close();
    if let Some(signature) = part.signature.as_ref().filter(|_| dialect.extra_content) {
        ExtraContent::write(&mut call, signature);
    }
    call.close();
}

/// A string where text alone allows it, else a list of parts.
fn content(out: &mut Vec<u8>, parts: &[&Part], dialect: &Dialect) -> Result<(), Refusal> {
    let takes_marks = dialect.cache_control || dialect.cache_breakpoints;
    let is_marked = |part: &&Part| takes_marks && part.cache.is_some();
    if let [part @ Part { content: Content::Text(text), .. }] = parts
        && !is_marked(part)
    {
        json::string(out, text);
        return Ok(());
    }
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match &part.content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if let Some(texts) = texts.filter(|texts| texts.is_empty() || !dialect.text_parts) {
        json::string(out, &texts.join("\n\n"));
        return Ok(());
    }
    out.push(b'[');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_part(out, part, dialect)?;
    }
    out.push(b']');
    Ok(())
}

fn write_part(out: &mut Vec<u8>, written: &Part, dialect: &Dialect) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal { field: "messages".to_owned(), message: message.to_owned() });
    let mut part = Object::open(out);
    match &written.content {
        Content::Text(text) | Content::File { source: Source::Text(text), .. } => {
            part.string("type", "text").string("text", text);
        }
        Content::File { source: Source::Base64 { media_type, data }, .. }
            if media_type.starts_with("text/") =>
        {
            let Some(text) = plain::text_of(data) else {
                return refuse("a text document must be base64 of UTF-8");
            };
            part.string("type", "text").string("text", &text);
        }
        Content::Image { .. } if !dialect.images => return refuse("this provider takes no pictures"),
        Content::File { .. } if !dialect.files => {
            return refuse("this provider takes no documents but such as are text");
        }
        Content::Audio { .. } if !dialect.audio => return refuse("this provider takes no sound"),
        Content::Image { source, detail } => {
            let url = match source {
                Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
                Source::Url(url) => url.clone(),
                Source::Id(_) => {
                    return refuse(
                        "an image that was uploaded to another provider cannot be sent to this one",
                    );
                }
                Source::Text(_) => return refuse("an image must be base64 or a URL"),
            };
            let mut image = Object::open(part.string("type", "image_url").name("image_url"));
            image.string("url", &url);
            if let Some(detail) = detail {
                image.string("detail", detail);
            }
            image.close();
        }
        Content::File { source, name, .. } => {
            let mut file = Object::open(part.string("type", "file").name("file"));
            match source {
                Source::Base64 { media_type, data } => {
                    file.string("filename", name.as_deref().unwrap_or("document.pdf"));
                    file.string("file_data", &format!("data:{media_type};base64,{data}"));
                }
                Source::Id(_) => {
                    return refuse(
                        "a file that lies in a provider's account, which all tenants share, cannot be sent: send its data",
                    );
                }
                _ => return refuse("this provider does not fetch documents; send them as base64"),
            }
            file.close();
        }
        Content::Audio { data, format } => {
            let mut audio = Object::open(part.string("type", "input_audio").name("input_audio"));
            audio.string("data", data).string("format", format);
            audio.close();
        }
        Content::ToolCall { .. }
        | Content::ToolResult { .. }
        | Content::SearchResult { .. }
        | Content::Thinking { .. }
        | Content::RedactedThinking(_)
        | Content::Refusal(_) => {
            return refuse("this kind of part does not belong into a message of this role");
        }
    }
    if let Some(cache) = written.cache.as_ref().filter(|_| dialect.cache_control) {
        part.raw("cache_control", cache.get());
    } else if written.cache.is_some() && dialect.cache_breakpoints {
        // Its lifetime is the least there is: whatever was asked for is not more than what is priced.
        part.raw("prompt_cache_breakpoint", r#"{"mode":"explicit"}"#);
    }
    part.close();
    Ok(())
}
