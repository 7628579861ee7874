//! Error answers: `{"type": "error", "error": {type, message, details}, "request_id": …}`.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::provider::{
    Fault, UpstreamError,
    failure::{Words, upstream},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    error: Inner,
}

/// The error itself, as it also stands in a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Inner {
    r#type: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    error_code: Option<String>,
}

pub(super) fn error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let fault = answer.error.special();
    upstream(status.as_u16(), headers, answer.error.words(), fault)
}

/// An error inside a stream, or inside an answer whose status said otherwise.
pub(super) fn inside(error: Inner) -> UpstreamError {
    let fault = error.special().unwrap_or(match error.r#type.as_deref() {
        Some("invalid_request_error" | "not_found_error" | "request_too_large") => Fault::Request,
        Some("authentication_error") => Fault::Credential,
        Some("permission_error" | "billing_error") => Fault::Forbidden,
        Some("rate_limit_error") => Fault::Throttled,
        _ => Fault::Provider,
    });
    upstream(200, &HeaderMap::new(), error.words(), Some(fault))
}

impl Inner {
    fn words(self) -> Words {
        Words { message: self.message, code: self.r#type, param: None }
    }

    /// Where neither status nor type tells the whole truth: the account has nothing left, and waiting won't help.
    fn special(&self) -> Option<Fault> {
        let code = self.details.as_ref().and_then(|details| details.error_code.as_deref());
        let spent = code == Some("enforced_spend_limit_reached")
            || self.message.as_deref().is_some_and(|message| message.contains("credit balance is too low"));
        spent.then_some(Fault::Forbidden)
    }
}
