//! The answer to "how many tokens is this?".

/// Anthropic's answer.
pub fn encode(input_tokens: u64) -> String {
    format!(r#"{{"input_tokens":{input_tokens}}}"#)
}
