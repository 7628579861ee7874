//! Reads a request.
//!
//! Besides the format's own fields it takes what is in common use with other models behind this format: `top_k`,
//! `thinking` (as Anthropic writes it), `reasoning` (as `OpenRouter` does), `cache_control` on parts and tools, and `reasoning_details`, `reasoning_content`,
//! `reasoning` and `thinking_blocks` on the assistant's messages: the first two are how our answers carry thinking.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{
    BadRequest,
    fields::{self, bad, list, need, read},
    openai::{self, settings, tool_choice::Choice},
    thinking,
};
use crate::{
    body::Body,
    chat::{
        Content, Detail, Effort, ExtraContent, Logprobs, Message, Part, Raw, Reasoning, Request,
        ResponseFormat, Role, Thinking, Tool,
    },
};

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    let mut request = Request::default();
    let mut limit = None;
    let mut choice = None;
    let (mut logprobs, mut top_logprobs) = (false, 0);
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "messages" => request.messages = list(name, raw, message)?,
            "tools" => request.tools = list(name, raw, tool)?,
            "tool_choice" => choice = Some(Choice::read(name, raw)?),
            "parallel_tool_calls" => request.parallel_tool_calls = Some(read(name, raw)?),
            "max_tokens" => limit = Some(read(name, raw)?),
            "max_completion_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "logprobs" => logprobs = read(name, raw)?,
            "top_logprobs" => top_logprobs = read(name, raw)?,
            "response_format" => request.response_format = Some(response_format(raw)?),
            "reasoning_effort" => {
                let word: String = read(name, raw)?;
                let effort =
                    Effort::parse(&word).ok_or_else(|| bad(name, format!("{word:?} is not known")))?;
                request.reasoning.get_or_insert_default().effort = Some(effort);
            }
            "thinking" => thinking::read(raw, request.reasoning.get_or_insert_default())
                .map_err(|error| error.within(name))?,
            "reasoning" => openrouter_reasoning(raw, request.reasoning.get_or_insert_default())?,
            // Asks for usage, as `OpenRouter` has it: it always comes.
            "usage" => {}
            "functions" | "function_call" => {
                return Err(bad(name, "is no longer supported; use `tools` and `tool_choice`"));
            }
            _ if settings::of_completions(&mut request, name, raw)? => {}
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    request.max_output_tokens = request.max_output_tokens.or(limit);
    if body.raw("messages").is_none() {
        return Err(bad("messages", "is missing"));
    }
    if let Some(choice) = choice {
        choice.narrow(&mut request.tools);
        request.tool_choice = Some(choice.choice);
    }
    if top_logprobs > 0 && !logprobs {
        return Err(bad("top_logprobs", "needs `logprobs` to be true"));
    }
    request.logprobs = logprobs.then_some(Logprobs { top: top_logprobs });
    if request.reasoning == Some(Reasoning::default()) {
        request.reasoning = None;
    }
    Ok(request)
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    role: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    name: Option<String>,
    refusal: Option<String>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    tool_call_id: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    reasoning_details: Option<Vec<Detail>>,
    #[serde(borrow)]
    thinking_blocks: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    function_call: Option<&'a RawValue>,
    cache_control: Option<Raw>,
}

