//! `OpenRouter`: a router of its own, so most of what it adds chooses a model or a server. Its usage says what it charged.

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
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        responses_path: Some("/responses"),
        max_tokens: MaxTokens::Either,
        top_k: true,
        reasoning: ReasoningField::Object,
        usage_include: true,
        cache_control: true,
        returns_reasoning: ReturnedReasoning::Details,
        rules: RULES,
        ..OPENAI
    },
};
