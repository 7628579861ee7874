//! `OpenAI`.

use super::{
    openai_compatible::{Dialect, OPENAI, OpenAiCompatible},
    rules::{Allowed, Rule, rule},
};

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] =
    &[rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call")];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        completions_path: Some("/completions"),
        responses_path: Some("/responses"),
        cache_breakpoints: true,
        rules: RULES,
        ..OPENAI
    },
};
