//! Anthropic.

mod beta;
mod decode;
mod encode;
mod error;
mod messages;
mod observe;
mod relay;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Ask, Asked, Auth, Observed, Refusal, StreamDecoder, StreamObserver, Target, Unreadable,
    UpstreamError,
    rules::{Allowed, Rule, Tools, rule},
    stored::STORED,
};
use crate::{
    body::{Body, Edit},
    chat,
    wire::{Operation, Wire},
};

/// Fields that change who serves a request or what it costs beyond its tokens.
const RULES: &[Rule] = &[
    rule(
        "service_tier",
        Allowed::Words(&["auto", "standard_only"]),
        "chooses a service tier with its own price",
    ),
    rule("speed", Allowed::Words(&["standard"]), "chooses a speed with its own price"),
    rule("inference_geo", Allowed::Words(&["global"]), "chooses a region with its own price"),
    rule("container", Allowed::Nothing, "uses a container, which is billed by the hour"),
    rule("fallbacks", Allowed::Empty, "chooses other models"),
    rule("fallback_credit_token", Allowed::Nothing, "settles what another request has cost"),
    rule("thread", Allowed::Nothing, STORED),
    rule("diagnostics", Allowed::Within(&[rule("previous_message_id", Allowed::Nothing, STORED)]), ""),
    rule("compaction", Allowed::Nothing, "lets the provider write a summary in place of an answer"),
    rule(
        "context_management",
        Allowed::Within(&[rule(
            "edits",
            Allowed::Dated(&["clear_tool_uses", "clear_thinking"]),
            "lets the provider call the model again",
        )]),
        "",
    ),
    rule(
        "billing_policy",
        Allowed::Within(&[rule("bill_to", Allowed::Words(&["self"]), "chooses who pays")]),
        "",
    ),
    rule("mcp_servers", Allowed::Empty, "lets the provider call other servers"),
    rule("workspace_id", Allowed::Nothing, "chooses another workspace of the provider's account"),
    rule("user_profile_id", Allowed::Nothing, "chooses a profile of the provider's account"),
];

/// Tools whose calls the client answers: its own, and those that Anthropic only describes.
const TOOLS: Tools = Tools {
    own: &["custom"],
    own_dated: &["bash", "text_editor", "computer", "memory", "computer_toolset", "browser_toolset"],
    untyped: true,
};

/// Speaks Anthropic messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anthropic;

/// The adapter.
pub(super) static ADAPTER: Anthropic = Anthropic;

impl Adapter for Anthropic {
    fn relays(&self, wire: Wire) -> bool {
        wire == Wire::AnthropicMessages
    }

    fn path(&self, ask: Ask, _: Target<'_>) -> Option<String> {
        let path = match (ask.relayed, ask.operation) {
            (None | Some(Wire::AnthropicMessages), Operation::Chat) => "/v1/messages",
            (Some(Wire::AnthropicMessages), Operation::CountTokens) => "/v1/messages/count_tokens",
            _ => return None,
        };
        Some(path.to_owned())
    }

    fn auth(&self) -> Auth {
        Auth::XApiKey
    }

    fn fixed_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn cross_header(&self, name: &str, value: &str) -> Result<Option<String>, Refusal> {
        match name {
            "anthropic-beta" => beta::cross(value),
            "anthropic-version" => beta::version(value),
            _ => Ok(None),
        }
    }

    fn relay(&self, _: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        relay::relay(body, target)
    }

    fn observe(&self, _: Wire, body: &[u8]) -> Observed {
        observe::plain(body)
    }

    fn observer(&self, _: Wire, _: Asked) -> Box<dyn StreamObserver> {
        // Usage always comes, so nothing was asked for and nothing is stripped.
        Box::new(observe::Observer::default())
    }

    fn encode(&self, request: &chat::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        encode::encode(request, target)
    }

    fn decode(&self, body: &[u8]) -> Result<chat::Response, Unreadable> {
        decode::decode(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        error::error(status, headers, body)
    }
}
