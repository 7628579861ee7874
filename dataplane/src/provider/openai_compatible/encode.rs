//! Translated: a chat request as these providers take it.
//!
//! | of the model | becomes |
//! |---|---|
//! | developer messages | `developer`, or `system` where that role is not known |
//! | tool results | `tool` messages before the rest of their user message; images in them go into that user message |
//! | `is_error` | `Error: ` before the result's text, unless that says so itself: the format has no such mark |
//! | cache markers | `cache_control` for `OpenRouter`; `prompt_cache_breakpoint` on parts for `OpenAI`'s models that take it; else left out: these providers cache by themselves |
//! | thinking of earlier turns | `reasoning_details` for `OpenRouter`; `reasoning_content` with tool calls for `DeepSeek`; else left out, as these providers ignore it |
//! | a call's signature | `extra_content` where the provider may be Google's compatibility layer; else left out |
//! | documents that are text | text |
//! | pictures, documents and sound that the provider does not take | refused by name |
//! | a thinking budget | an effort: below 2,048 tokens `low`, below 8,192 `medium`, else `high` |
//! | `n` above 1 | refused by name where the provider gives one answer |
//! | log probabilities, `seed` | left out where the provider ignores them |
//! | `top_k` | left out where the provider is known to ignore it; refused by name where it does not take it |
//! | a schema for the answer | `response_format`; where the provider only promises JSON, that and a system message that tells the schema |
//! | unknown fields | kept, after the rules have been checked |

use super::{Dialect, MaxTokens, NATIVE_DOCUMENTS, ReasoningField, may_have_document, messages, schema};
use crate::{
    chat::{Effort, Logprobs, Reasoning, Request, ResponseFormat, Thinking, Tool, ToolChoice},
    json::{self, Object},
    provider::{Refusal, Target, cache, rules},
};

/// Written by us alone: a client of another wire must not set them behind our back.
const OWNED: [&str; 22] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "usage",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "stop",
    "response_format",
    "reasoning_effort",
    "user",
];

