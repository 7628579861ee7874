//! `OpenAI`.

use super::{
    openai_compatible::{Dialect, OPENAI, OpenAiCompatible},
    rules::{Allowed, Rule, rule},
};

/// Fields that change who serves a request or what it costs beyond its tokens. `flex` is cheaper and `priority`
/// dearer than what is priced, so neither passes.
pub(super) const RULES: &[Rule] = &[
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

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
