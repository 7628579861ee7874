//! Anyone else who speaks `OpenAI`'s chat completions. Who is behind it is not known, so the rules are those of all.

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible},
    rules::{Allowed, Rule, rule},
    stored::STORED,
};

/// Fields that change who serves a request or what it costs beyond its tokens.
pub(super) const RULES: &[Rule] = &[
    rule("models", Allowed::Empty, "chooses other models"),
    rule("route", Allowed::Nothing, "chooses other models"),
    rule("preset", Allowed::Nothing, "chooses another model and settings"),
    rule("fallbacks", Allowed::Empty, "chooses other models"),
    rule("context_window_fallbacks", Allowed::Empty, "chooses other models"),
    rule("api_base", Allowed::Nothing, "chooses another server"),
    rule("base_url", Allowed::Nothing, "chooses another server"),
    rule("deferred_tools", Allowed::Nothing, "lets the provider call the model again"),
    rule("agent_count", Allowed::Nothing, "lets several agents answer, each of which costs"),
    rule(
        "storage_options",
        Allowed::Nothing,
        "keeps what is made in the provider's account, which all tenants share",
    ),
    rule("caching", Allowed::Nothing, "stores the conversation, which is billed by the hour"),
    rule("session", Allowed::Nothing, STORED),
    rule("plugins", Allowed::Empty, "turns on tools that are billed by the call"),
    rule("provider", Allowed::Empty, "chooses who serves the request"),
    rule("search_parameters", Allowed::Nothing, "turns on live search, which is billed by the source"),
    rule("web_search", Allowed::False, "turns on web search, which is billed by the call"),
    rule("deferred", Allowed::False, "puts the answer where the hub cannot meter it"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        completions_path: Some("/completions"),
        max_tokens: MaxTokens::Either,
        developer_role: false,
        top_k: true,
        extra_content: true,
        rules: RULES,
        ..OPENAI
    },
};
