//! `generationConfig`.

use serde::Deserialize;

use super::{
    super::{
        BadRequest,
        fields::{bad, number, read},
    },
    decode::{only_known, unsupported},
    schema,
};
use crate::{
    body,
    chat::{Effort, Logprobs, Raw, Reasoning, Request, ResponseFormat, Thinking, strict},
};

/// What is said of the answer's form, until all of it is known.
#[derive(Default)]
struct Form {
    json: bool,
    schema: Option<Raw>,
}

pub(super) fn read_all(raw: &str, request: &mut Request) -> Result<(), BadRequest> {
    let config = body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|error| bad("", error.to_string()))?;
    let mut form = Form::default();
    let (mut logprobs, mut top) = (false, 0);
    for (name, raw) in config.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "maxOutputTokens" | "max_output_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "temperature" => request.temperature = Some(number(name, raw)?),
            "topP" | "top_p" => request.top_p = Some(number(name, raw)?),
            "topK" | "top_k" => request.top_k = Some(whole(number(name, raw)?)),
            "presencePenalty" | "presence_penalty" => request.presence_penalty = Some(number(name, raw)?),
            "frequencyPenalty" | "frequency_penalty" => request.frequency_penalty = Some(number(name, raw)?),
            "seed" => request.seed = Some(number(name, raw)?),
            "stopSequences" | "stop_sequences" => request.stop = read(name, raw)?,
            "responseMimeType" | "response_mime_type" => match read::<String>(name, raw)?.as_str() {
                "text/plain" | "" => {}
                "application/json" => form.json = true,
                _ => return Err(unsupported(name)),
            },
            "responseSchema" | "response_schema" => {
                form.schema = Some(schema::to_json_schema(name, raw)?);
            }
            "responseJsonSchema" | "response_json_schema" | "_responseJsonSchema" => {
                form.schema = Some(read(name, raw)?);
            }
            "thinkingConfig" | "thinking_config" => request.reasoning = thinking(name, raw)?,
            "responseModalities" | "response_modalities" => {
                let modalities: Vec<String> = read(name, raw)?;
                if modalities.iter().any(|modality| modality != "TEXT") {
                    return Err(unsupported(name));
                }
            }
            "candidateCount" | "candidate_count" => request.n = Some(counted(name, raw)?),
            "responseLogprobs" | "response_logprobs" => logprobs = read(name, raw)?,
            "logprobs" => top = counted(name, raw)?,
            // How closely pictures are looked at is each provider's own affair.
            "mediaResolution" | "media_resolution" => {}
            _ => return Err(unsupported(name)),
        }
    }
    if request.n == Some(0) {
        return Err(bad("candidateCount", "must be 1 or more"));
    }
    if top > 0 && !logprobs {
        return Err(bad("logprobs", "needs `responseLogprobs` to be true"));
    }
    request.logprobs = logprobs.then_some(Logprobs { top });
    request.response_format = match form {
        Form { schema: Some(schema), .. } => {
            // Gemini keeps to the schema, so whoever can promise it does.
            let strict = strict::fits(&schema).then_some(true);
            Some(ResponseFormat::JsonSchema { name: None, description: None, schema, strict })
        }
        Form { json: true, schema: None } => Some(ResponseFormat::JsonObject),
        Form { json: false, schema: None } => None,
    };
    Ok(())
}

/// Google's own client writes `topK` as a float.
fn whole(number: Raw) -> Raw {
    number.get().strip_suffix(".0").and_then(Raw::parse).unwrap_or(number)
}

/// Google reads whole numbers in any form: `2`, `2.0`, `"2"`.
fn counted(name: &str, raw: &str) -> Result<u32, BadRequest> {
    let number = if raw.starts_with('"') { read::<String>(name, raw)? } else { raw.to_owned() };
    let number = number.trim();
    number
        .strip_suffix(".0")
        .unwrap_or(number)
        .parse()
        .map_err(|_| bad(name, "must be a whole number, 0 or more"))
}

fn thinking(name: &str, raw: &str) -> Result<Option<Reasoning>, BadRequest> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        #[serde(alias = "include_thoughts")]
        include_thoughts: Option<bool>,
        #[serde(alias = "thinking_budget")]
        thinking_budget: Option<i64>,
        #[serde(alias = "thinking_level")]
        thinking_level: Option<String>,
    }
    const KNOWN: [&str; 6] = [
        "includeThoughts",
        "include_thoughts",
        "thinkingBudget",
        "thinking_budget",
        "thinkingLevel",
        "thinking_level",
    ];
    let config: Config = read(name, raw)?;
    only_known(raw, &KNOWN).map_err(|error| error.within(name))?;
    let effort = match config.thinking_level.as_deref() {
        None | Some("THINKING_LEVEL_UNSPECIFIED") => None,
        Some(level) => Some(
            Effort::parse(&level.to_ascii_lowercase())
                .ok_or_else(|| bad(&format!("{name}.thinkingLevel"), format!("{level:?} is not known")))?,
        ),
    };
    let thinking = match config.thinking_budget {
        None => {
            config.include_thoughts.filter(|include| *include && effort.is_none()).map(|_| Thinking::Adaptive)
        }
        Some(0) => Some(Thinking::Disabled),
        Some(tokens) => Some(u64::try_from(tokens).map_or(Thinking::Adaptive, Thinking::Budget)),
    };
    let display = (config.include_thoughts == Some(false)).then(|| "omitted".to_owned());
    let reasoning = Reasoning { thinking, effort, display };
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}
