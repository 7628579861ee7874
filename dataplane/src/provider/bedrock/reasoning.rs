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
//! Anthropic takes no thinking beside a tool that must be called, beside `top_k`, a low `top_p` or another temperature
//! than 1, nor after a call whose thinking is not at hand. An effort is a wish and is left out there; thinking that was
//! asked for by name is refused where the hub itself would have to force a tool.

use super::{encode::Additional, family::Family, tools::Plan};
use crate::{
    chat::{Effort, Reasoning, Request, Thinking},
    provider::{Refusal, Target, claude},
};
use aigne_hub_crds::config::ModelFeature;

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
        (Family::Claude | Family::EffortWord | Family::Mistral | Family::Other, None) => {}
        (Family::Claude | Family::Mistral | Family::Other, Some(_)) => {
            let field = if asked.effort.is_some() { "reasoning_effort" } else { "thinking" };
            let message = format!("`{field}` is not known for this model of Amazon Bedrock");
            return Err(Refusal { field: field.to_owned(), message });
        }
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
    if tools.answers() && matches!(asked.thinking, Some(Thinking::Budget(_) | Thinking::Adaptive)) {
        return Err(Refusal {
            field: "thinking".to_owned(),
            message: "`thinking` cannot be had beside a schema for the answer with this model of Amazon Bedrock, which \
                      follows one only by a tool that it must call"
                .to_owned(),
        });
    }
    let (thinking, effort) = claude::thinking(request, adaptive, tools.forces(), max_tokens);
    // Models that don't think refuse to be told not to.
    let needless = asked.thinking.is_none() && !adaptive && !has(ModelFeature::Reasoning);
    if let Some(thinking) = thinking.filter(|thinking| *thinking != Thinking::Disabled || !needless) {
        let mut out = Vec::new();
        claude::write_thinking(&mut out, thinking, asked.display.as_deref());
        additional.add("thinking", &String::from_utf8_lossy(&out));
    }
    // Without thinking, an effort above high is refused.
    let most = if thinking == Some(Thinking::Adaptive) { Effort::Max } else { Effort::High };
    Ok(effort.map(|effort| effort.min(most).name()))
}
