//! The answer to "how many tokens is this?".

use super::{Family, Wire};

/// The answer of the wires that have the question.
pub fn encode(wire: Wire, tokens: u64) -> String {
    match wire.family() {
        Family::Gemini => format!(r#"{{"totalTokens":{tokens}}}"#),
        Family::OpenAi | Family::Anthropic => format!(r#"{{"input_tokens":{tokens}}}"#),
    }
}
