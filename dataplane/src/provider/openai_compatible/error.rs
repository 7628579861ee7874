//! Error answers in the shapes that these providers use.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{
    chat::Raw,
    provider::{
        Fault, UpstreamError,
        failure::{Words, of_status, upstream},
    },
};

/// An error answer. Known shapes: `{"error": {message, type, param, code}}`, where the code may be a number
/// (`OpenRouter`); `{"code": "…", "error": "…"}` (xAI); `{"error": "…"}` (Ollama); `{"message": "…"}`; `{"detail": "…"}`.
pub(super) fn error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let words = words(&value);
    let fault = fault(status.as_u16(), &words);
    upstream(status.as_u16(), headers, words, fault)
}

/// An error inside an answer with status 200; `None` where the field is there but says nothing.
pub(super) fn inside(error: &Raw) -> Option<UpstreamError> {
    let error: Value = error.read()?;
    if error.is_null() || error == Value::Bool(false) {
        return None;
    }
    // `OpenRouter` puts the status into the code.
    let status = error
        .get("code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| *code >= 400);
    let words = words(&Value::from_iter([("error", error)]));
    let fault =
        fault(status.unwrap_or(500), &words).or_else(|| status.map(of_status)).or(Some(Fault::Provider));
    Some(upstream(200, &HeaderMap::new(), words, fault))
}

/// A finish reason that means that the provider gave up (`OpenRouter`, `DeepSeek`).
pub(super) fn gave_up(finish_reason: &str) -> Option<UpstreamError> {
    if !matches!(finish_reason, "error" | "insufficient_system_resource") {
        return None;
    }
    let words = Words {
        message: Some("the provider stopped before its answer was complete".to_owned()),
        code: Some(finish_reason.to_owned()),
        param: None,
    };
    Some(upstream(200, &HeaderMap::new(), words, Some(Fault::Provider)))
}

fn words(value: &Value) -> Words {
    let value = value.get(0).unwrap_or(value);
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    match value.get("error") {
        Some(Value::Object(error)) => Words {
            message: text(error.get("message")),
            code: text(error.get("code")).or_else(|| text(error.get("type"))),
            param: text(error.get("param")),
        },
        error => Words {
            message: text(error).or_else(|| text(value.get("message"))).or_else(|| text(value.get("detail"))),
            code: text(value.get("code")).or_else(|| text(value.get("type"))),
            param: text(value.get("param")),
        },
    }
}

/// What a 403 says that is about the prompt and not about the credential.
const FLAGGED: [&str; 3] = ["moderation", "flagged", "violates usage guidelines"];

/// Where the status alone would mislead.
fn fault(status: u16, words: &Words) -> Option<Fault> {
    let code = words.code.as_deref().unwrap_or_default();
    let message = words.message.as_deref().unwrap_or_default();
    match (status, code) {
        // Not too much at once but nothing left: waiting does not help.
        (429, "insufficient_quota" | "billing_hard_limit_reached" | "QuotaExceeded" | "SetLimitExceeded") => {
            Some(Fault::Forbidden)
        }
        // Doubao: the provider has too much to do, not the client asked too much.
        (429, "ServerOverloaded") => Some(Fault::Provider),
        // xAI answers 400 to a wrong key.
        (400, _) if message.contains("ncorrect API key") || code == "invalid_api_key" => {
            Some(Fault::Credential)
        }
        // `OpenRouter`, xAI and others answer 403 to a prompt that their filter flags.
        (403, _) if FLAGGED.iter().any(|words| message.contains(words)) => Some(Fault::Request),
        // Doubao: the account has not been given the model.
        (404, "ModelNotOpen" | "InvalidEndpointOrModel.ModelIDAccessDisabled") => Some(Fault::Forbidden),
        _ => None,
    }
}
