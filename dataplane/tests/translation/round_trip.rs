//! A request in `OpenAI`'s format, written in a provider's format and read again from that, still says everything that both
//! formats can say. [`canonical`] names what they cannot, provider by provider.

use aigne_hub::{
    body,
    chat::{Content, Message, Part, Raw, Request, ResponseFormat, Role, Source, ToolChoice},
    provider::Target,
    wire::Wire,
};
use aigne_hub_crds::config::ProviderType as Type;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    properties::request,
    support::{PROVIDERS, adapter, own, provider},
};

/// Those whose own format a wire reads. Gemini's and Ollama's properties stand beside the others' in `properties`.
fn providers() -> impl Iterator<Item = (Type, &'static str)> {
    let elsewhere = [Type::Gemini, Type::Bedrock, Type::Ollama];
    PROVIDERS.into_iter().filter(move |(r#type, _)| !elsewhere.contains(r#type))
}

fn read(wire: Wire, text: Vec<u8>) -> Request {
    wire.decode(&body::scan(text.into()).unwrap()).unwrap()
}

/// The same request with marks of the cache, and thinking before what the assistant says.
fn enriched(mut request: Value) -> Value {
    let details = json!([
        {"type": "reasoning.text", "text": "hm", "signature": "c2ln"},
        {"type": "reasoning.encrypted", "data": "enc"},
    ]);
    for message in request["messages"].as_array_mut().unwrap() {
        if message["role"] == "assistant" {
            message["reasoning_details"] = details.clone();
        }
        if message["content"].is_string() && message["role"] != "tool" && message["role"] != "assistant" {
            let text = message["content"].take();
            message["content"] =
                json!([{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]);
        }
    }
    request
}

/// Messages of one role in a row as one, results of tools first, and what the system says before all others.
fn merged(messages: Vec<Message>) -> Vec<Message> {
    let (system, rest): (Vec<_>, Vec<_>) =
        messages.into_iter().partition(|message| message.role == Role::System);
    let mut out: Vec<Message> = Vec::new();
    for message in system.into_iter().chain(rest) {
        match out.last_mut().filter(|last| last.role == message.role) {
            Some(last) => last.parts.extend(message.parts),
            None => out.push(message),
        }
    }
    for message in &mut out {
        message.parts.sort_by_key(|part| !matches!(part.content, Content::ToolResult { .. }));
    }
    out
}

/// Texts in a row as one, for a provider that takes one text a message.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        if let (Some(Content::Text(text)), Content::Text(more)) =
            (out.last_mut().map(|last| &mut last.content), &part.content)
        {
            text.push_str("\n\n");
            text.push_str(more);
        } else {
            out.push(part);
        }
    }
    out
}

/// Without blank texts, which Anthropic refuses.
fn without_blanks(parts: &mut Vec<Part>) {
    parts.retain(|part| !matches!(&part.content, Content::Text(text) if text.trim().is_empty()));
    for part in parts {
        if let Content::ToolResult { content, .. } = &mut part.content {
            without_blanks(content);
        }
    }
}

/// What of a request this type of provider can be told.
fn canonical(mut request: Request, r#type: Type) -> Request {
    let anthropic = r#type == Type::Anthropic;
    request.model.clear();
    // One answer is what comes anyway.
    request.n = request.n.filter(|n| *n > 1);
    request.include_usage = false;
    for message in &mut request.messages {
        if message.role == Role::Developer && !matches!(r#type, Type::OpenAI | Type::OpenRouter | Type::XAI) {
            message.role = Role::System;
        }
        for part in &mut message.parts {
            match &mut part.content {
                Content::ToolCall { arguments, .. } => {
                    let read: Value = serde_json::from_str(arguments).unwrap_or(json!({}));
                    *arguments = read.to_string();
                }
                Content::Image { detail, .. } if anthropic => *detail = None,
                _ => {}
            }
            if !matches!(r#type, Type::Anthropic | Type::OpenRouter) {
                part.cache = None;
            }
        }
        let thinks = anthropic || r#type == Type::OpenRouter;
        message.parts.retain(|part| {
            thinks || !matches!(part.content, Content::Thinking { .. } | Content::RedactedThinking(_))
        });
        if r#type == Type::DeepSeek {
            message.parts = joined(std::mem::take(&mut message.parts));
        }
    }
    if r#type == Type::Poe {
        (request.seed, request.logprobs) = (None, None);
    }
    if r#type == Type::OpenRouter {
        // What keeps documents from an engine that is billed by the page.
        request.extra.retain(|(name, _)| name != "plugins");
    }
    // DeepSeek and Poe are told a schema in words.
    let told = |request: &mut Request, message: usize| {
        let words = |part: &Part| matches!(&part.content, Content::Text(text) if text.starts_with("Answer with one JSON"));
        if let Some(message) = request.messages.get_mut(message) {
            message.parts.retain(|part| !words(part));
        }
        request.messages.retain(|message| !message.parts.is_empty());
    };
    if matches!(r#type, Type::DeepSeek | Type::Poe) {
        told(&mut request, 0);
        if matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. })) {
            request.response_format = Some(ResponseFormat::JsonObject);
        }
    }
    if anthropic {
        request.messages.iter_mut().for_each(|message| without_blanks(&mut message.parts));
        request.messages.retain(|message| !message.parts.is_empty());
        request.messages = merged(request.messages);
        told(&mut request, 0);
        request.max_output_tokens = request.max_output_tokens.or(Some(8000));
        (request.seed, request.presence_penalty, request.frequency_penalty) = (None, None, None);
        // Thinking is bounded by other measures.
        request.reasoning = None;
        request.response_format = match request.response_format {
            Some(ResponseFormat::JsonSchema { schema, .. }) => {
                Some(ResponseFormat::JsonSchema { name: None, description: None, schema, strict: Some(true) })
            }
            _ => None,
        };
        if request.tool_choice.is_none() && request.parallel_tool_calls == Some(false) {
            request.tool_choice = Some(ToolChoice::Auto);
        }
        if request.tool_choice == Some(ToolChoice::None) || request.parallel_tool_calls == Some(true) {
            request.parallel_tool_calls = None;
        }
    }
    request
}

