//! Translated: a chat request as Anthropic takes it.
//!
//! | of the model | becomes |
//! |---|---|
//! | system and developer messages, wherever they stand | the top-level `system`, in their order |
//! | messages of the same role in a row | one message; its tool results come first, as Anthropic demands |
//! | no `max_tokens` | the model's `maxOutputTokens`, or 4,096 beside a budget for thinking |
//! | thinking | bounded by the model itself where it can; else a budget of at least 1,024 tokens that leaves as many for the answer |
//! | an effort | the same, and `output_config.effort`; without thinking where Anthropic forbids it: a tool is forced, `top_k`, a `top_p` below 0.95 or another temperature than 1 is asked for, or, with a budget, the history has a call without its thinking |
//! | a schema for the answer | `output_config.format`, its objects closed and what Anthropic does not see to told in descriptions; where that would be another schema (members that it does not name, any values), it is told in `system` |
//! | `json_object` | a sentence in `system`: Anthropic has no such mode, and `OpenAI` demands that the prompt asks for JSON anyway |
//! | thinking without a signature or sealed by others, blank texts | left out: Anthropic takes only its own, and no blank text |
//! | a picture's `detail`, `seed`, penalties, `logit_bias`, `store`, `metadata`, `prediction`, `verbosity`, `prompt_cache_*`, `safety_identifier`, speaker's names | left out, as Anthropic's own `OpenAI`-compatible endpoint does |
//! | stop texts of white space alone, `n` above 1, log probabilities, sound, web search, service tiers but `auto` and `default` | refused by name |
//! | unknown fields | kept, after the rules have been checked |

use super::{RULES, messages};
use crate::{
    chat::{Content, Part, Raw, Request, ResponseFormat, Role, Tool, ToolChoice},
    json::{self, Object},
    provider::{Refusal, Target, cache, claude, rules, told},
};
use aigne_hub_crds::config::ModelFeature;

/// Used where neither the client nor the model's configuration names a bound.
const MAX_TOKENS: u64 = 4096;

/// `OpenAI`'s fields that change comfort, not meaning.
const IGNORED: [&str; 10] = [
    "logit_bias",
    "store",
    "metadata",
    "prediction",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "modalities",
];

/// Written by us alone.
const OWNED: [&str; 13] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "metadata",
    "thinking",
    "output_config",
    "output_format",
    "temperature",
];

pub(super) fn encode(request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
    check(request)?;
    let max_tokens = request.max_output_tokens.or(target.model.max_output_tokens);
    let max_tokens = max_tokens.unwrap_or_else(|| MAX_TOKENS.saturating_add(claude::asked_budget(request)));
    let form = match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) => Some(Form::of(schema)),
        Some(ResponseFormat::JsonObject) => Some(Form::Told(told::JSON.to_owned())),
        _ => None,
    };
    let mut out = Vec::with_capacity(1024);
    let mut body = Object::open(&mut out);
    body.string("model", &target.model.upstream_model).number("max_tokens", max_tokens);
    system(&mut body, request, form.as_ref())?;
    messages::write(body.name("messages"), &request.messages)?;
    for (name, value) in
        [("temperature", &request.temperature), ("top_p", &request.top_p), ("top_k", &request.top_k)]
    {
        if let Some(value) = value {
            body.raw(name, value.get());
        }
    }
    if !request.stop.is_empty() {
        json::list(body.name("stop_sequences"), &request.stop, |out, text| json::string(out, text));
    }
    if !request.tools.is_empty() {
        json::list(body.name("tools"), &request.tools, tool);
        tool_choice(&mut body, request);
    }
    thinking(&mut body, request, target, max_tokens, form.as_ref());
    if let Some(user) = &request.user {
        let mut metadata = Object::open(body.name("metadata"));
        metadata.string("user_id", user);
        metadata.close();
    }
    if request.stream {
        body.raw("stream", "true");
    }
    if request.extra("service_tier").is_some_and(|tier| tier.get() == r#""default""#) {
        body.string("service_tier", "standard_only");
    }
    for (name, value) in &request.extra {
        if !IGNORED.contains(&name.as_str()) && name != "service_tier" {
            body.foreign(name, value.get());
        }
    }
    body.close();
    cache::check(&out)?;
    Ok(out)
}

