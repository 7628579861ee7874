//! Reads a request, to be translated for a provider that does not speak this wire.
//!
//! | of the request | becomes |
//! |---|---|
//! | `instructions` | a system message before all others |
//! | log probabilities in `include`, or `top_logprobs` above 0 | log probabilities |
//! | `store`, `metadata`, `stream_options`, `max_tool_calls`, `prompt_cache_options`, `prompt_cache_retention`, whatever else is in `include` | left out: nothing is stored, and no tool is run by the provider |
//! | `previous_response_id`, `conversation`, `prompt`, `item_reference` | refused by name: they mean what is stored at a provider |
//! | `background: true`, `truncation: auto`, `context_management`, `moderation` | refused by name |
//! | tools other than functions | refused by name |
//! | `allowed_tools` | the tools that it names |
//! | unknown fields | kept |

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        BadRequest,
        fields::{bad, list, read},
        openai::{settings, tool_choice::Choice},
    },
    input,
};
use crate::{
    body::Body,
    chat::{Content, Effort, Logprobs, Message, Raw, Reasoning, Request, ResponseFormat, Role, Tool},
};

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut instructions: Option<String> = None;
    let mut choice = None;
    let (mut logprobs, mut top_logprobs) = (false, 0);
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "input" => request.messages = input::messages(raw)?,
            "instructions" => instructions = Some(read(name, raw)?),
            "tools" => request.tools = list(name, raw, tool)?,
            "tool_choice" => choice = Some(Choice::read(name, raw)?),
            "parallel_tool_calls" => request.parallel_tool_calls = Some(read(name, raw)?),
            "max_output_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "text" => text(raw, &mut request)?,
            "reasoning" => reasoning(raw, request.reasoning.get_or_insert_default())?,
            "include" => logprobs = includes_logprobs(name, raw)?,
            "top_logprobs" => top_logprobs = read(name, raw)?,
            "store"
            | "metadata"
            | "stream_options"
            | "max_tool_calls"
            | "prompt_cache_options"
            | "prompt_cache_retention"
            | "client_metadata" => {}
            "background" if raw == "false" => {}
            "truncation" if raw == r#""disabled""# => {}
            "context_management" if raw.trim_start_matches('[').trim() == "]" => {}
            "previous_response_id" | "conversation" | "prompt" => return Err(stored(name)),
            "background" | "background_options" | "truncation" | "context_management" | "moderation"
            | "access_programs" | "image" => {
                return Err(bad(name, "is not supported where a request is translated"));
            }
            _ if settings::of_all(&mut request, name, raw)? => {}
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    if body.raw("input").is_none() {
        return Err(bad("input", "is missing"));
    }
    if let Some(text) = instructions.filter(|text| !text.is_empty()) {
        request.messages.insert(0, Message::new(Role::System, vec![Content::Text(text).into()]));
    }
    if let Some(choice) = choice {
        choice.narrow(&mut request.tools);
        request.tool_choice = Some(choice.choice);
    }
    request.logprobs = (logprobs || top_logprobs > 0).then_some(Logprobs { top: top_logprobs });
    if request.reasoning == Some(Reasoning::default()) {
        request.reasoning = None;
    }
    Ok(request)
}

fn stored(name: &str) -> BadRequest {
    bad(
        name,
        "means what is stored at a provider, in an account that all tenants share: send the whole conversation as \
         `input`",
    )
}

/// The other words ask for what nobody stores, or for what comes anyway.
fn includes_logprobs(name: &str, raw: &str) -> Result<bool, BadRequest> {
    let words: Vec<String> = read(name, raw)?;
    Ok(words.iter().any(|word| word == "message.output_text.logprobs"))
}

fn tool(raw: &str) -> Result<Tool, BadRequest> {
    #[derive(Deserialize)]
    struct RawTool {
        r#type: String,
        name: Option<String>,
        description: Option<String>,
        parameters: Option<Raw>,
        strict: Option<bool>,
        cache_control: Option<Raw>,
    }
    let tool: RawTool = read("", raw)?;
    if tool.r#type != "function" {
        return Err(bad("type", format!("{:?} is not supported where a request is translated", tool.r#type)));
    }
    let parameters = tool.parameters.filter(|schema| schema.get() != "null");
    if parameters.as_ref().is_some_and(|schema| !schema.is_object()) {
        return Err(bad("parameters", "must be an object"));
    }
    Ok(Tool {
        name: tool.name.ok_or_else(|| bad("name", "is missing"))?,
        description: tool.description,
        parameters,
        strict: tool.strict,
        cache: tool.cache_control,
    })
}

fn text(raw: &str, request: &mut Request) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct Text<'a> {
        #[serde(borrow)]
        format: Option<&'a RawValue>,
        verbosity: Option<Raw>,
    }
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
        name: Option<String>,
        description: Option<String>,
        schema: Option<Raw>,
        strict: Option<bool>,
    }
    let text: Text<'_> = read("text", raw)?;
    if let Some(verbosity) = text.verbosity.filter(|verbosity| verbosity.get() != "null") {
        request.extra.push(("verbosity".to_owned(), verbosity));
    }
    let Some(format) = text.format else { return Ok(()) };
    let format: Format = read("text.format", format.get())?;
    request.response_format = Some(match (format.r#type.as_str(), format.schema) {
        ("text", _) => return Ok(()),
        ("json_object", _) => ResponseFormat::JsonObject,
        ("json_schema", Some(schema)) => ResponseFormat::JsonSchema {
            name: format.name,
            description: format.description,
            schema,
            strict: format.strict,
        },
        ("json_schema", None) => return Err(bad("text.format.schema", "is missing")),
        (other, _) => return Err(bad("text.format.type", format!("{other:?} is not known"))),
    });
    Ok(())
}

fn reasoning(raw: &str, reasoning: &mut Reasoning) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct RawReasoning {
        effort: Option<String>,
        mode: Option<String>,
        summary: Option<String>,
        generate_summary: Option<String>,
    }
    let asked: RawReasoning = read("reasoning", raw)?;
    if asked.mode.is_some_and(|mode| mode != "standard") {
        return Err(bad("reasoning.mode", "may only be standard where a request is translated"));
    }
    if let Some(word) = asked.effort {
        let effort =
            Effort::parse(&word).ok_or_else(|| bad("reasoning.effort", format!("{word:?} is not known")))?;
        reasoning.effort = Some(effort);
    }
    if asked.summary.or(asked.generate_summary).is_some() {
        reasoning.display = Some("summarized".to_owned());
    }
    Ok(())
}
