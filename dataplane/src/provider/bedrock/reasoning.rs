//! How much to think, as each maker's models are told.
//!
//! | models | told by |
//! |---|---|
//! | Anthropic's | `thinking`: a budget, or, where the model states `AdaptiveThinking`, adaptive with `outputConfig.effort` |
//! | Amazon's Nova | `reasoningConfig` with `maxReasoningEffort` (low, medium, high) |
//! | `OpenAI`'s open ones, Moonshot's | `reasoning_effort` |
//! | `OpenAI`'s others | `reasoning.effort` |
//! | others | nothing: an effort is refused by name |
//!
//! Anthropic takes no thinking beside a tool that must be called, nor after a call whose thinking is not at hand. An
//! effort is a wish and is left out there; thinking that was asked for by name is refused where the hub itself would have
//! to force a tool.

use super::{encode::Additional, family::Family, messages::is_sent, tools::Plan};
use crate::{
    chat::{Content, Effort, Message, Reasoning, Request, Role, Thinking},
    json::Object,
    provider::{Refusal, Target},
};
use aigne_hub_crds::config::ModelFeature;

/// Anthropic's least thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// Adds the model's own fields; returns `outputConfig.effort`.
pub(super) fn plan(
    request: &Request,
    target: Target<'_>,
    family: Family,
    tools: &Plan<'_>,
    max_tokens: Option<u64>,
    additional: &mut Additional,
) -> Result<Option<&'static str>, Refusal> {
    let Some(asked) = &request.reasoning else { return Ok(None) };
    if family == Family::Claude {
        return claude(request, asked, target, tools, max_tokens, additional);
    }
    let off = asked.effort == Some(Effort::None) || asked.thinking == Some(Thinking::Disabled);
    let effort = match (asked.effort, asked.thinking) {
        _ if off => None,
        (Some(effort), _) => Some(effort),
        (None, Some(Thinking::Budget(budget))) => Some(Effort::of_budget(budget)),
        (None, Some(_)) => Some(Effort::Medium),
        (None, None) => return Ok(None),
    };
    match (family, effort) {
        (Family::Nova, None) => additional.add("reasoningConfig", r#"{"type":"disabled"}"#),
        (Family::Nova, Some(effort)) => {
            let effort = effort.clamp(Effort::Low, Effort::High).name();
            additional
                .add("reasoningConfig", &format!(r#"{{"type":"enabled","maxReasoningEffort":"{effort}"}}"#));
        }
        (Family::EffortWord, Some(effort)) => {
            additional
                .add("reasoning_effort", &format!("{:?}", effort.clamp(Effort::Low, Effort::High).name()));
        }
        (Family::EffortObject, effort) => {
            // These don't know `minimal`.
            let effort = effort.map_or(Effort::None, |effort| effort.max(Effort::Low)).name();
            additional.add("reasoning", &format!(r#"{{"effort":"{effort}"}}"#));
        }
        // They cannot be kept from it, or don't do it anyway.
        (Family::EffortWord | Family::Mistral | Family::Other, None) => {}
        (Family::Claude | Family::Mistral | Family::Other, Some(_)) => {
            let field = if asked.effort.is_some() { "reasoning_effort" } else { "thinking" };
            let message = format!("`{field}` is not known for this model of Amazon Bedrock");
            return Err(Refusal { field: field.to_owned(), message });
        }
        (Family::Claude, None) => {}
    }
    Ok(None)
}

fn claude(
    request: &Request,
    asked: &Reasoning,
    target: Target<'_>,
    tools: &Plan<'_>,
    max_tokens: Option<u64>,
    additional: &mut Additional,
) -> Result<Option<&'static str>, Refusal> {
    let has = |feature| target.model.features.contains(&feature);
    let adaptive = has(ModelFeature::AdaptiveThinking);
    let off = asked.effort == Some(Effort::None) || asked.thinking == Some(Thinking::Disabled);
    let effort = asked.effort.filter(|effort| *effort != Effort::None);
    let thinking = match (asked.thinking, effort) {
        // Models that don't think refuse to be told not to.
        (None, _) if off && !adaptive && !has(ModelFeature::Reasoning) => None,
        _ if off => Some(Thinking::Disabled),
        (Some(_), _) if tools.answers() => {
            return Err(Refusal {
                field: "thinking".to_owned(),
                message: "`thinking` cannot be had beside a schema for the answer with this model of Amazon Bedrock, which \
                          follows one only by a tool that it must call"
                    .to_owned(),
            });
        }
        (Some(Thinking::Budget(_)), _) if adaptive => Some(Thinking::Adaptive),
        (Some(thinking), _) => Some(thinking),
        (None, Some(_)) if tools.forces() => None,
        (None, Some(_)) if adaptive => Some(Thinking::Adaptive),
        (None, Some(effort)) if !has_unsigned_call(&request.messages) => {
            // The budget is part of `maxTokens` and must leave something for the answer.
            let most = max_tokens.map_or(u64::MAX, |most| most.saturating_sub(LEAST_BUDGET));
            let budget = effort.budget().min(most);
            (budget >= LEAST_BUDGET).then_some(Thinking::Budget(budget))
        }
        (None, _) => None,
    };
    if let Some(thinking) = thinking {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        match thinking {
            Thinking::Disabled => object.string("type", "disabled"),
            Thinking::Adaptive => object.string("type", "adaptive"),
            Thinking::Budget(budget) => object.string("type", "enabled").number("budget_tokens", budget),
        };
        if let Some(display) = asked.display.as_ref().filter(|_| !off) {
            object.string("display", display);
        }
        object.close();
        additional.add("thinking", &String::from_utf8_lossy(&out));
    }
    let effort = match (effort, asked.thinking) {
        (None, Some(Thinking::Budget(budget))) => Some(Effort::of_budget(budget)),
        (effort, _) => effort,
    };
    // Without thinking, an effort above high is refused.
    let most = if thinking == Some(Thinking::Adaptive) { Effort::Max } else { Effort::High };
    Ok(effort.filter(|_| adaptive && !off).map(|effort| effort.clamp(Effort::Low, most).name()))
}

/// Whether the last turn called tools and its thinking is not at hand.
fn has_unsigned_call(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().rfind(|message| message.role == Role::Assistant) else { return false };
    let called = last.parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let signed = last.parts.first().is_some_and(|part| {
        matches!(part.content, Content::Thinking { .. } | Content::RedactedThinking(_)) && is_sent(part)
    });
    called && !signed
}
