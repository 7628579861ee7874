//! Reads a request, to be translated for another kind of provider.
//!
//! What only Anthropic has: `cache_control`, `context_management` and `diagnostics` are left out (they change cost
//! or comfort, not the answer), and `eager_input_streaming` of tools; `container`, `mcp_servers`, `fallbacks`, `thread`,
//! `compaction`, `billing_policy`, `speed: fast`, `inference_geo`, tools that Anthropic runs itself, and of the client's
//! own tools `input_examples`, `defer_loading` and callers other than the model are refused by name. `seed` and the
//! penalties, which other providers know, pass; so do search results and citations of documents, which Bedrock knows too.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::super::{
    BadRequest, Wire,
    fields::{self, bad, list, need, number, read},
    thinking, tier,
};
use crate::{
    body::Body,
    chat::{
        Content, Effort, Message, Part, Raw, Reasoning, Request, ResponseFormat, Role, Source, Tool,
        ToolChoice, strict,
    },
};

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut system = None;
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "model" => request.model = read(name, raw)?,
            "max_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "messages" => request.messages.extend(list(name, raw, message)?),
            "system" => system = Some(Message::new(Role::System, parts(name, raw)?)),
            "stop_sequences" => request.stop = read(name, raw)?,
            "stream" => request.stream = read(name, raw)?,
            "tools" => request.tools = list(name, raw, tool)?,
            "tool_choice" => tool_choice(raw, &mut request)?,
            "temperature" => request.temperature = Some(number(name, raw)?),
            "top_p" => request.top_p = Some(number(name, raw)?),
            "top_k" => request.top_k = Some(number(name, raw)?),
            "presence_penalty" => request.presence_penalty = Some(number(name, raw)?),
            "frequency_penalty" => request.frequency_penalty = Some(number(name, raw)?),
            "seed" => request.seed = Some(number(name, raw)?),
            "thinking" => thinking::read(raw, request.reasoning.get_or_insert_default())
                .map_err(|error| error.within(name))?,
            "output_config" => output_config(raw, &mut request)?,
            "output_format" => request.response_format = Some(format(name, raw)?),
            "metadata" => request.user = read::<Metadata>(name, raw)?.user_id,
            "cache_control" | "context_management" | "diagnostics" => {}
            "service_tier" if matches!(raw, r#""auto""# | r#""standard_only""#) => {
                let said = tier::as_openai(Wire::AnthropicMessages, name, raw)?;
                request.extra.extend(said);
            }
            "speed" if raw == r#""standard""# => {}
            "mcp_servers" | "fallbacks" if raw.trim_start_matches('[').trim() == "]" => {}
            "fallbacks"
            | "fallback_credit_token"
            | "thread"
            | "compaction"
            | "billing_policy"
            | "service_tier"
            | "speed"
            | "mcp_servers"
            | "container"
            | "inference_geo"
            | "user_profile_id"
            | "workspace_id" => {
                return Err(bad(name, "is not supported by the provider that serves this model"));
            }
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    // `max_tokens` is not asked for: a request to count tokens has none.
    if body.raw("messages").is_none() {
        return Err(bad("messages", "is missing"));
    }
    if let Some(system) = system {
        request.messages.insert(0, system);
    }
    if request.reasoning == Some(Reasoning::default()) {
        request.reasoning = None;
    }
    Ok(request)
}

#[derive(Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

fn message(raw: &str) -> Result<Message, BadRequest> {
    #[derive(Deserialize)]
    struct RawMessage<'a> {
        role: String,
        #[serde(borrow)]
        content: &'a RawValue,
    }
    let message: RawMessage<'_> = read("", raw)?;
    let role = match message.role.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => return Err(bad("role", format!("{other:?} is not known"))),
    };
    Ok(Message::new(role, parts("content", message.content.get())?))
}

fn parts(param: &str, raw: &str) -> Result<Vec<Part>, BadRequest> {
    match fields::content(param, raw)? {
        fields::Content::Text(text) => Ok(vec![Content::Text(text).into()]),
        fields::Content::List(raw) => Ok(list(param, raw, block)?.into_iter().flatten().collect()),
    }
}

#[derive(Deserialize)]
struct Block<'a> {
    r#type: String,
    text: Option<String>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    title: Option<String>,
    context: Option<String>,
    citations: Option<Raw>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Raw>,
    tool_use_id: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    is_error: Option<bool>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    cache_control: Option<Raw>,
}

/// One block; a document that comes with words about it gives two parts.
fn block(raw: &str) -> Result<Vec<Part>, BadRequest> {
    let block: Block<'_> = read("", raw)?;
    let mut parts = Vec::with_capacity(1);
    let content = match block.r#type.as_str() {
        "text" => Content::Text(need("text", block.text)?),
        "image" => Content::Image { source: source(block.source)?, detail: None },
        "document" => {
            parts.extend(block.context.map(|text| Content::Text(text).into()));
            let cited = block.citations.is_some_and(|citations| wants_citations(&citations));
            Content::File { source: source(block.source)?, name: block.title, cited }
        }
        "search_result" => Content::SearchResult {
            source: read("source", need("source", block.source)?.get())?,
            title: need("title", block.title)?,
            texts: texts(block.content)?,
            cited: block.citations.is_some_and(|citations| wants_citations(&citations)),
        },
        "tool_use" => {
            let input = need("input", block.input)?;
            if !input.is_object() {
                return Err(bad("input", "must be an object"));
            }
            let arguments = input.get().to_owned();
            Content::ToolCall { id: need("id", block.id)?, name: need("name", block.name)?, arguments }
        }
        "tool_result" => Content::ToolResult {
            id: need("tool_use_id", block.tool_use_id)?,
            content: block
                .content
                .map_or_else(|| Ok(Vec::new()), |content| self::parts("content", content.get()))?,
            is_error: block.is_error.unwrap_or(false),
        },
        "thinking" => Content::Thinking {
            text: need("thinking", block.thinking)?,
            signature: block.signature.filter(|signature| !signature.is_empty()),
        },
        "redacted_thinking" => Content::RedactedThinking(need("data", block.data)?),
        other => {
            return Err(bad(
                "type",
                format!("{other:?} is not supported by the provider that serves this model"),
            ));
        }
    };
    parts.push(Part { content, cache: block.cache_control, signature: None });
    Ok(parts)
}

