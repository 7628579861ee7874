//! `OpenRouter`: a router of its own, so most of what it adds chooses a model or a server. Its usage says what it charged.

pub(super) mod beside;

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField, ReturnedReasoning},
    rules::{Allowed, Rule, rule},
};

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] = &[
    rule("models", Allowed::Empty, "chooses other models"),
    rule("route", Allowed::Nothing, "chooses other models"),
    rule("preset", Allowed::Nothing, "chooses another model and settings"),
    rule("plugins", Allowed::Empty, "turns on tools that are billed by the call"),
    rule("transforms", Allowed::Empty, "changes the prompt"),
    // What narrows the choice by privacy or ability passes; what chooses by name or price does not.
    rule(
        "provider",
        Allowed::Members(&["data_collection", "zdr", "require_parameters"]),
        "chooses who serves the request",
    ),
    rule("deferred_tools", Allowed::Nothing, "lets the provider call the model again"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
    rule("modalities", Allowed::Each(&["text", "audio"]), "asks for pictures, which have their own price"),
    rule("image_config", Allowed::Empty, "asks for pictures, which have their own price"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        responses_path: Some("/responses"),
        max_tokens: MaxTokens::Either,
        top_k: true,
        several_answers: false,
        reasoning: ReasoningField::Object,
        usage_include: true,
        parses_documents: true,
        cache_control: true,
        returns_reasoning: ReturnedReasoning::Details,
        rules: RULES,
        ..OPENAI
    },
};

#[cfg(test)]
mod tests {
    use super::{ADAPTER, RULES};
    use crate::{
        body,
        provider::{Adapter as _, Target, rules::check_members, testing},
        wire::Wire,
    };
    use aigne_hub_crds::config::ProviderType;

    #[test]
    fn pictures_cannot_be_asked_for_in_a_chat() {
        let check = |text: &'static str| check_members(&body::scan(text.into()).unwrap(), RULES);
        for (text, field) in [
            (r#"{"modalities":["text","im\u0061ge"]}"#, "modalities"),
            (r#"{"modalities":"image"}"#, "modalities"),
            (r#"{"image_config":{"image_size":"4K"}}"#, "image_config"),
        ] {
            assert_eq!(check(text).unwrap_err().field, field, "{text}");
        }
        check(r#"{"modalities":["text"],"image_config":{}}"#).unwrap();
        check(r#"{"modalities":null,"image_config":null}"#).unwrap();
    }

    #[test]
    fn only_the_cache_that_is_priced_can_be_asked_for_on_either_wire() {
        let provider = testing::provider(ProviderType::OpenRouter);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let part = |ttl: &str| {
            format!(
                r#"[{{"role":"user","content":[{{"cache_control":{{"type":"ephemeral","ttl":"{ttl}"}}}}]}}]"#
            )
        };
        for (wire, field) in [(Wire::OpenAiChat, "messages"), (Wire::OpenAiResponses, "input")] {
            let ask = |ttl: &str| {
                let text = format!(r#"{{"model":"m","{field}":{}}}"#, part(ttl));
                ADAPTER.relay(wire, &body::scan(text.into()).unwrap(), target)
            };
            assert_eq!(ask("1h").unwrap_err().field, "cache_control.ttl", "{field}");
            ask("5m").unwrap();
        }
    }

    #[test]
    fn documents_are_left_to_the_model() {
        let provider = testing::provider(ProviderType::OpenRouter);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let native = r#""plugins":[{"id":"file-parser","pdf":{"engine":"native"}}]"#;
        for (wire, text) in [
            (
                Wire::OpenAiChat,
                r#"{"model":"m","plugins":[],"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,QQ=="}}]}]}"#,
            ),
            (Wire::OpenAiChat, r#"{"messages":[{"role":"user","content":[{"type":"\u0066ile"}]}]}"#),
            (
                Wire::OpenAiResponses,
                r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,QQ=="}]}]}"#,
            ),
        ] {
            let body = body::scan(text.into()).unwrap();
            let (edits, _) = ADAPTER.relay(wire, &body, target).unwrap();
            let sent = String::from_utf8(body::apply(&body, &edits).to_vec()).unwrap();
            assert_eq!(sent.matches(native).count(), 1, "{sent}");
            if let Ok(request) = wire.decode(&body) {
                let sent = String::from_utf8(ADAPTER.encode(&request, target).unwrap()).unwrap();
                assert_eq!(sent.matches(native).count(), 1, "{sent}");
            }
        }
        let body = body::scan(r#"{"messages":[{"role":"user","content":"a file"}]}"#.into()).unwrap();
        let (edits, _) = ADAPTER.relay(Wire::OpenAiChat, &body, target).unwrap();
        assert!(!String::from_utf8(body::apply(&body, &edits).to_vec()).unwrap().contains("plugins"));
    }
}
