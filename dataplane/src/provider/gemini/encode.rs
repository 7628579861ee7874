//! Translated: a chat request as Gemini takes it.
//!
//! | of the model | becomes |
//! |---|---|
//! | system and developer messages, wherever they stand | `systemInstruction`, in their order |
//! | messages of the same role in a row | one content; its tool results come first |
//! | a tool's result | `functionResponse` with the function's name (found by the call's id) and an object: `{"output": text}` or `{"error": text}` |
//! | a call's signature | its own; on the first call of a turn that has none, the word by which newer models let it pass |
//! | thinking | with a signature of Gemini's own: as it came; without: left out |
//! | an effort or a budget | `thinkingBudget` for 2.5, `thinkingLevel` for later models; "none" is the least that a model takes |
//! | a tool's schema, a schema for the answer | `parametersJsonSchema`, `responseJsonSchema`: as they are, not Google's own older subset |
//! | `strict` tools, left to the model's choice | mode `VALIDATED` |
//! | a service tier | `serviceTier` |
//! | `n`, log probabilities | `candidateCount`, `responseLogprobs` and `logprobs` |
//! | pictures and documents by address | `fileData`: Google fetches them |
//! | a picture's `detail`, cache markers, `user`, `store`, `metadata`, `prediction`, `verbosity`, `prompt_cache_*`, `safety_identifier`, speakers' names, a schema's name | left out: there is no such thing, and none changes what is asked |
//! | `logit_bias`, `parallel_tool_calls: false` where no tool is named, spoken answers, web search | refused by name |
//! | unknown fields | kept, after the rules have been checked |

use super::{
    messages,
    model::{Generation, budget, level},
    rules::RULES,
};
use crate::{
    chat::{
        Effort, Logprobs, Part, Raw, Reasoning, Request, ResponseFormat, Role, Thinking, Tool, ToolChoice,
    },
    json::{self, Object},
    provider::{Refusal, Target, rules},
};

/// Others' fields that change comfort, not meaning.
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
const OWNED: [&str; 11] = [
    "model",
    "contents",
    "systemInstruction",
    "system_instruction",
    "generationConfig",
    "generation_config",
    "tools",
    "toolConfig",
    "tool_config",
    "serviceTier",
    "messages",
];

pub(super) fn encode(request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
    check(request)?;
    rules::no_sources(&request.messages, "Gemini")?;
    let generation = Generation::of(&target.model.upstream_model);
    let mut out = Vec::with_capacity(1024);
    let mut body = Object::open(&mut out);
    let system: Vec<&Part> = request
        .messages
        .iter()
        .filter(|message| matches!(message.role, Role::System | Role::Developer))
        .flat_map(|message| &message.parts)
        .collect();
    if !system.is_empty() {
        let mut instruction = Object::open(body.name("systemInstruction"));
        messages::system(instruction.name("parts"), &system)?;
        instruction.close();
    }
    messages::write(body.name("contents"), &request.messages, generation)?;
    if !request.tools.is_empty() {
        tools(&mut body, request);
    }
    let mut config = Vec::new();
    let mut object = Object::open(&mut config);
    generation_config(&mut object, request, generation);
    object.close();
    if config != b"{}" {
        body.name("generationConfig").extend_from_slice(&config);
    }
    for (name, value) in &request.extra {
        if !IGNORED.contains(&name.as_str()) && name != "service_tier" {
            body.foreign(name, value.get());
        }
    }
    let tier = request.extra("service_tier").and_then(Raw::read::<String>);
    if let Some(tier) = tier.filter(|tier| !matches!(tier.as_str(), "auto" | "default")) {
        body.string("serviceTier", &tier);
    }
    body.close();
    Ok(out)
}

fn check(request: &Request) -> Result<(), Refusal> {
    let refuse = |field: &str, message: &str| Err(Refusal::of(field, message));
    for (name, value) in &request.extra {
        let value = value.get();
        match name.as_str() {
            "logit_bias" if value != "{}" => return refuse(name, "is not supported by Gemini"),
            "modalities" if value.contains("audio") => {
                return refuse(name, "may only be text where a request is translated for Gemini");
            }
            "audio" => return refuse(name, "is not supported where a request is translated for Gemini"),
            "web_search_options" => {
                return refuse(
                    name,
                    "turns on web search, which is billed by the call, which this hub does not allow",
                );
            }
            owned if OWNED.contains(&owned) => return refuse(name, "is not a field of this format"),
            _ => {}
        }
    }
    // Where one tool is asked for, one call is what Gemini makes.
    let named = matches!(request.tool_choice, Some(ToolChoice::Tool(_) | ToolChoice::None));
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() && !named {
        return refuse("parallel_tool_calls", "cannot be switched off with Gemini");
    }
    rules::check_extra(&request.extra, RULES)
}

