//! What Anthropic's models are told, whoever serves them: how much to think, and schemas.

mod schema;
#[cfg(test)]
mod tests;

pub(super) use schema::followed;

use crate::{
    body::{self, Edit},
    chat::{Content, Effort, Message, Raw, Request, Role, Thinking, Tool, signature},
    json::Object,
};

/// Least thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// How to think, and how hard to try where the model bounds its thinking itself (`adaptive`).
///
/// Other models get a budget, of which there must be at least 1,024 tokens, and as many again for the answer; where
/// `max_tokens` has no room for both, they don't think.
///
/// An effort becomes thinking, but where a tool is forced or sampling is asked for (they refuse these beside it) or, with
/// a budget, where the history has a call without its thinking.
pub(super) fn thinking(
    request: &Request,
    adaptive: bool,
    forced: bool,
    max_tokens: Option<u64>,
) -> (Option<Thinking>, Option<Effort>) {
    let asked = request.reasoning.clone().unwrap_or_default();
    let off = asked.effort == Some(Effort::None) || asked.thinking == Some(Thinking::Disabled);
    let effort = asked.effort.filter(|effort| *effort != Effort::None);
    let budget = |tokens: u64| {
        // It is part of the most that may be generated.
        let most = max_tokens.map_or(u64::MAX, |most| most.saturating_sub(LEAST_BUDGET));
        (most >= LEAST_BUDGET).then(|| Thinking::Budget(tokens.clamp(LEAST_BUDGET, most)))
    };
    let thinking = match (asked.thinking, effort) {
        _ if off => Some(Thinking::Disabled),
        (Some(_), _) if adaptive => Some(Thinking::Adaptive),
        (Some(Thinking::Budget(tokens)), _) => budget(tokens),
        (Some(_), effort) => budget(effort.unwrap_or(Effort::Medium).budget()),
        (None, Some(_)) if forced || samples(request) => None,
        (None, Some(_)) if adaptive => Some(Thinking::Adaptive),
        (None, Some(effort)) if !has_unsigned_call(&request.messages) => budget(effort.budget()),
        (None, _) => None,
    };
    let effort = match (effort, asked.thinking) {
        (None, Some(Thinking::Budget(budget))) => Some(Effort::of_budget(budget)),
        (effort, _) => effort,
    };
    (thinking, effort.filter(|_| adaptive && !off).map(|effort| effort.max(Effort::Low)))
}

/// The thinking that was asked for in tokens, which `max_tokens` must have room for.
pub(super) fn asked_budget(request: &Request) -> u64 {
    match request.reasoning.as_ref().and_then(|asked| asked.thinking) {
        Some(Thinking::Budget(tokens)) => tokens,
        _ => 0,
    }
}

/// Whether the sampling is one that is refused beside thinking: another temperature than 1, a `top_p` below 0.95, a
/// `top_k` (platform.claude.com/docs/en/build-with-claude/extended-thinking).
fn samples(request: &Request) -> bool {
    let number = |raw: &Option<Raw>| raw.as_ref().and_then(Raw::read::<f64>);
    request.top_k.is_some()
        || number(&request.temperature).is_some_and(|temperature| (temperature - 1.0).abs() > f64::EPSILON)
        || number(&request.top_p).is_some_and(|top_p| top_p < 0.95)
}

/// Whether the last turn calls tools and its thinking is not at hand: then no thinking budget is taken.
fn has_unsigned_call(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().rfind(|message| message.role == Role::Assistant) else { return false };
    let called = last.parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let signed = last.parts.first().is_some_and(|part| match &part.content {
        Content::Thinking { signature, .. } => signature::is_anthropics(signature.as_deref()),
        Content::RedactedThinking(data) => signature::is_sealed_by_anthropic(data),
        _ => false,
    });
    called && !signed
}

/// Writes the member `thinking`'s value. `display`: whether it is shown, in Anthropic's words.
pub(super) fn write_thinking(out: &mut Vec<u8>, thinking: Thinking, display: Option<&str>) {
    let mut object = Object::open(out);
    match thinking {
        Thinking::Disabled => object.string("type", "disabled"),
        Thinking::Adaptive => object.string("type", "adaptive"),
        Thinking::Budget(budget) => object.string("type", "enabled").number("budget_tokens", budget),
    };
    if let Some(display) = display.filter(|_| thinking != Thinking::Disabled) {
        object.string("display", display);
    }
    object.close();
}

/// A tool's schema. One is wanted, and that it says that it is an object's. `strict`: the arguments are asked to follow it.
pub(super) fn tool_schema(tool: &Tool, strict: bool) -> String {
    let Some(schema) = &tool.parameters else { return r#"{"type":"object","properties":{}}"#.to_owned() };
    if strict && let Some(followed) = followed(schema) {
        return followed;
    }
    match body::scan(bytes::Bytes::copy_from_slice(schema.get().as_bytes())) {
        Ok(object) if object.raw("type").is_none() => {
            let edited = body::apply(&object, &[Edit::Set("type", r#""object""#.to_owned())]);
            String::from_utf8_lossy(&edited).into_owned()
        }
        _ => schema.get().to_owned(),
    }
}
