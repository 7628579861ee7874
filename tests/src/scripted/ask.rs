//! What a request asks for, read tolerantly from either wire.

use serde_json::Value;

use super::checks;

/// Which endpoint was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Chat,
    Completions,
    Responses,
    Messages,
    /// Ollama's own chat.
    Ollama,
    /// Of this model; streamed or not.
    Gemini(String, bool),
    Embeddings,
    Images,
    Speech,
    Transcription,
    Videos,
    /// xAI's, and Doubao's.
    Generations,
    Tasks,
    Task(String),
    /// A video by its id.
    Video(String),
    VideoContent(String),
    /// Google's: model and id.
    Operation(String, String),
    /// Where a file is said to be, and where it is.
    FileMoved(String),
    File(String),
    /// One text, or several at once.
    GeminiEmbed(bool),
    /// Imagen.
    Predict,
    /// Veo, of this model.
    LongRunning(String),
    CountTokens,
    GeminiCount,
    Models,
    Model(String),
    Journal,
    Records,
    Unknown,
}

impl Endpoint {
    /// By the end of the path, as providers differ in what comes before.
    pub(super) fn of(path: &str) -> Self {
        let ends = |end: &str| path.ends_with(end);
        if let Some(job) = Self::of_job(path) {
            return job;
        }
        if let Some((model, method)) =
            path.rsplit_once("/models/").and_then(|(_, rest)| rest.rsplit_once(':'))
        {
            return match method {
                "generateContent" => Self::Gemini(model.into(), false),
                "streamGenerateContent" => Self::Gemini(model.into(), true),
                "embedContent" => Self::GeminiEmbed(false),
                "batchEmbedContents" => Self::GeminiEmbed(true),
                "countTokens" => Self::GeminiCount,
                "predict" => Self::Predict,
                "predictLongRunning" => Self::LongRunning(model.into()),
                _ => Self::Unknown,
            };
        }
        match path {
            "/__scripted/journal" => Self::Journal,
            "/__scripted/records" => Self::Records,
            _ if ends("/chat/completions") => Self::Chat,
            _ if ends("/completions") => Self::Completions,
            _ if ends("/responses") => Self::Responses,
            _ if ends("/messages") => Self::Messages,
            _ if ends("/api/chat") => Self::Ollama,
            _ if ends("/messages/count_tokens") => Self::CountTokens,
            _ if ends("/embeddings") => Self::Embeddings,
            // The last is OpenRouter's.
            _ if ends("/images/generations") || ends("/images/edits") || ends("/images") => Self::Images,
            _ if ends("/audio/speech") => Self::Speech,
            _ if ends("/audio/transcriptions") || ends("/audio/translations") => Self::Transcription,
            _ if ends("/videos") => Self::Videos,
            _ if ends("/videos/generations") => Self::Generations,
            _ if ends("/contents/generations/tasks") => Self::Tasks,
            _ if ends("/models") => Self::Models,
            _ => path.split_once("/models/").map_or(Self::Unknown, |(_, id)| Self::Model(id.to_owned())),
        }
    }

    /// Of a job that was made before.
    fn of_job(path: &str) -> Option<Self> {
        if let Some((_, id)) = path.split_once("/contents/generations/tasks/") {
            return Some(Self::Task(id.to_owned()));
        }
        if let Some((_, rest)) = path.split_once("/videos/").filter(|(_, rest)| *rest != "generations") {
            return Some(match rest.strip_suffix("/content") {
                Some(id) => Self::VideoContent(id.to_owned()),
                None => Self::Video(rest.to_owned()),
            });
        }
        if let Some((before, id)) = path.split_once("/operations/") {
            let model = before.rsplit_once("/models/")?.1;
            return Some(Self::Operation(model.to_owned(), id.to_owned()));
        }
        let (before, id) = path.split_once("/v1beta/files/")?;
        let id = id.strip_suffix(":download")?.to_owned();
        Some(if before == "/download" { Self::File(id) } else { Self::FileMoved(id) })
    }

