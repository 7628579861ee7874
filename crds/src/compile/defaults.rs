//! What applies where an `AIProvider` says nothing: by its type.

use crate::{
    config::{Retry, Timeouts},
    v1alpha1::{Duration, ProviderType, RetrySettings, TimeoutSettings},
};

/// Of providers, credentials: the number in the middle leaves room on both sides.
pub(super) const PRIORITY: u32 = 100;
/// Equal shares.
pub(super) const WEIGHT: u32 = 100;

/// The type's own address; none where there is no such thing. `region` is Bedrock's.
pub(super) fn base_url(r#type: ProviderType, region: Option<&str>) -> Option<String> {
    let fixed = match r#type {
        ProviderType::OpenAI => "https://api.openai.com/v1",
        ProviderType::Anthropic => "https://api.anthropic.com",
        ProviderType::Gemini => "https://generativelanguage.googleapis.com",
        ProviderType::DeepSeek => "https://api.deepseek.com",
        ProviderType::OpenRouter => "https://openrouter.ai/api/v1",
        ProviderType::XAI => "https://api.x.ai/v1",
        ProviderType::Doubao => "https://ark.cn-beijing.volces.com/api/v3",
        ProviderType::Poe => "https://api.poe.com/v1",
        ProviderType::Bedrock => {
            return region.map(|region| format!("https://bedrock-runtime.{region}.amazonaws.com"));
        }
        ProviderType::Ollama | ProviderType::OpenAICompatible => return None,
    };
    Some(fixed.to_owned())
}

/// One spelling for what people write in several: no trailing slash, and no `/v1` where the adapter adds it itself.
pub(super) fn normalise_base_url(r#type: ProviderType, written: &str) -> String {
    let url = written.trim_end_matches('/');
    match r#type {
        ProviderType::Anthropic | ProviderType::Ollama => url.strip_suffix("/v1").unwrap_or(url),
        _ => url,
    }
    .to_owned()
}

/// All four.
pub(super) fn timeouts(r#type: ProviderType, written: Option<&TimeoutSettings>) -> Timeouts {
    // A local model may have to be loaded from disk first.
    let (first_token, idle) = match r#type {
        ProviderType::Ollama => (600_000, 120_000),
        _ => (120_000, 60_000),
    };
    let or = |duration: Option<&Duration>, default| {
        duration.map(Duration::milliseconds).filter(|milliseconds| *milliseconds > 0).unwrap_or(default)
    };
    let written = written.cloned().unwrap_or_default();
    Timeouts {
        connect: or(written.connect.as_ref(), 5_000),
        first_token: or(written.first_token.as_ref(), first_token),
        idle: or(written.idle.as_ref(), idle),
        request: or(written.request.as_ref(), 900_000),
    }
}

/// All three.
pub(super) fn retry(written: Option<&RetrySettings>) -> Retry {
    let written = written.cloned().unwrap_or_default();
    Retry {
        attempts: written.attempts.unwrap_or(2).max(1),
        backoff: written.backoff.as_ref().map_or(250, Duration::milliseconds),
        max_backoff: written.max_backoff.as_ref().map_or(5_000, Duration::milliseconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_spelling() {
        for (r#type, written, normal) in [
            (ProviderType::Ollama, "http://ollama:11434", "http://ollama:11434"),
            (ProviderType::Ollama, "http://ollama:11434/v1/", "http://ollama:11434"),
            (ProviderType::Ollama, "http://proxy/ollama", "http://proxy/ollama"),
            (ProviderType::Anthropic, "https://api.anthropic.com/v1", "https://api.anthropic.com"),
            (ProviderType::Anthropic, "https://proxy/anthropic/v1", "https://proxy/anthropic"),
            (ProviderType::OpenAI, "https://proxy/v1//", "https://proxy/v1"),
        ] {
            assert_eq!(normalise_base_url(r#type, written), normal, "{written}");
        }
    }
}
