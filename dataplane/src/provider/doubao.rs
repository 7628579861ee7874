//! Doubao (Volcengine Ark). The model may be an endpoint id (`ep-…`).

pub(super) mod multimodal;
pub(super) mod videos;

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField},
    rules::{Allowed, Rule, rule},
    stored::STORED,
};
use crate::chat::Effort;

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] = &[
    rule("caching", Allowed::Nothing, "stores the conversation, which is billed by the hour"),
    rule("session", Allowed::Nothing, STORED),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        responses_path: Some("/responses"),
        max_tokens: MaxTokens::Either,
        developer_role: false,
        files: false,
        several_answers: false,
        reasoning: ReasoningField::ThinkingAndEffort(Effort::High),
        // Ark's `max_tokens` is of the answer alone.
        thinks_beyond_limit: true,
        rules: RULES,
        ..OPENAI
    },
};
