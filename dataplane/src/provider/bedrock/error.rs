//! Error answers: the kind in the header `x-amzn-errortype` or in `__type`, the words in `message`.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    chat::{Failure, FailureKind},
    json,
    provider::{
        Fault, UpstreamError,
        failure::{self, Words, upstream},
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(alias = "Message")]
    message: Option<String>,
    __type: Option<String>,
}

pub(super) fn error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let kind = header.or(answer.__type.as_deref()).map(bare);
    let fault = kind.and_then(|kind| fault(kind, answer.message.as_deref()));
    let words = Words { message: answer.message.clone(), code: kind.map(str::to_owned), param: None };
    upstream(status.as_u16(), headers, words, fault)
}

/// An error in an answer whose status said otherwise: a kind, and nothing that an answer has.
pub(super) fn plain(body: &[u8]) -> Option<UpstreamError> {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let kind = answer.__type.as_deref().map(bare)?;
    let fault = fault(kind, answer.message.as_deref()).unwrap_or(Fault::Provider);
    let words = Words { message: answer.message.clone(), code: Some(kind.to_owned()), param: None };
    Some(upstream(200, &HeaderMap::new(), words, Some(fault)))
}

/// `com.amazon.coral.service#ThrottlingException:http://…` is a `ThrottlingException`.
fn bare(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().trim()
}

/// Whose fault a kind is, where the status alone would mislead.
fn fault(kind: &str, message: Option<&str>) -> Option<Fault> {
    const KEY: &str = "Authentication failed";
    Some(match kind {
        // 403 all of them: the key is wrong, ended, or used wrongly. A clock that is off says so too.
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken" => Fault::Credential,
        // A Bedrock API key that is not accepted.
        "AccessDeniedException" if message.is_some_and(|message| message.starts_with(KEY)) => {
            Fault::Credential
        }
        "AccessDeniedException" => Fault::Forbidden,
        // 400, and yet the account's quota.
        "ServiceQuotaExceededException" | "ThrottlingException" | "TooManyRequestsException" => {
            Fault::Throttled
        }
        // 408 and 424, and yet the model's.
        "ModelTimeoutException"
        | "ModelErrorException"
        | "ModelStreamErrorException"
        | "InternalServerException"
        | "ServiceUnavailableException" => Fault::Provider,
        "ValidationException" => Fault::Request,
        _ => return None,
    })
}

/// An exception inside a stream: an object with one member, the exception.
pub(super) fn inside(data: &[u8]) -> Option<UpstreamError> {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        message: Option<String>,
        code: Option<String>,
    }
    // The name comes first; most events are no exceptions, and are not read twice.
    let head = data.strip_prefix(b"{\"")?;
    let name = head.get(..memchr::memchr(b'"', head)?)?;
    if name != b"error" && !name.ends_with(b"Exception") {
        return None;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let mut scratch = Vec::new();
    let mut members: std::collections::BTreeMap<String, Inner> =
        json::parse(data, &mut scratch).unwrap_or_default();
    let inner = members.remove(&name).unwrap_or_default();
    let code = inner.code.filter(|_| name == "error").unwrap_or(name);
    // Streams write the first letter small.
    let mut letters = code.chars();
    let kind: String =
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
    let fault = fault(&kind, inner.message.as_deref()).unwrap_or(Fault::Provider);
    let words = Words { message: inner.message, code: Some(kind), param: None };
    Some(upstream(200, &HeaderMap::new(), words, Some(fault)))
}

/// The model ended without an answer, for a reason that is none of the client's.
pub(super) fn gave_up(reason: &str) -> UpstreamError {
    let message = format!("the model gave up without an answer: {reason}");
    let words = Words { message: Some(message), code: Some(reason.to_owned()), param: None };
    upstream(200, &HeaderMap::new(), words, Some(Fault::Provider))
}

/// An error inside a stream in the client's terms.
pub(super) fn failure(error: &UpstreamError) -> Failure {
    let kind = match error.code.as_deref() {
        Some("ServiceUnavailableException") => FailureKind::Overloaded,
        Some("ModelTimeoutException") => FailureKind::Timeout,
        _ => return failure::failure(error),
    };
    Failure { kind, ..failure::failure(error) }
}