    /// Of a job that was made before.
    pub(super) fn is_of_a_job(&self) -> bool {
        matches!(
            self,
            Self::Task(_)
                | Self::Video(_)
                | Self::VideoContent(_)
                | Self::Operation(..)
                | Self::FileMoved(_)
                | Self::File(_)
        )
    }

    /// A model is asked: scripts apply.
    pub(super) fn is_of_a_model(&self) -> bool {
        let is_other = matches!(
            self,
            Self::CountTokens
                | Self::GeminiCount
                | Self::Models
                | Self::Model(_)
                | Self::Journal
                | Self::Records
                | Self::Unknown
        );
        !is_other && !self.is_of_a_job()
    }

    /// Errors of this endpoint have Anthropic's shape.
    pub(super) fn is_anthropic(&self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
    }

    /// Errors of this endpoint have Google's shape.
    pub(super) fn is_gemini(&self) -> bool {
        matches!(
            self,
            Self::Gemini(..)
                | Self::GeminiEmbed(_)
                | Self::GeminiCount
                | Self::Predict
                | Self::LongRunning(_)
                | Self::Operation(..)
                | Self::FileMoved(_)
                | Self::File(_)
        )
    }
}

/// The part of a request that shapes the answer.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) stream: bool,
    /// `stream_options.include_usage`.
    pub(super) include_usage: bool,
    pub(super) choices: u64,
    pub(super) max_tokens: Option<usize>,
    pub(super) stop: Vec<String>,
    /// Offered tools: name and schema of the arguments.
    pub(super) tools: Vec<(String, Value)>,
    /// A tool must be called.
    pub(super) tool_forced: bool,
    /// The answer must be JSON of this schema.
    pub(super) schema: Option<Value>,
    /// Log probabilities are asked for.
    pub(super) logprobs: bool,
    /// As written.
    pub(super) service_tier: Option<Value>,
    /// Texts to embed; how many images to make.
    pub(super) inputs: Vec<String>,
    /// Numbers of an embedding.
    pub(super) dimensions: Option<usize>,
    /// Embeddings as base64, speech as events.
    pub(super) encoding: Option<String>,
    /// Of a video, as written.
    pub(super) seconds: Option<String>,
    pub(super) size: Option<String>,
    /// What the answer is to be made of, where it is not text (Gemini).
    pub(super) modality: Option<String>,
    /// About a quarter of the characters of all messages.
    pub(super) prompt_tokens: u64,
    /// From the model's query and from `[[…]]` in the last user message.
    pub(super) directives: String,
    /// Why a real provider refuses it.
    pub(super) wrong: Option<String>,
}

impl Ask {
    /// Anything missing or of the wrong type is left at its default: the gateway is under test, not the client.
    pub(super) fn of(body: &Value) -> Self {
        let model = body["model"].as_str().unwrap_or_default();
        let turns = if body["messages"].is_array() { &body["messages"] } else { &body["input"] };
        let spoken = [last_user_text(turns)]
            .into_iter()
            .chain(strings(&body["prompt"]))
            .chain(strings(&body["input"]))
            .chain(list(&body["content"]).iter().filter_map(|part| part["text"].as_str().map(str::to_owned)))
            .collect::<String>();
        let choice = &body["tool_choice"];
        let kind = choice.as_str().or(choice["type"].as_str()).unwrap_or("auto");
        let named = choice["name"].as_str().or(choice["function"]["name"].as_str());
        let mut tools = tools(&body["tools"]);
        if let Some(named) = named {
            tools.retain(|(name, _)| name == named);
        }
        let prompt = ["messages", "system", "input", "instructions", "prompt"];
        Self {
            model: model.to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            include_usage: body["stream_options"]["include_usage"].as_bool().unwrap_or(false),
            choices: body["n"].as_u64().unwrap_or(1).max(1),
            max_tokens: ["max_completion_tokens", "max_tokens", "max_output_tokens"]
                .iter()
                .find_map(|key| body[key].as_u64())
                .and_then(|limit| usize::try_from(limit).ok()),
            stop: strings(&body["stop"]).chain(strings(&body["stop_sequences"])).collect(),
            tools,
            tool_forced: !matches!(kind, "auto" | "none"),
            schema: [
                &body["response_format"]["json_schema"]["schema"],
                &body["output_config"]["format"]["schema"],
                &body["text"]["format"]["schema"],
            ]
            .into_iter()
            .find(|schema| schema.is_object())
            .cloned()
            .or_else(|| told_schema(&body["messages"])),
            logprobs: body["logprobs"].as_bool().unwrap_or(body["logprobs"].is_u64())
                || strings(&body["include"]).any(|word| word == "message.output_text.logprobs"),
            service_tier: body.get("service_tier").cloned(),
            inputs: strings(&body["input"]).collect(),
            dimensions: body["dimensions"].as_u64().and_then(|count| usize::try_from(count).ok()),
            encoding: ["encoding_format", "stream_format", "response_format"]
                .iter()
                .find_map(|key| body[key].as_str())
                .map(str::to_owned),
            seconds: ["seconds", "duration"].iter().find_map(|key| {
                let value = &body[key];
                value.as_str().map(str::to_owned).or_else(|| Some(value.as_u64()?.to_string()))
            }),
            size: body["size"].as_str().map(str::to_owned),
            modality: None,
            prompt_tokens: prompt.iter().map(|key| characters(&body[key])).sum::<u64>().div_ceil(4),
            directives: directives(model, &spoken),
            wrong: checks::wrong(body),
        }
    }