pub(super) fn encode(dialect: &Dialect, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
    check(dialect, request)?;
    let breakpoints = dialect.cache_breakpoints && has_breakpoints(&target.model.upstream_model);
    let dialect = &Dialect { cache_breakpoints: breakpoints, ..*dialect };
    let mut out = Vec::with_capacity(1024);
    let mut body = Object::open(&mut out);
    body.string("model", &target.model.upstream_model);
    let told = match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) if !dialect.json_schema => {
            Some(schema::message(schema.get()))
        }
        _ => None,
    };
    messages::write(body.name("messages"), told.as_deref(), &request.messages, dialect)?;
    if let Some(most) = request.max_output_tokens {
        let name =
            if dialect.max_tokens == MaxTokens::Completion { "max_completion_tokens" } else { "max_tokens" };
        body.number(name, most);
    }
    sampling(&mut body, dialect, request);
    answers(&mut body, dialect, request);
    if !request.stop.is_empty() {
        json::list(body.name("stop"), &request.stop, |out, text| json::string(out, text));
    }
    tools(&mut body, dialect, request);
    if told.is_some() {
        body.raw("response_format", schema::JSON_OBJECT);
    } else if let Some(format) = &request.response_format {
        response_format(&mut body, format);
    }
    if let Some(asked) = &request.reasoning {
        reasoning(&mut body, dialect.reasoning, asked);
    }
    if let Some(user) = &request.user {
        body.string("user", user);
    }
    if request.stream {
        body.raw("stream", "true").raw("stream_options", r#"{"include_usage":true}"#);
    }
    if dialect.usage_include {
        body.raw("usage", r#"{"include":true}"#);
    }
    let documents = dialect.parses_documents && may_have_document(body.written());
    if documents {
        body.raw("plugins", NATIVE_DOCUMENTS);
    }
    for (name, value) in &request.extra {
        let ours = documents && name == "plugins";
        if !ours && !dialect.ignored.contains(&name.as_str()) {
            body.foreign(name, value.get());
        }
    }
    body.close();
    cache::check(&out)?;
    Ok(out)
}

fn check(dialect: &Dialect, request: &Request) -> Result<(), Refusal> {
    rules::check_extra(&request.extra, dialect.rules)?;
    rules::check_extra(&request.extra, super::relay::RULES)?;
    let refuse = |field: &str, message: String| Err(Refusal { field: field.to_owned(), message });
    if let Some((name, _)) = request.extra.iter().find(|(name, _)| OWNED.contains(&name.as_str())) {
        return refuse(name, format!("`{name}` is not a field of this format"));
    }
    if !dialect.several_answers {
        rules::one_answer(request, "the provider that serves this model")?;
    }
    rules::no_sources(&request.messages, "the provider that serves this model")?;
    if request.top_k.is_some() && !dialect.top_k && !dialect.ignored.contains(&"top_k") {
        return refuse("top_k", "`top_k` is not known to the provider that serves this model".to_owned());
    }
    Ok(())
}

/// `gpt-5.6` and later, as `OpenAI`'s SDK says of `prompt_cache_options`: older models refuse the field.
fn has_breakpoints(model: &str) -> bool {
    let version = model.strip_prefix("ft:").unwrap_or(model).strip_prefix("gpt-").unwrap_or_default();
    let version = version.split(['-', ':']).next().unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |text: &str| text.parse::<u32>().ok();
    number(major).zip(number(minor)).is_some_and(|version| version >= (5, 6))
}

fn sampling(body: &mut Object<'_>, dialect: &Dialect, request: &Request) {
    let numbers = [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("presence_penalty", &request.presence_penalty),
        ("frequency_penalty", &request.frequency_penalty),
        ("seed", &request.seed),
        ("top_k", &request.top_k),
    ];
    for (name, value) in numbers {
        if let Some(value) = value.as_ref().filter(|_| !dialect.ignored.contains(&name)) {
            body.raw(name, value.get());
        }
    }
}

/// How many, and what is told beside their texts.
fn answers(body: &mut Object<'_>, dialect: &Dialect, request: &Request) {
    if let Some(n) = request.n.filter(|_| dialect.several_answers) {
        body.number("n", n);
    }
    if let Some(Logprobs { top }) = request.logprobs.filter(|_| !dialect.ignored.contains(&"logprobs")) {
        body.raw("logprobs", "true");
        if top > 0 {
            body.number("top_logprobs", top);
        }
    }
}

fn tools(body: &mut Object<'_>, dialect: &Dialect, request: &Request) {
    if request.tools.is_empty() {
        return;
    }
    json::list(body.name("tools"), &request.tools, |out, each| tool(out, dialect, each));
    if let Some(choice) = &request.tool_choice {
        match choice {
            ToolChoice::Auto => body.string("tool_choice", "auto"),
            ToolChoice::None => body.string("tool_choice", "none"),
            ToolChoice::Required => body.string("tool_choice", "required"),
            ToolChoice::Tool(name) => body.raw(
                "tool_choice",
                &format!(r#"{{"type":"function","function":{{"name":{}}}}}"#, json::quoted(name)),
            ),
        };
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.raw("parallel_tool_calls", if parallel { "true" } else { "false" });
    }
}

fn tool(out: &mut Vec<u8>, dialect: &Dialect, tool: &Tool) {
    let mut object = Object::open(out);
    let mut function = Object::open(object.string("type", "function").name("function"));
    function.string("name", &tool.name);
    if let Some(description) = &tool.description {
        function.string("description", description);
    }
    if let Some(parameters) = &tool.parameters {
        function.raw("parameters", parameters.get());
    }
    if let Some(strict) = tool.strict {
        function.raw("strict", if strict { "true" } else { "false" });
    }
    function.close();
    if let Some(cache) = tool.cache.as_ref().filter(|_| dialect.cache_control) {
        object.raw("cache_control", cache.get());
    }
    object.close();
}

fn response_format(body: &mut Object<'_>, format: &ResponseFormat) {
    let (name, description, schema, strict) = match format {
        ResponseFormat::Text => {
            body.raw("response_format", r#"{"type":"text"}"#);
            return;
        }
        ResponseFormat::JsonObject => {
            body.raw("response_format", r#"{"type":"json_object"}"#);
            return;
        }
        ResponseFormat::JsonSchema { name, description, schema, strict } => {
            (name, description, schema, strict)
        }
    };
    let mut object = Object::open(body.name("response_format"));
    let mut inner = Object::open(object.string("type", "json_schema").name("json_schema"));
    inner.string("name", name.as_deref().unwrap_or("response"));
    if let Some(description) = description {
        inner.string("description", description);
    }
    inner.raw("schema", schema.get());
    if let Some(strict) = strict {
        inner.raw("strict", if *strict { "true" } else { "false" });
    }
    inner.close();
    object.close();
}

fn reasoning(body: &mut Object<'_>, field: ReasoningField, asked: &Reasoning) {
    let budget = match asked.thinking {
        Some(Thinking::Budget(tokens)) => Some(tokens),
        _ => None,
    };
    let off = asked.thinking == Some(Thinking::Disabled);
    let effort = asked.effort.or(budget.map(Effort::of_budget));
    match field {
        ReasoningField::Effort(least, most) => {
            // Models that don't reason refuse the field altogether, so "off" is said by silence.
            if let Some(effort) = effort.filter(|_| !off) {
                let effort = if effort == Effort::None { effort } else { effort.clamp(least, most) };
                body.string("reasoning_effort", effort.name());
            }
        }
        ReasoningField::ThinkingAndEffort(most) => {
            let off = off || effort == Some(Effort::None);
            if off || asked.thinking.is_some() {
                let kind = if off { "disabled" } else { "enabled" };
                body.raw("thinking", &format!(r#"{{"type":"{kind}"}}"#));
            }
            if let Some(effort) = effort.filter(|_| !off) {
                body.string("reasoning_effort", effort.min(most).name());
            }
        }
        ReasoningField::Object => {
            let object = match (budget, effort) {
                _ if off => r#"{"enabled":false}"#.to_owned(),
                (Some(tokens), _) => format!(r#"{{"max_tokens":{tokens}}}"#),
                (None, Some(effort)) => format!(r#"{{"effort":"{}"}}"#, effort.name()),
                (None, None) => r#"{"enabled":true}"#.to_owned(),
            };
            body.raw("reasoning", &object);
        }
    }
}
