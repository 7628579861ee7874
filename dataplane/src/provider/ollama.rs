//! Ollama, through its `OpenAI`-compatible endpoints: the base URL is the bare host. It costs nothing, so there is little to forbid.

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField},
    rules::{Allowed, Rule, rule},
};
use crate::chat::Effort;

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] = &[
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        chat_path: "/v1/chat/completions",
        completions_path: Some("/v1/completions"),
        max_tokens: MaxTokens::Plain,
        developer_role: false,
        files: false,
        audio: false,
        several_answers: false,
        reasoning: ReasoningField::Effort(Effort::Low, Effort::High),
        rules: RULES,
        ..OPENAI
    },
};
