//! Anthropic's `thinking`, which clients of either wire may send.

use serde::Deserialize;

use super::{BadRequest, fields};
use crate::chat::{Reasoning, Thinking};

#[derive(Deserialize)]
struct RawThinking {
    r#type: String,
    budget_tokens: Option<u64>,
    display: Option<String>,
}

/// Reads it into what is already known of reasoning.
pub(super) fn read(raw: &str, reasoning: &mut Reasoning) -> Result<(), BadRequest> {
    let thinking: RawThinking = fields::read("", raw)?;
    reasoning.thinking = Some(match (thinking.r#type.as_str(), thinking.budget_tokens) {
        ("enabled", Some(budget)) => Thinking::Budget(budget),
        // Without a budget: how DeepSeek and Doubao write it.
        ("enabled" | "adaptive" | "auto", _) => Thinking::Adaptive,
        ("disabled", _) => Thinking::Disabled,
        (other, _) => {
            return Err(fields::bad(
                "type",
                format!("{other:?} is not supported where a request is translated"),
            ));
        }
    });
    reasoning.display = thinking.display;
    Ok(())
}
