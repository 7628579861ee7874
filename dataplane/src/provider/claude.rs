//! What Anthropic's models are told, whoever serves them: how much to think, and schemas.

use crate::{
    body::{self, Edit},
    chat::{Content, Effort, Message, Raw, Request, Role, Thinking, signature},
    json::Object,
};

/// Least thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// How to think, and how hard to try where the model bounds its thinking itself (`adaptive`).
///
/// An effort becomes thinking, but where a tool is forced (they refuse both together) or, with a budget, where the history
/// has a call without its thinking.
pub(super) fn thinking(
    request: &Request,
    adaptive: bool,
    forced: bool,
    max_tokens: Option<u64>,
) -> (Option<Thinking>, Option<Effort>) {
    let asked = request.reasoning.clone().unwrap_or_default();
    let off = asked.effort == Some(Effort::None) || asked.thinking == Some(Thinking::Disabled);
    let effort = asked.effort.filter(|effort| *effort != Effort::None);
    let thinking = match (asked.thinking, effort) {
        _ if off => Some(Thinking::Disabled),
        (Some(Thinking::Budget(_)), _) if adaptive => Some(Thinking::Adaptive),
        (Some(thinking), _) => Some(thinking),
        (None, Some(_)) if adaptive && !forced => Some(Thinking::Adaptive),
        (None, Some(effort)) if !adaptive && !forced && !has_unsigned_call(&request.messages) => {
            // The budget is part of the most that may be generated and must leave something for the answer.
            let most = max_tokens.map_or(u64::MAX, |most| most.saturating_sub(LEAST_BUDGET));
            let budget = effort.budget().min(most);
            (budget >= LEAST_BUDGET).then_some(Thinking::Budget(budget))
        }
        (None, _) => None,
    };
    let effort = match (effort, asked.thinking) {
        (None, Some(Thinking::Budget(budget))) => Some(Effort::of_budget(budget)),
        (effort, _) => effort,
    };
    (thinking, effort.filter(|_| adaptive && !off).map(|effort| effort.max(Effort::Low)))
}

/// Whether the last turn calls tools and its thinking is not at hand: then no thinking budget is taken.
fn has_unsigned_call(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().rfind(|message| message.role == Role::Assistant) else { return false };
    let called = last.parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let signed = last.parts.first().is_some_and(|part| match &part.content {
        Content::Thinking { signature, .. } => signature::is_anthropics(signature.as_deref()),
        Content::RedactedThinking(_) => true,
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

/// A tool's schema. One is wanted, and that it says that it is an object's.
pub(super) fn schema(schema: Option<&Raw>) -> String {
    let Some(schema) = schema else { return r#"{"type":"object","properties":{}}"#.to_owned() };
    match body::scan(bytes::Bytes::copy_from_slice(schema.get().as_bytes())) {
        Ok(object) if object.raw("type").is_none() => {
            let edited = body::apply(&object, &[Edit::Set("type", r#""object""#.to_owned())]);
            String::from_utf8_lossy(&edited).into_owned()
        }
        _ => schema.get().to_owned(),
    }
}