/// Blocks that may only be text.
fn texts(raw: Option<&RawValue>) -> Result<Vec<String>, BadRequest> {
    let text = |part: Part| match part.content {
        Content::Text(text) => Ok(text),
        _ => Err(bad("content", "may hold only text")),
    };
    parts("content", need("content", raw)?.get())?.into_iter().map(text).collect()
}

fn wants_citations(raw: &Raw) -> bool {
    #[derive(Deserialize)]
    struct Citations {
        enabled: Option<bool>,
    }
    raw.read::<Citations>().and_then(|citations| citations.enabled) == Some(true)
}

fn source(raw: Option<&RawValue>) -> Result<Source, BadRequest> {
    #[derive(Deserialize)]
    struct RawSource<'a> {
        r#type: String,
        media_type: Option<String>,
        data: Option<String>,
        url: Option<String>,
        file_id: Option<String>,
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    let raw = need("source", raw)?.get();
    let source: RawSource<'_> = read("source", raw)?;
    match source.r#type.as_str() {
        "base64" => Ok(Source::Base64 {
            media_type: need("source.media_type", source.media_type)?,
            data: need("source.data", source.data)?,
        }),
        "url" => Ok(Source::Url(need("source.url", source.url)?)),
        "file" => Ok(Source::Id(need("source.file_id", source.file_id)?)),
        "text" => Ok(Source::Text(need("source.data", source.data)?)),
        "content" => {
            let parts = parts("source.content", need("source.content", source.content)?.get())?;
            let mut text = String::new();
            for part in parts {
                match part.content {
                    Content::Text(piece) => text.push_str(&piece),
                    _ => {
                        return Err(bad(
                            "source.content",
                            "may hold only text where a request is translated",
                        ));
                    }
                }
            }
            Ok(Source::Text(text))
        }
        other => Err(bad("source.type", format!("{other:?} is not known"))),
    }
}

fn tool(raw: &str) -> Result<Tool, BadRequest> {
    #[derive(Deserialize)]
    struct RawTool {
        r#type: Option<String>,
        name: String,
        description: Option<String>,
        input_schema: Option<Raw>,
        strict: Option<bool>,
        cache_control: Option<Raw>,
        input_examples: Option<Vec<IgnoredAny>>,
        defer_loading: Option<bool>,
        allowed_callers: Option<Vec<String>>,
    }
    let tool: RawTool = read("", raw)?;
    if let Some(kind) = tool.r#type.filter(|kind| kind != "custom") {
        return Err(bad("type", format!("{kind:?} is not supported by the provider that serves this model")));
    }
    let others = [
        ("input_examples", tool.input_examples.is_some_and(|examples| !examples.is_empty())),
        ("defer_loading", tool.defer_loading == Some(true)),
        ("allowed_callers", tool.allowed_callers.is_some_and(|callers| callers != ["direct"])),
    ];
    if let Some((name, _)) = others.iter().find(|(_, asked)| *asked) {
        return Err(bad(name, "is not supported by the provider that serves this model"));
    }
    let schema = need("input_schema", tool.input_schema)?;
    if !schema.is_object() {
        return Err(bad("input_schema", "must be an object"));
    }
    Ok(Tool {
        name: tool.name,
        description: tool.description,
        parameters: Some(schema),
        strict: tool.strict,
        cache: tool.cache_control,
    })
}

fn tool_choice(raw: &str, request: &mut Request) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct Choice {
        r#type: String,
        name: Option<String>,
        disable_parallel_tool_use: Option<bool>,
    }
    let choice: Choice = read("tool_choice", raw)?;
    request.tool_choice = Some(match choice.r#type.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(need("tool_choice.name", choice.name)?),
        other => return Err(bad("tool_choice.type", format!("{other:?} is not known"))),
    });
    request.parallel_tool_calls = choice.disable_parallel_tool_use.map(|disabled| !disabled);
    Ok(())
}

fn output_config(raw: &str, request: &mut Request) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct Config<'a> {
        effort: Option<String>,
        #[serde(borrow)]
        format: Option<&'a RawValue>,
    }
    let config: Config<'_> = read("output_config", raw)?;
    if let Some(word) = config.effort {
        let effort = Effort::parse(&word)
            .ok_or_else(|| bad("output_config.effort", format!("{word:?} is not known")))?;
        request.reasoning.get_or_insert_default().effort = Some(effort);
    }
    if let Some(raw) = config.format {
        request.response_format = Some(format("output_config.format", raw.get())?);
    }
    Ok(())
}

fn format(param: &str, raw: &str) -> Result<ResponseFormat, BadRequest> {
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
        schema: Option<Raw>,
    }
    let format: Format = read(param, raw)?;
    match (format.r#type.as_str(), format.schema) {
        // Anthropic keeps to the schema, so whoever can promise it does.
        ("json_schema", Some(schema)) => {
            let strict = strict::fits(&schema).then_some(true);
            Ok(ResponseFormat::JsonSchema { name: None, description: None, schema, strict })
        }
        ("json_schema", None) => Err(bad(param, "needs a `schema`")),
        (other, _) => Err(bad(param, format!("{other:?} is not known"))),
    }
}