fn message(raw: &str) -> Result<Message, BadRequest> {
    let message: RawMessage<'_> = read("", raw)?;
    let mut parts = Vec::new();
    let role = match message.role.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" | "tool" => Role::User,
        "assistant" => Role::Assistant,
        "function" => return Err(bad("role", "`function` is no longer supported; use `tool`")),
        other => return Err(bad("role", format!("{other:?} is not known"))),
    };
    if message.audio.is_some() {
        return Err(bad("audio", "is not supported where a request is translated"));
    }
    if message.function_call.is_some() {
        return Err(bad("function_call", "is no longer supported; use `tool_calls`"));
    }
    if role == Role::Assistant {
        reasoning(&message, &mut parts)?;
    }
    let content = match message.content {
        Some(content) => content_parts(content.get())?,
        None if role == Role::Assistant => Vec::new(),
        None => return Err(bad("content", "is missing")),
    };
    if message.role == "tool" {
        let id = message.tool_call_id.ok_or_else(|| bad("tool_call_id", "is missing"))?;
        let result = Content::ToolResult { id, content, is_error: false };
        parts.push(Part { content: result, cache: message.cache_control, signature: None });
    } else {
        parts.extend(content);
        if let (Some(cache), Some(last)) = (message.cache_control, parts.last_mut()) {
            last.cache.get_or_insert(cache);
        }
    }
    parts.extend(message.refusal.map(|text| Content::Refusal(text).into()));
    if let Some(calls) = message.tool_calls {
        parts.extend(list("tool_calls", calls.get(), tool_call)?);
    }
    Ok(Message { role, name: message.name, parts })
}

/// Thinking of an earlier turn. Details and blocks carry signatures; the text alone is for those who kept only that.
fn reasoning(message: &RawMessage<'_>, parts: &mut Vec<Part>) -> Result<(), BadRequest> {
    let details = message.reasoning_details.iter().flatten().cloned();
    parts.extend(details.filter_map(Detail::content).map(Part::from));
    if parts.is_empty()
        && let Some(blocks) = message.thinking_blocks
    {
        parts.extend(list("thinking_blocks", blocks.get(), part)?);
    }
    let text = message.reasoning_content.as_ref().or(message.reasoning.as_ref());
    if let Some(text) = text.filter(|text| parts.is_empty() && !text.is_empty()) {
        parts.push(Content::Thinking { text: text.clone(), signature: None }.into());
    }
    Ok(())
}

fn content_parts(raw: &str) -> Result<Vec<Part>, BadRequest> {
    match fields::content("content", raw)? {
        // An empty text says nothing, and not every provider takes it.
        fields::Content::Text(text) if text.is_empty() => Ok(Vec::new()),
        fields::Content::Text(text) => Ok(vec![Content::Text(text).into()]),
        fields::Content::List(raw) => list("content", raw, part),
    }
}

#[derive(Deserialize)]
struct RawPart<'a> {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    input_audio: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<&'a RawValue>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    cache_control: Option<Raw>,
    prompt_cache_breakpoint: Option<Raw>,
}

fn part(raw: &str) -> Result<Part, BadRequest> {
    let part: RawPart<'_> = read("", raw)?;
    let content = match part.r#type.as_str() {
        "text" => Content::Text(need("text", part.text)?),
        "refusal" => Content::Refusal(need("refusal", part.refusal)?),
        "image_url" => {
            image(need("image_url", part.image_url)?.get()).map_err(|error| error.within("image_url"))?
        }
        "input_audio" => openai::audio(need("input_audio", part.input_audio)?.get())?,
        "file" => file(need("file", part.file)?.get()).map_err(|error| error.within("file"))?,
        "thinking" => Content::Thinking { text: need("thinking", part.thinking)?, signature: part.signature },
        "redacted_thinking" => Content::RedactedThinking(need("data", part.data)?),
        other => return Err(bad("type", format!("{other:?} is not known"))),
    };
    let cache = part.cache_control.or_else(|| openai::breakpoint(part.prompt_cache_breakpoint.as_ref()));
    Ok(Part { content, cache, signature: None })
}

#[derive(Deserialize)]
struct Image {
    url: String,
    detail: Option<String>,
}

