//! `OpenAI` responses, relayed to providers that speak it themselves.
//!
//! What a provider keeps of earlier answers lies in its account, which all tenants share: whoever names an id gets
//! what it means. So nothing that is stored can be referred to, and a conversation is always sent whole.

mod input;
mod observe;

pub(super) use observe::{Observer, plain};

use super::{Dialect, relay, relay::PROMPT_CACHE};
use crate::{
    body::{Body, Edit},
    provider::{
        Asked, Refusal, Target, cache,
        rules::{self, Allowed, Rule, Tools, rule},
        stored::STORED,
    },
};

/// Fields of this wire that reach what is stored, or change what a request costs beyond its tokens.
const RULES: &[Rule] = &[
    rule("previous_response_id", Allowed::Nothing, STORED),
    rule("conversation", Allowed::Nothing, STORED),
    rule("prompt", Allowed::Nothing, STORED),
    rule("background", Allowed::False, "puts the answer where the hub cannot meter it"),
    rule("background_options", Allowed::Nothing, "puts the answer where the hub cannot meter it"),
    rule("context_management", Allowed::Empty, "lets the provider call the model again"),
    rule("access_programs", Allowed::Nothing, "uses what the provider's account is enrolled in"),
    // `pro` lets several runs think for one answer, beyond what `max_output_tokens` bounds.
    rule(
        "reasoning",
        Allowed::Within(&[rule("mode", Allowed::Words(&["standard"]), "chooses a mode with its own cost")]),
        "",
    ),
    PROMPT_CACHE,
    rule("moderation", Allowed::Nothing, "lets the provider call another model"),
];

/// Tools that the client runs itself.
const TOOLS: Tools = Tools {
    own: &["function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview"],
    own_dated: &[],
    untyped: false,
};

/// What must change in a client's body: the model's name, and reasoning that no provider would know as its own.
pub(super) fn relay(
    dialect: &Dialect,
    body: &Body,
    target: Target<'_>,
) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, dialect.rules, TOOLS)?;
    rules::check_members(body, RULES)?;
    cache::check(body.bytes())?;
    relay::stream(body)?;
    let mut edits = relay::model(body, target);
    edits.extend(relay::documents(dialect, body.raw("input")));
    if let Some(raw) = body.raw("input") {
        edits.extend(input::check(raw)?.map(|input| Edit::Set("input", input)));
    }
    Ok((edits, Asked::default()))
}
