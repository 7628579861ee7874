//! Error answers: `{"error": {code, message, status, details: [{"@type": …}]}}`, sometimes as the only item of a list.
//!
//! Google names the account that was asked, a whole key even: nothing of that reaches a log or a tenant.

mod cleaning;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    json,
    provider::{
        Fault, UpstreamError,
        count::Count,
        failure::{Words, of_status, upstream},
    },
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
    code: Count,
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Detail>>,
}

/// `ErrorInfo`, `RetryInfo`, `BadRequest` and others (`google/rpc/error_details.proto`), told apart by their members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    retry_delay: Option<String>,
    field_violations: Option<Vec<Violation>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Violation {
    field: Option<String>,
}

pub(super) fn error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let mut scratch = Vec::new();
    let answer = match body.trim_ascii_start().first() {
        Some(b'[') => json::parse::<Vec<Answer>>(body, &mut scratch)
            .ok()
            .and_then(|answers| answers.into_iter().next())
            .unwrap_or_default(),
        _ => json::parse::<Answer>(body, &mut scratch).unwrap_or_default(),
    };
    answer.error.read(status.as_u16(), headers)
}

pub(super) use crate::provider::cleaning::cleaned;
pub(super) use cleaning::event;

/// An error inside a stream, or inside an answer whose status said otherwise.
pub(super) fn inside(error: Inner) -> UpstreamError {
    error.read(200, &HeaderMap::new())
}

/// The model ended without an answer, for a reason that is none of the client's.
pub(super) fn gave_up(reason: &str, message: Option<String>) -> UpstreamError {
    let message = message.unwrap_or_else(|| format!("the model gave up without an answer: {reason}"));
    let words = Words { message: Some(cleaned(&message)), code: Some(reason.to_owned()), param: None };
    upstream(200, &HeaderMap::new(), words, Some(Fault::Provider))
}

impl Inner {
    fn read(self, status: u16, headers: &HeaderMap) -> UpstreamError {
        let said = u16::try_from(self.code.0).unwrap_or_default();
        let meant = if status == 200 { said } else { status };
        let fault = self.special(meant).unwrap_or_else(|| of_status(meant));
        let wait = self.retry_after_ms();
        let clean = |text: Option<String>| text.map(|text| cleaned(&text));
        let words =
            Words { param: clean(self.field()), message: clean(self.message), code: clean(self.status) };
        let error = upstream(status, headers, words, Some(fault));
        UpstreamError { retry_after_ms: wait.or(error.retry_after_ms), ..error }
    }

    /// Where the status does not tell the whole truth.
    fn special(&self, status: u16) -> Option<Fault> {
        let reason = |wanted: &str| self.details().any(|detail| detail.reason.as_deref() == Some(wanted));
        let says = |words: &str| self.message.as_deref().is_some_and(|message| message.contains(words));
        // A key that is no key comes as a 400 of its own: nothing that the client sent is at fault.
        if reason("API_KEY_INVALID") || says("API key not valid") || says("API key expired") {
            return Some(Fault::Credential);
        }
        // A file that the client named: of another account, or none at all.
        if status == 403 && says("permission to access the File ") {
            return Some(Fault::Request);
        }
        // Where the account may not be used from, or has no money: neither waiting nor another request helps.
        let status = self.status.as_deref();
        if (status == Some("FAILED_PRECONDITION") && (says("location") || says("billing")))
            || says("credits are depleted")
            || says("spending cap")
        {
            return Some(Fault::Forbidden);
        }
        // Google gave up, not the client.
        (status == Some("CANCELLED")).then_some(Fault::Provider)
    }

    fn details(&self) -> impl Iterator<Item = &Detail> {
        self.details.iter().flatten()
    }

    /// `RetryInfo.retryDelay`: seconds with a unit, `12s` or `12.5s`.
    fn retry_after_ms(&self) -> Option<u64> {
        let text = self.details().find_map(|detail| detail.retry_delay.as_deref())?;
        let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        (0.0..1e9).contains(&seconds).then(|| (seconds * 1000.0).ceil() as u64)
    }

    fn field(&self) -> Option<String> {
        self.details().find_map(|detail| detail.field_violations.as_ref()?.first()?.field.clone())
    }
}
