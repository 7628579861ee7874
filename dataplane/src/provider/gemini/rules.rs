//! What nobody gets round the rules with. Google reads each name in two spellings, `camelCase` and `snake_case`.

use aigne_hub_crds::config::{Model, ModelType};

use super::files;
use crate::{
    body::{self, Body},
    provider::{
        Refusal,
        rules::{self, Allowed, Rule, Tools, rule},
    },
};

const CACHE: &str =
    "uses a cache that all who use the provider's account share and that is billed by the hour";
const CHOICE: &str = "chooses another model";
const PICTURES: &str = "asks for pictures or films, which have their own price";

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] =
    &[rule("cachedContent", Allowed::Empty, CACHE), rule("cached_content", Allowed::Empty, CACHE)];

/// The same within `generationConfig`.
const CONFIG: &[Rule] = &[
    rule("routingConfig", Allowed::Nothing, CHOICE),
    rule("routing_config", Allowed::Nothing, CHOICE),
    rule("modelSelectionConfig", Allowed::Nothing, CHOICE),
    rule("model_selection_config", Allowed::Nothing, CHOICE),
    rule("responseFormat", Allowed::Items(&["text", "audio"]), PICTURES),
    rule("response_format", Allowed::Items(&["text", "audio"]), PICTURES),
];

/// Tools have no type here; they are looked at by [`check_tools`].
const ANY_TYPE: Tools = Tools { own: &[], own_dated: &[], untyped: true };

/// Members of a tool that the client answers itself. All others (search, maps, code, URLs, files, other servers) are
/// run by Google, and most are billed by the call.
const OWN_TOOLS: [&str; 4] = ["functionDeclarations", "function_declarations", "computerUse", "computer_use"];

/// Checks a body of `generateContent` or `countTokens` that is relayed verbatim.
pub(super) fn check(body: &Body, model: &Model) -> Result<(), Refusal> {
    rules::check(body, RULES, ANY_TYPE)?;
    if body.raw("generationConfig").is_some() && body.raw("generation_config").is_some() {
        // Which one counts would be Google's choice.
        return Err(Refusal {
            field: "generation_config".to_owned(),
            message: "`generation_config` stands beside `generationConfig`, which means the same".to_owned(),
        });
    }
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "tools" => check_tools(raw)?,
            "generationConfig" | "generation_config" => check_config(name, &object(name, raw)?, model)?,
            "generateContentRequest" | "generate_content_request" => check(&object(name, raw)?, model)?,
            // Schemas and settings, which name no file.
            "toolConfig" | "tool_config" | "safetySettings" | "safety_settings" => {}
            _ => files::check(name, raw)?,
        }
    }
    Ok(())
}

fn object(name: &str, raw: &str) -> Result<Body, Refusal> {
    body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes())).map_err(|error| Refusal {
        field: name.to_owned(),
        message: format!("`{name}` must be an object: {error}"),
    })
}

fn check_config(name: &str, config: &Body, model: &Model) -> Result<(), Refusal> {
    rules::check(config, CONFIG, ANY_TYPE)
        .map_err(|refusal| Refusal { field: format!("{name}.{}", refusal.field), ..refusal })?;
    for modalities in ["responseModalities", "response_modalities"] {
        let Some(raw) = config.raw(modalities).filter(|raw| *raw != "null") else { continue };
        let allowed = |word: &String| {
            matches!(word.as_str(), "TEXT" | "AUDIO" | "MODALITY_UNSPECIFIED")
                || (word == "IMAGE" && model.r#type == ModelType::Image)
        };
        if !serde_json::from_str::<Vec<String>>(raw).is_ok_and(|words| words.iter().all(allowed)) {
            let field = format!("{name}.{modalities}");
            let message = format!(
                "`{field}` may only be TEXT and AUDIO: pictures have their own price, which this model has not"
            );
            return Err(Refusal { field, message });
        }
    }
    Ok(())
}

fn check_tools(raw: &str) -> Result<(), Refusal> {
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).map_err(|_| Refusal {
        field: "tools".to_owned(),
        message: "`tools` must be a list of objects".to_owned(),
    })?;
    for (index, tool) in list.into_iter().enumerate() {
        let tool = object(&format!("tools[{index}]"), tool.get())?;
        let foreign = tool.members().find(|(name, raw)| *raw != "null" && !OWN_TOOLS.contains(name));
        if let Some((name, _)) = foreign {
            let field = format!("tools[{index}].{name}");
            let message =
                format!("`{field}`: tools that the provider runs itself are not allowed by this hub");
            return Err(Refusal { field, message });
        }
    }
    Ok(())
}
