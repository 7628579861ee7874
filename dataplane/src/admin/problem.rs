//! What went wrong, as `application/problem+json` (RFC 9457).

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Seconds until it is worth asking again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// An answer that says why not. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// For people: one sentence.
    pub(super) detail: String,
    /// The member of the body, the header or the part of the address that is wrong.
    pub(super) field: Option<&'static str>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None, header: None }
    }

    /// 400: `detail` reads on from the name of the field.
    pub(super) fn field(field: &'static str, detail: impl std::fmt::Display) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::BAD_REQUEST, format!("{field} {detail}")) }
    }

    /// 401: which of the two it is helps nobody who has no token.
    pub(super) fn unauthorized() -> Self {
        Self {
            header: Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            ..Self::new(StatusCode::UNAUTHORIZED, "the admin token is missing or wrong")
        }
    }

    /// 405.
    pub(super) fn method(allowed: &'static str) -> Self {
        Self {
            header: Some((ALLOW, HeaderValue::from_static(allowed))),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} can be used here"))
        }
    }

    /// 503: the same again later, with the same key.
    pub(super) fn away(detail: impl Into<String>) -> Self {
        Self {
            header: Some((RETRY_AFTER, RETRY_AFTER_SECONDS)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = self.field {
            body["field"] = field.into();
        }
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body.to_string()).into_response();
        response.headers_mut().extend(self.header);
        response
    }
}