fn tools(body: &mut Object<'_>, request: &Request) {
    json::list(body.name("tools"), [&request.tools], |out, tools| {
        let mut object = Object::open(out);
        json::list(object.name("functionDeclarations"), tools, tool);
        object.close();
    });
    let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let (mode, only) = match &request.tool_choice {
        None | Some(ToolChoice::Auto) if strict => ("VALIDATED", None),
        None => return,
        Some(ToolChoice::Auto) => ("AUTO", None),
        Some(ToolChoice::None) => ("NONE", None),
        Some(ToolChoice::Required) => ("ANY", None),
        Some(ToolChoice::Tool(name)) => ("ANY", Some(name)),
    };
    let mut config = Object::open(body.name("toolConfig"));
    let mut calling = Object::open(config.name("functionCallingConfig"));
    calling.string("mode", mode);
    if let Some(name) = only {
        json::list(calling.name("allowedFunctionNames"), [name], |out, name| json::string(out, name));
    }
    calling.close();
    config.close();
}

fn tool(out: &mut Vec<u8>, tool: &Tool) {
    let mut object = Object::open(out);
    object.string("name", &tool.name);
    if let Some(description) = &tool.description {
        object.string("description", description);
    }
    if let Some(parameters) = &tool.parameters {
        object.raw("parametersJsonSchema", parameters.get());
    }
    object.close();
}

fn generation_config(config: &mut Object<'_>, request: &Request, generation: Generation) {
    if let Some(most) = request.max_output_tokens {
        config.number("maxOutputTokens", most);
    }
    for (name, value) in [
        ("temperature", &request.temperature),
        ("topP", &request.top_p),
        ("topK", &request.top_k),
        ("presencePenalty", &request.presence_penalty),
        ("frequencyPenalty", &request.frequency_penalty),
        ("seed", &request.seed),
    ] {
        if let Some(value) = value {
            config.raw(name, value.get());
        }
    }
    if let Some(n) = request.n {
        config.number("candidateCount", n);
    }
    if let Some(Logprobs { top }) = request.logprobs {
        config.raw("responseLogprobs", "true");
        if top > 0 {
            config.number("logprobs", top);
        }
    }
    if !request.stop.is_empty() {
        json::list(config.name("stopSequences"), &request.stop, |out, text| json::string(out, text));
    }
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => {
            config.string("responseMimeType", "application/json");
        }
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            config.string("responseMimeType", "application/json").raw("responseJsonSchema", schema.get());
        }
    }
    if let Some(reasoning) = &request.reasoning {
        thinking(config, reasoning, generation);
    }
}

fn thinking(config: &mut Object<'_>, asked: &Reasoning, generation: Generation) {
    let off = asked.effort == Some(Effort::None) || asked.thinking == Some(Thinking::Disabled);
    let tokens = match asked.thinking {
        Some(Thinking::Budget(tokens)) => Some(tokens),
        _ => None,
    };
    let mut thinking = Object::open(config.name("thinkingConfig"));
    if !off && asked.display.as_deref() != Some("omitted") {
        thinking.raw("includeThoughts", "true");
    }
    match generation {
        Generation::Budget { least, most } => {
            let tokens = if off { Some(0) } else { tokens.or(asked.effort.map(Effort::budget)) };
            match tokens {
                Some(tokens) => thinking.number("thinkingBudget", budget(tokens, least, most)),
                // As the model sees fit.
                None => thinking.raw("thinkingBudget", "-1"),
            };
        }
        Generation::Level { pro, medium } => {
            let effort =
                if off { Some(Effort::None) } else { asked.effort.or(tokens.map(Effort::of_budget)) };
            if let Some(effort) = effort {
                thinking.string("thinkingLevel", level(effort, pro, medium));
            }
        }
    }
    thinking.close();
}
