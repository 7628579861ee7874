//! Usage as each provider words it.

use serde_json::{Value, json};

/// Token counts, normalised: no count is contained in another but for `reasoning` in `output`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tokens {
    /// Input that was neither read from nor written to the provider's cache.
    pub input: u64,
    /// Input read from the cache.
    pub cached: u64,
    /// Input written to the cache.
    pub cache_write: u64,
    /// All output, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// What the provider says it charged, in its own decimal words.
    pub cost: Option<String>,
}

/// Whose words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Cached and reasoning tokens are subsets, told in details.
    #[default]
    OpenAI,
    /// `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens`.
    DeepSeek,
    /// Reasoning is an addend: total = prompt + completion + reasoning.
    XAI,
    /// OpenAI's words with `cost`; comments come between the events.
    OpenRouter,
    /// The bare three numbers.
    Ollama,
    /// Ark: OpenAI's words with provisioned and audio details.
    Doubao,
    /// The bare three numbers.
    Poe,
}

impl Dialect {
    /// By the lower-case name of the provider; OpenAI's for any other.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "deepseek" => Self::DeepSeek,
            "xai" => Self::XAI,
            "openrouter" => Self::OpenRouter,
            "ollama" => Self::Ollama,
            "doubao" => Self::Doubao,
            "poe" => Self::Poe,
            _ => Self::OpenAI,
        }
    }

    /// The `usage` object of an OpenAI-shaped answer.
    pub fn openai_usage(self, tokens: &Tokens) -> Value {
        let prompt = tokens.input + tokens.cached + tokens.cache_write;
        let total = prompt + tokens.output;
        let completion = if self == Self::XAI { tokens.output - tokens.reasoning } else { tokens.output };
        let mut usage =
            json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total});
        let details = match self {
            Self::OpenAI => json!({
                "prompt_tokens_details":
                    {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0,
                    "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
            }),
            Self::DeepSeek => json!({
                "prompt_cache_hit_tokens": tokens.cached,
                "prompt_cache_miss_tokens": tokens.input + tokens.cache_write,
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
            }),
            Self::XAI => json!({
                "prompt_tokens_details": {"text_tokens": prompt, "audio_tokens": 0, "image_tokens": 0,
                    "cached_tokens": tokens.cached},
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
                "num_sources_used": 0,
            }),
            Self::OpenRouter => json!({
                "prompt_tokens_details":
                    {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
                "is_byok": false,
                "cost_details": {"upstream_inference_cost": null},
            }),
            Self::Doubao => json!({
                "prompt_tokens_details": {"cached_tokens": tokens.cached, "provisioned_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "provisioned_tokens": 0},
            }),
            Self::Ollama | Self::Poe => json!({}),
        };
        merge(&mut usage, details);
        if let Some(cost) = tokens.cost.as_deref().and_then(|cost| serde_json::from_str::<Value>(cost).ok()) {
            let key = if self == Self::XAI { "cost_in_usd_ticks" } else { "cost" };
            merge(&mut usage, json!({ key: cost }));
        }
        usage
    }

    /// The body of an error answer.
    pub fn openai_error(self, status: u16, message: &str) -> Value {
        let (kind, code) = openai_error_kind(status);
        match self {
            Self::XAI => json!({"code": kind, "error": message}),
            Self::Ollama => json!({ "error": message }),
            Self::OpenRouter => {
                json!({"error": {"code": status, "message": message, "metadata": {"provider_name": "scripted"}}})
            }
            Self::Poe => json!({"error": {"message": message, "type": kind, "code": code}}),
            Self::Doubao => json!({"error": {"code": "RateLimitExceeded.EndpointRPMExceeded",
                "message": format!("{message} Request id: 02scripted"), "param": "", "type": kind}}),
            Self::OpenAI | Self::DeepSeek => {
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
        }
    }
}

/// OpenAI's type and code of an error.
fn openai_error_kind(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        403 => ("permission_error", None),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

/// Anthropic's `usage` object of a whole answer.
pub(super) fn anthropic_usage(tokens: &Tokens) -> Value {
    json!({
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "service_tier": "standard",
    })
}

/// Anthropic's error body.
pub(super) fn anthropic_error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"})
}

/// Adds the members of `more`.
pub(super) fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens { input: 25, cached: 100, output: 15, reasoning: 5, ..Tokens::default() }
    }

    #[test]
    fn reasoning_is_an_addend_at_xai_and_a_subset_elsewhere() {
        let xai = Dialect::XAI.openai_usage(&tokens());
        assert_eq!((&xai["completion_tokens"], &xai["total_tokens"]), (&json!(10), &json!(140)));
        let openai = Dialect::OpenAI.openai_usage(&tokens());
        assert_eq!((&openai["completion_tokens"], &openai["total_tokens"]), (&json!(15), &json!(140)));
    }

    #[test]
    fn deepseek_splits_the_prompt() {
        let usage = Dialect::DeepSeek.openai_usage(&tokens());
        assert_eq!(usage["prompt_tokens"], json!(125));
        assert_eq!(usage["prompt_cache_hit_tokens"], json!(100));
        assert_eq!(usage["prompt_cache_miss_tokens"], json!(25));
    }
}