proptest! {
    #[test]
    fn every_field_that_both_have_comes_back(request in request(), rich in any::<bool>()) {
        let request = if rich { enriched(request) } else { request };
        let once = read(Wire::OpenAiChat, request.to_string().into_bytes());
        for (r#type, name) in providers() {
            let provider = provider(r#type, &[]);
            let target = Target { provider: &provider, model: &provider.models[0] };
            // What cannot be said is refused by name, which the golden files show.
            let Ok(sent) = adapter(r#type).encode(&once, target) else { continue };
            let twice = read(own(adapter(r#type)), sent);
            prop_assert_eq!(canonical(once.clone(), r#type), canonical(twice, r#type), "{}", name);
        }
    }
}

#[test]
fn a_provider_refuses_only_what_it_cannot_take() {
    let text = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stop": ["x"], "user": "u",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
    let once = read(Wire::OpenAiChat, enriched(text).to_string().into_bytes());
    for (r#type, name) in providers() {
        let provider = provider(r#type, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        adapter(r#type).encode(&once, target).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }
    // Files of an account that all tenants share.
    let mut stored = once.clone();
    let file = Content::File { source: Source::Id("file-1".to_owned()), name: None, cited: false };
    stored.messages[0].parts.push(file.into());
    for (r#type, name) in providers() {
        let provider = provider(r#type, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        adapter(r#type).encode(&stored, target).expect_err(name);
    }
    let mut picture = once.clone();
    let url = Source::Url("https://example.com/x.png".to_owned());
    picture.messages[0].parts.push(Content::Image { source: url, detail: None }.into());
    picture.extra.push(("future".to_owned(), Raw::parse("1").unwrap()));
    let provider = provider(Type::DeepSeek, &[]);
    let target = Target { provider: &provider, model: &provider.models[0] };
    assert_eq!(adapter(Type::DeepSeek).encode(&picture, target).unwrap_err().field, "messages");
}