    /// The same of Ollama's own words.
    pub(super) fn of_ollama(body: &Value) -> Self {
        let options = &body["options"];
        Self {
            // Unless it is told not to.
            stream: body["stream"].as_bool().unwrap_or(true),
            max_tokens: options["num_predict"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
            stop: strings(&options["stop"]).collect(),
            schema: Some(&body["format"]).filter(|schema| schema.is_object()).cloned(),
            ..Self::of(body)
        }
    }

    /// The same of Gemini's words.
    pub(super) fn of_gemini(model: &str, stream: bool, body: &Value) -> Self {
        let config = &body["generationConfig"];
        let calling = &body["toolConfig"]["functionCallingConfig"];
        let mut tools: Vec<_> = list(&body["tools"])
            .iter()
            .flat_map(|tool| list(&tool["functionDeclarations"]))
            .filter_map(|tool| {
                let schema =
                    if tool["parameters"].is_object() { "parameters" } else { "parametersJsonSchema" };
                Some((tool["name"].as_str()?.to_owned(), tool[schema].clone()))
            })
            .collect();
        let named: Vec<String> = strings(&calling["allowedFunctionNames"]).collect();
        tools.retain(|(name, _)| named.is_empty() || named.contains(name));
        let last = list(&body["contents"]).last().cloned().unwrap_or_default();
        let parts = list(&last["parts"]);
        let answered =
            last["role"] == "model" || parts.iter().any(|part| part["functionResponse"].is_object());
        let embedded =
            list(&body["requests"]).iter().map(|request| &request["content"]).chain([&body["content"]]);
        let inputs: Vec<String> = embedded.map(text_of_parts).filter(|text| !text.is_empty()).collect();
        let instances: String =
            list(&body["instances"]).iter().filter_map(|instance| instance["prompt"].as_str()).collect();
        let spoken = if answered { String::new() } else { text_of_parts(&last) };
        Self {
            model: model.to_owned(),
            stream,
            include_usage: true,
            choices: config["candidateCount"]
                .as_u64()
                .or(body["parameters"]["sampleCount"].as_u64())
                .unwrap_or(1)
                .max(1),
            max_tokens: config["maxOutputTokens"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
            stop: strings(&config["stopSequences"]).collect(),
            tools,
            tool_forced: calling["mode"] == "ANY",
            schema: [&config["responseSchema"], &config["responseJsonSchema"]]
                .into_iter()
                .find(|schema| schema.is_object())
                .cloned(),
            logprobs: config["responseLogprobs"].as_bool().unwrap_or(false),
            service_tier: None,
            dimensions: list(&body["requests"]).first().unwrap_or(body)["outputDimensionality"]
                .as_u64()
                .and_then(|count| usize::try_from(count).ok()),
            encoding: None,
            seconds: None,
            size: None,
            modality: strings(&config["responseModalities"]).find(|modality| modality != "TEXT"),
            prompt_tokens: (characters(&body["contents"])
                + characters(&body["systemInstruction"])
                + characters(&body["requests"])
                + characters(&body["content"]))
            .div_ceil(4),
            directives: directives(model, &(spoken + &inputs.concat() + &instances)),
            wrong: None,
            inputs,
        }
    }

    /// The same of a form's fields.
    pub(super) fn of_form(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let boundary = text.lines().next().unwrap_or_default();
        let mut fields = serde_json::Map::new();
        for part in text.split(boundary).filter(|part| !boundary.is_empty() && part.contains("name=\"")) {
            let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
            let name =
                head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            if !head.contains("filename=") {
                let value = value.trim_end_matches("\r\n");
                let read = value
                    .parse::<u64>()
                    .map_or_else(|_| value.parse::<bool>().map(Value::from), |n| Ok(n.into()));
                fields.insert(name.to_owned(), read.unwrap_or_else(|_| value.into()));
            }
        }
        Self::of(&Value::Object(fields))
    }
}

/// What scripts an answer: the model's query, and `[[…]]` in what was said.
fn directives(model: &str, spoken: &str) -> String {
    let query = model.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let bracketed = spoken.split_once("[[").and_then(|(_, rest)| rest.split_once("]]"));
    format!("{query} {}", bracketed.map(|(inside, _)| inside).unwrap_or_default())
}

/// A schema that a system message asks for: a line of its own.
fn told_schema(messages: &Value) -> Option<Value> {
    let system = list(messages).iter().filter(|message| message["role"] == "system");
    let lines = system.filter_map(|message| message["content"].as_str()).flat_map(str::lines);
    let mut schemas = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    schemas.find(|schema| schema["properties"].is_object())
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of_parts(content: &Value) -> String {
    list(&content["parts"]).iter().filter_map(|part| part["text"].as_str()).collect()
}

/// A string or a list of strings.
fn strings(value: &Value) -> impl Iterator<Item = String> + '_ {
    let single = value.as_str().into_iter();
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    single.chain(several).map(str::to_owned)
}

fn tools(tools: &Value) -> Vec<(String, Value)> {
    list(tools)
        .iter()
        .filter_map(|tool| {
            let inner = if tool["function"].is_object() { &tool["function"] } else { tool };
            let schema =
                if inner["parameters"].is_object() { &inner["parameters"] } else { &inner["input_schema"] };
            inner["name"].as_str().map(|name| (name.to_owned(), schema.clone()))
        })
        .collect()
}

/// The text of the last message if a user wrote it; empty after a tool result, so that a scripted tool call
/// is made once and not again when its result comes back.
fn last_user_text(messages: &Value) -> String {
    let last = messages.as_array().and_then(|list| list.last());
    let Some(message) = last.filter(|message| message["role"] == "user") else { return String::new() };
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// Characters of all strings inside.
fn characters(value: &Value) -> u64 {
    match value {
        Value::String(text) => u64::try_from(text.chars().count()).unwrap_or(u64::MAX),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(members) => members.values().map(characters).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_wires_are_read() {
        let openai = Ask::of(&json!({
            "model": "m?chunks=2", "stream": true, "stream_options": {"include_usage": true}, "stop": "END",
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "messages": [{"role": "user", "content": "[[pace=1]]"}],
        }));
        assert_eq!(openai.directives, "chunks=2 pace=1");
        assert_eq!(openai.stop, ["END"]);
        assert_eq!(openai.tools, [("f".to_owned(), json!({"type": "object"}))]);
        let anthropic = Ask::of(&json!({
            "model": "m", "stop_sequences": ["A", "B"], "tool_choice": {"type": "tool", "name": "g"},
            "tools": [{"name": "f", "input_schema": {}}, {"name": "g", "input_schema": {"type": "object"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x [[status=500]]"}]}],
        }));
        assert_eq!(anthropic.directives, " status=500");
        assert!(anthropic.tool_forced);
        assert_eq!(anthropic.tools.len(), 1);
    }
}
