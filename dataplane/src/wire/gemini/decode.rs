//! Reads a request, to be translated for another kind of provider.
//!
//! What only Gemini has: `labels`, `store`, `mediaResolution` and safety settings that switch a filter off are left
//! out (nothing that is asked changes); tools that Google runs, caches, other service tiers, stricter safety
//! settings, answers that are not text and whatever a function, the choice among
//! functions or the thinking has besides are refused by name.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        BadRequest, Wire,
        fields::{bad, list, read},
        tier,
    },
    config, contents, schema,
};
use crate::{
    body::{self, Body},
    chat::{Message, Raw, Request, Role, Tool, ToolChoice, strict},
};

/// What a field says that another provider has no place for.
pub(super) fn unsupported(param: &str) -> BadRequest {
    bad(param, "is not supported by the provider that serves this model")
}

/// Refuses members of an object that would be lost.
pub(super) fn only_known(raw: &str, known: &[&str]) -> Result<(), BadRequest> {
    let object = body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|error| bad("", error.to_string()))?;
    let foreign = object.members().find(|(name, raw)| *raw != "null" && !known.contains(name));
    foreign.map_or(Ok(()), |(name, _)| Err(unsupported(name)))
}

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    // How `countTokens` may be asked: with a whole request of the other kind.
    if let (None, Some(raw)) = (body.raw("contents"), body.raw("generateContentRequest")) {
        let inner = body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes()));
        let inner = inner.map_err(|error| bad("generateContentRequest", error.to_string()))?;
        return decode(&inner).map_err(|error| error.within("generateContentRequest"));
    }
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut system = None;
    let mut choice = None;
    let mut found = false;
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "contents" => {
                found = true;
                request.messages.extend(contents::read_all(name, raw)?);
            }
            "systemInstruction" | "system_instruction" => system = Some(contents::system(name, raw)?),
            "tools" => request.tools = list(name, raw, tool)?.into_iter().flatten().collect(),
            "toolConfig" | "tool_config" => choice = Some((name, raw)),
            "generationConfig" | "generation_config" => {
                config::read_all(raw, &mut request).map_err(|error| error.within(name))?;
            }
            "safetySettings" | "safety_settings" => {
                list(name, raw, safety)?;
            }
            // The path says it.
            "model" | "labels" | "store" => {}
            "serviceTier" | "service_tier" => {
                request.extra.extend(tier::as_openai(Wire::Gemini, name, raw)?);
            }
            "cachedContent" | "cached_content" => {
                return Err(unsupported(name));
            }
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    if !found {
        return Err(bad("contents", "is missing"));
    }
    if let Some((name, raw)) = choice {
        tool_config(name, raw, &mut request)?;
    }
    if let Some(system) = system {
        request.messages.insert(0, Message::new(Role::System, system));
    }
    Ok(request)
}

/// Other providers have filters of their own, so only a wish for fewer is no loss.
fn safety(raw: &str) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    struct Setting {
        threshold: Option<String>,
    }
    match read::<Setting>("", raw)?.threshold.as_deref() {
        None | Some("BLOCK_NONE" | "OFF" | "HARM_BLOCK_THRESHOLD_UNSPECIFIED") => Ok(()),
        Some(_) => Err(unsupported("threshold")),
    }
}

/// One entry of `tools`, which may hold many functions.
fn tool(raw: &str) -> Result<Vec<Tool>, BadRequest> {
    let tool = body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|error| bad("", error.to_string()))?;
    let mut functions = Vec::new();
    for (name, raw) in tool.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "functionDeclarations" | "function_declarations" => {
                functions.extend(list(name, raw, function)?);
            }
            _ => return Err(unsupported(name)),
        }
    }
    Ok(functions)
}

fn function(raw: &str) -> Result<Tool, BadRequest> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Function<'a> {
        name: String,
        description: Option<String>,
        #[serde(borrow)]
        parameters: Option<&'a RawValue>,
        #[serde(alias = "parameters_json_schema")]
        parameters_json_schema: Option<Raw>,
        behavior: Option<String>,
    }
    let function: Function<'_> = read("", raw)?;
    only_known(
        raw,
        &["name", "description", "parameters", "parametersJsonSchema", "parameters_json_schema", "behavior"],
    )?;
    // That the model waits for the answer is what others do, too.
    if function.behavior.is_some_and(|behavior| !matches!(behavior.as_str(), "BLOCKING" | "UNSPECIFIED")) {
        return Err(unsupported("behavior"));
    }
    let parameters = match (function.parameters_json_schema, function.parameters) {
        (Some(schema), _) if schema.is_object() => Some(schema),
        (Some(_), _) => return Err(bad("parametersJsonSchema", "must be an object")),
        (None, Some(parameters)) => Some(schema::to_json_schema("parameters", parameters.get())?),
        (None, None) => None,
    };
    let description = function.description;
    Ok(Tool { name: function.name, description, parameters, strict: None, cache: None })
}

fn tool_config(name: &str, raw: &str, request: &mut Request) -> Result<(), BadRequest> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config<'a> {
        #[serde(alias = "function_calling_config", borrow)]
        function_calling_config: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Calling {
        mode: Option<String>,
        #[serde(alias = "allowed_function_names")]
        allowed_function_names: Option<Vec<String>>,
    }
    const CALLING: [&str; 2] = ["functionCallingConfig", "function_calling_config"];
    let config: Config<'_> = read(name, raw)?;
    only_known(raw, &CALLING).map_err(|error| error.within(name))?;
    let Some(raw) = config.function_calling_config.map(RawValue::get) else { return Ok(()) };
    let within = |error: BadRequest| error.within("functionCallingConfig").within(name);
    let calling: Calling = read("", raw).map_err(within)?;
    only_known(raw, &["mode", "allowedFunctionNames", "allowed_function_names"]).map_err(within)?;
    let allowed = calling.allowed_function_names.unwrap_or_default();
    request.tool_choice = match calling.mode.as_deref() {
        None | Some("MODE_UNSPECIFIED") => None,
        Some("AUTO") => Some(ToolChoice::Auto),
        Some("NONE") => Some(ToolChoice::None),
        Some("ANY") => Some(match allowed.as_slice() {
            [one] => ToolChoice::Tool(one.clone()),
            _ => ToolChoice::Required,
        }),
        // The model's choice, but with arguments that follow their schemas: promised where they can be.
        Some("VALIDATED") => {
            for tool in &mut request.tools {
                tool.strict = tool.parameters.as_ref().is_some_and(strict::fits).then_some(true);
            }
            Some(ToolChoice::Auto)
        }
        Some(other) => {
            let param = format!("{name}.functionCallingConfig.mode");
            return Err(bad(&param, format!("{other:?} is not known")));
        }
    };
    // The others cannot be called, so they need not be shown.
    if allowed.len() > 1 || (allowed.len() == 1 && request.tool_choice == Some(ToolChoice::Auto)) {
        request.tools.retain(|tool| allowed.contains(&tool.name));
    }
    Ok(())
}
