//! What a request asks for, read tolerantly from either wire.

use serde_json::Value;

/// Which endpoint was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Chat,
    Messages,
    CountTokens,
    Models,
    Model(String),
    Journal,
    Records,
    Unknown,
}

impl Endpoint {
    /// By the end of the path, as providers differ in what comes before.
    pub(super) fn of(path: &str) -> Self {
        if path.ends_with("/chat/completions") {
            Self::Chat
        } else if path.ends_with("/messages") {
            Self::Messages
        } else if path.ends_with("/messages/count_tokens") {
            Self::CountTokens
        } else if path.ends_with("/models") {
            Self::Models
        } else if let Some((_, id)) = path.split_once("/models/") {
            Self::Model(id.to_owned())
        } else if path == "/__scripted/journal" {
            Self::Journal
        } else if path == "/__scripted/records" {
            Self::Records
        } else {
            Self::Unknown
        }
    }

    /// Errors of this endpoint have Anthropic's shape.
    pub(super) fn is_anthropic(&self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens)
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
    /// About a quarter of the characters of all messages.
    pub(super) prompt_tokens: u64,
    /// From the model's query and from `[[…]]` in the last user message.
    pub(super) directives: String,
}

impl Ask {
    /// Anything missing or of the wrong type is left at its default: the gateway is under test, not the client.
    pub(super) fn of(body: &Value) -> Self {
        let model = body["model"].as_str().unwrap_or_default();
        let query = model.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let spoken = last_user_text(&body["messages"]);
        let bracketed = spoken.split_once("[[").and_then(|(_, rest)| rest.split_once("]]"));
        let choice = &body["tool_choice"];
        let kind = choice.as_str().or(choice["type"].as_str()).unwrap_or("auto");
        let named = choice["name"].as_str().or(choice["function"]["name"].as_str());
        let mut tools = tools(&body["tools"]);
        if let Some(named) = named {
            tools.retain(|(name, _)| name == named);
        }
        Self {
            model: model.to_owned(),
            stream: body["stream"].as_bool().unwrap_or(false),
            include_usage: body["stream_options"]["include_usage"].as_bool().unwrap_or(false),
            choices: body["n"].as_u64().unwrap_or(1).max(1),
            max_tokens: ["max_completion_tokens", "max_tokens"]
                .iter()
                .find_map(|key| body[key].as_u64())
                .and_then(|limit| usize::try_from(limit).ok()),
            stop: strings(&body["stop"]).chain(strings(&body["stop_sequences"])).collect(),
            tools,
            tool_forced: !matches!(kind, "auto" | "none"),
            schema: [
                &body["response_format"]["json_schema"]["schema"],
                &body["output_config"]["format"]["schema"],
            ]
            .into_iter()
            .find(|schema| schema.is_object())
            .cloned(),
            prompt_tokens: (characters(&body["messages"]) + characters(&body["system"])).div_ceil(4),
            directives: format!("{query} {}", bracketed.map(|(inside, _)| inside).unwrap_or_default()),
        }
    }
}

/// A string or a list of strings.
fn strings(value: &Value) -> impl Iterator<Item = String> + '_ {
    let single = value.as_str().into_iter();
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    single.chain(several).map(str::to_owned)
}

fn tools(list: &Value) -> Vec<(String, Value)> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
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
