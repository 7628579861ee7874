//! `DeepSeek`. Usage says cache hits in a field of its own; the answer comes as text or as some JSON, so a schema is told in words; thinking is on by default and, where tools are called, must be sent back.

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField, ReturnedReasoning},
    rules::{Allowed, Rule, rule},
};
use crate::chat::Effort;

/// Fields that change who serves a request or what it costs beyond its tokens.
const RULES: &[Rule] = &[
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        max_tokens: MaxTokens::Plain,
        developer_role: false,
        json_schema: false,
        images: false,
        files: false,
        audio: false,
        text_parts: false,
        several_answers: false,
        reasoning: ReasoningField::ThinkingAndEffort(Effort::Max),
        returns_reasoning: ReturnedReasoning::WithCalls,
        // As its page on Anthropic's format says.
        ignored: &["top_k"],
        rules: RULES,
        ..OPENAI
    },
};
