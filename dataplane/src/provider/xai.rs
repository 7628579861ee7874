//! xAI. Reasoning tokens are counted beside the completion, and usage says what was charged.

pub(super) mod edits;
pub(super) mod videos;

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField},
    rules::{Allowed, Rule, rule},
};
use crate::chat::Effort;

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] = &[
    rule("search_parameters", Allowed::Nothing, "turns on live search, which is billed by the source"),
    rule("deferred", Allowed::False, "puts the answer where the hub cannot meter it"),
    rule("agent_count", Allowed::Nothing, "lets several agents answer, each of which costs"),
    rule(
        "storage_options",
        Allowed::Nothing,
        "keeps the picture in the provider's account, which all tenants share",
    ),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        responses_path: Some("/responses"),
        max_tokens: MaxTokens::Completion,
        reasoning: ReasoningField::Effort(Effort::Low, Effort::High),
        reasoning_is_addend: true,
        chooses_tier: false,
        rules: RULES,
        ..OPENAI
    },
};