fn image(raw: &str) -> Result<Content, BadRequest> {
    let image: Image = read("", raw)?;
    Ok(Content::Image { source: openai::url("url", image.url)?, detail: image.detail })
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the format's own names")]
struct File {
    file_data: Option<String>,
    file_id: Option<String>,
    filename: Option<String>,
}

fn file(raw: &str) -> Result<Content, BadRequest> {
    let file: File = read("", raw)?;
    openai::file(file.file_data, file.file_id, None, file.filename)
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    r#type: Option<String>,
    function: Option<CalledFunction>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    arguments: Option<String>,
}

fn tool_call(raw: &str) -> Result<Part, BadRequest> {
    let call: ToolCall = read("", raw)?;
    match (call.r#type.as_deref(), call.function) {
        (None | Some("function"), Some(function)) => {
            let arguments = function.arguments.unwrap_or_default();
            let content = Content::ToolCall { id: call.id, name: function.name, arguments };
            let signature = call.extra_content.and_then(ExtraContent::signature);
            Ok(Part { signature, ..content.into() })
        }
        (None | Some("function"), None) => Err(bad("function", "is missing")),
        (Some(other), _) => {
            Err(bad("type", format!("{other:?} is not supported where a request is translated")))
        }
    }
}

#[derive(Deserialize)]
struct RawTool {
    r#type: String,
    function: Option<Function>,
    cache_control: Option<Raw>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Raw>,
    strict: Option<bool>,
    cache_control: Option<Raw>,
}

fn tool(raw: &str) -> Result<Tool, BadRequest> {
    let tool: RawTool = read("", raw)?;
    if tool.r#type != "function" {
        return Err(bad("type", format!("{:?} is not supported where a request is translated", tool.r#type)));
    }
    let function = tool.function.ok_or_else(|| bad("function", "is missing"))?;
    if function.parameters.as_ref().is_some_and(|schema| !schema.is_object()) {
        return Err(bad("function.parameters", "must be an object"));
    }
    Ok(Tool {
        name: function.name,
        description: function.description,
        parameters: function.parameters,
        strict: function.strict,
        cache: tool.cache_control.or(function.cache_control),
    })
}

/// `OpenRouter`'s way of saying how much to think.
fn openrouter_reasoning(raw: &str, reasoning: &mut Reasoning) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct Asked {
        effort: Option<String>,
        mode: Option<String>,
        max_tokens: Option<u64>,
        enabled: Option<bool>,
        exclude: Option<bool>,
    }
    let asked: Asked = read("reasoning", raw)?;
    if asked.mode.is_some_and(|mode| mode != "standard") {
        return Err(bad("reasoning.mode", "may only be standard where a request is translated"));
    }
    if let Some(word) = asked.effort {
        let effort =
            Effort::parse(&word).ok_or_else(|| bad("reasoning.effort", format!("{word:?} is not known")))?;
        reasoning.effort = Some(effort);
    }
    reasoning.thinking = match (asked.enabled, asked.max_tokens) {
        (Some(false), _) => Some(Thinking::Disabled),
        (_, Some(budget)) => Some(Thinking::Budget(budget)),
        (Some(true), None) if reasoning.effort.is_none() => Some(Thinking::Adaptive),
        (_, None) => reasoning.thinking,
    };
    if asked.exclude == Some(true) {
        reasoning.display = Some("omitted".to_owned());
    }
    Ok(())
}

fn response_format(raw: &str) -> Result<ResponseFormat, BadRequest> {
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
        json_schema: Option<Schema>,
    }
    #[derive(Deserialize)]
    #[expect(clippy::struct_field_names, reason = "the format's own name")]
    struct Schema {
        name: Option<String>,
        description: Option<String>,
        schema: Option<Raw>,
        strict: Option<bool>,
    }
    let format: Format = read("response_format", raw)?;
    match (format.r#type.as_str(), format.json_schema) {
        ("text", _) => Ok(ResponseFormat::Text),
        ("json_object", _) => Ok(ResponseFormat::JsonObject),
        ("json_schema", Some(Schema { name, description, schema: Some(schema), strict })) => {
            Ok(ResponseFormat::JsonSchema { name, description, schema, strict })
        }
        ("json_schema", _) => Err(bad("response_format.json_schema", "needs a `schema`")),
        (other, _) => Err(bad("response_format.type", format!("{other:?} is not known"))),
    }
}
