//! Poe. It ignores `seed`, `logprobs`, `store`, `metadata` and `response_format`, leaves sound out, and gives one
//! answer.

use super::{
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible},
    rules::{Allowed, Rule, rule},
};

/// Fields that change who serves a request or what it costs beyond its tokens.
const RULES: &[Rule] = &[
    rule("web_search", Allowed::False, "turns on web search, which is billed by the call"),
    // Settings of bots that make pictures and films, which `extra_body` of its API brings along.
    rule("quality", Allowed::Nothing, SETTING),
    rule("size", Allowed::Nothing, SETTING),
    rule("resolution", Allowed::Nothing, SETTING),
    rule("duration", Allowed::Nothing, SETTING),
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
];

const SETTING: &str = "is a setting of some bots with its own price";

/// The adapter.
pub(super) static ADAPTER: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        responses_path: Some("/responses"),
        max_tokens: MaxTokens::Either,
        developer_role: false,
        json_schema: false,
        audio: false,
        several_answers: false,
        ignored: &["seed", "logprobs", "store", "metadata"],
        rules: RULES,
        ..OPENAI
    },
};