fn check(request: &Request) -> Result<(), Refusal> {
    let refuse = |field: &str, message: &str| Err(Refusal::of(field, message));
    rules::one_answer(request, "Anthropic")?;
    rules::no_logprobs(request, "Anthropic")?;
    for (name, value) in &request.extra {
        let value = value.get();
        match name.as_str() {
            "modalities" if value.contains("audio") => {
                return refuse(name, "may only be text: Anthropic writes no sound");
            }
            "audio" => return refuse(name, "is not supported by Anthropic"),
            "web_search_options" => {
                return refuse(
                    name,
                    "turns on web search, which is billed by the call, which this hub does not allow",
                );
            }
            "service_tier" if !matches!(value, r#""auto""# | r#""default""#) => {
                return refuse(name, "may be auto or default: Anthropic lets nobody ask for another tier");
            }
            owned if OWNED.contains(&owned) && !IGNORED.contains(&owned) => {
                return refuse(name, "is not a field of this format");
            }
            _ => {}
        }
    }
    if request.stop.iter().any(|text| text.trim().is_empty()) {
        return refuse("stop", "may hold no text of white space alone for Anthropic");
    }
    rules::check_extra(
        &request.extra,
        // `OpenAI`'s words for the tier were checked above.
        RULES.split_first().map(|(_, rest)| rest).unwrap_or_default(),
    )
}

/// How the model is told the form of its answer.
enum Form {
    /// As a schema that Anthropic sees to.
    Schema(String),
    /// In words.
    Told(String),
}

impl Form {
    fn of(schema: &Raw) -> Self {
        claude::followed(schema).map_or_else(|| Self::Told(told::schema(schema.get())), Self::Schema)
    }
}

fn system(body: &mut Object<'_>, request: &Request, form: Option<&Form>) -> Result<(), Refusal> {
    let mut parts: Vec<&Part> = request
        .messages
        .iter()
        .filter(|message| matches!(message.role, Role::System | Role::Developer))
        .flat_map(|message| &message.parts)
        .filter(|part| messages::is_sent(part))
        .collect();
    let told: Option<Part> = match form {
        Some(Form::Told(words)) => Some(Content::Text(words.clone()).into()),
        _ => None,
    };
    parts.extend(&told);
    if !parts.is_empty() {
        messages::content(body.name("system"), &parts)?;
    }
    Ok(())
}

fn tool(out: &mut Vec<u8>, tool: &Tool) {
    let mut object = Object::open(out);
    object.string("name", &tool.name);
    if let Some(description) = &tool.description {
        object.string("description", description);
    }
    object.raw("input_schema", &claude::tool_schema(tool, tool.strict == Some(true)));
    if let Some(strict) = tool.strict {
        object.raw("strict", if strict { "true" } else { "false" });
    }
    if let Some(cache) = &tool.cache {
        object.raw("cache_control", cache.get());
    }
    object.close();
}

fn tool_choice(body: &mut Object<'_>, request: &Request) {
    let serial = request.parallel_tool_calls == Some(false);
    let choice = match &request.tool_choice {
        None if !serial => return,
        None => &ToolChoice::Auto,
        Some(choice) => choice,
    };
    let mut object = Object::open(body.name("tool_choice"));
    match choice {
        ToolChoice::Auto => object.string("type", "auto"),
        ToolChoice::Required => object.string("type", "any"),
        ToolChoice::None => object.string("type", "none"),
        ToolChoice::Tool(name) => object.string("type", "tool").string("name", name),
    };
    if serial && *choice != ToolChoice::None {
        object.raw("disable_parallel_tool_use", "true");
    }
    object.close();
}

/// `thinking` and `output_config`.
fn thinking(
    body: &mut Object<'_>,
    request: &Request,
    target: Target<'_>,
    max_tokens: u64,
    form: Option<&Form>,
) {
    let adaptive = target.model.features.contains(&ModelFeature::AdaptiveThinking);
    let forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
    let (thinking, effort) = claude::thinking(request, adaptive, forced, Some(max_tokens));
    if let Some(thinking) = thinking {
        let display = request.reasoning.as_ref().and_then(|asked| asked.display.as_deref());
        claude::write_thinking(body.name("thinking"), thinking, display);
    }
    let schema = match form {
        Some(Form::Schema(schema)) => Some(schema),
        _ => None,
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    let mut config = Object::open(body.name("output_config"));
    if let Some(effort) = effort {
        config.string("effort", effort.name());
    }
    if let Some(schema) = schema {
        let mut format = Object::open(config.name("format"));
        format.string("type", "json_schema").raw("schema", schema);
        format.close();
    }
    config.close();
}
