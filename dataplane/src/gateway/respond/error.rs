//! Errors in the client's own format.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use super::{JSON, ReplyBody, identify, reply};
use crate::{
    error::{GatewayError, Kind},
    gateway::exchange::Exchange,
    wire::{Family, Wire},
};

/// An error answer, before any content was sent.
pub(in crate::gateway) fn error(error: &GatewayError, mut exchange: Box<Exchange>) -> Response<ReplyBody> {
    exchange.status = client_status(exchange.wire, error);
    exchange.error = Some(error.label());
    let status = StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = body(exchange.wire, error, &exchange.id.to_string(), payment_link(error, &exchange));
    let mut response = reply(status, &exchange, ReplyBody::whole(body));
    explain(error, response.headers_mut());
    response
}

/// The same from somebody who stands before the gateway, and has nothing of a request but its head.
pub(in crate::gateway) fn error_before(wire: Wire, error: &GatewayError, id: Uuid) -> Response<Bytes> {
    let mut response = Response::new(body(wire, error, &id.to_string(), None));
    *response.status_mut() =
        StatusCode::from_u16(client_status(wire, error)).unwrap_or(StatusCode::BAD_GATEWAY);
    identify(wire, id, response.headers_mut());
    explain(error, response.headers_mut());
    response
}

/// What headers say of an error.
fn explain(error: &GatewayError, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, JSON);
    if let Some(ms) = error.retry_after_ms {
        // Whole seconds for everyone, milliseconds for OpenAI's SDKs, which prefer them.
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        headers.insert("retry-after-ms", HeaderValue::from(ms));
    }
    if let Kind::MethodNotAllowed(method) = error.kind {
        headers.insert(header::ALLOW, HeaderValue::from_static(method));
    }
    if let Kind::NoSuchRange(Some(length)) = error.kind
        && let Ok(whole) = HeaderValue::try_from(format!("bytes */{length}"))
    {
        headers.insert(header::CONTENT_RANGE, whole);
    }
    // What trying again cannot help is not tried again: SDKs repeat some statuses by themselves.
    if matches!(error.kind, Kind::UpstreamCredential | Kind::BudgetExceeded) {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    if matches!(error.kind, Kind::TooLarge | Kind::BodyTimeout) {
        // The rest of the body is not read.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// An error inside a stream: the last event of it.
pub(super) fn in_stream(wire: Wire, error: &GatewayError, request_id: &str) -> Bytes {
    let body = match wire {
        Wire::OpenAiResponses => response_error(error),
        _ => body(wire, error, request_id, None),
    };
    let mut event = match (wire, wire.family()) {
        (Wire::OpenAiResponses, _) | (_, Family::Anthropic) => b"event: error\ndata: ".to_vec(),
        (_, Family::OpenAi | Family::Gemini) => b"data: ".to_vec(),
    };
    event.extend_from_slice(&body);
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// `OpenAI`'s responses write an error's words into the event itself, and newer ones within `error`: clients look for
/// either. What number is due is not known where a stream is relayed.
fn response_error(error: &GatewayError) -> Bytes {
    let (code, message) = (openai_code(error), &error.message);
    json!({
        "type": "error",
        "sequence_number": 0,
        "code": code,
        "message": message,
        "param": error.param,
        "error": { "type": openai_type(error), "code": code, "message": message, "param": error.param },
    })
    .to_string()
    .into()
}

/// Anthropic's own clients know 529 as "overloaded"; others do not know it at all.
fn client_status(wire: Wire, error: &GatewayError) -> u16 {
    match (wire.family(), error.status()) {
        (Family::Anthropic, status) => status,
        (_, 529) => 503,
        (_, status) => status,
    }
}

/// Where whoever is out of credits can get more.
fn payment_link<'a>(error: &GatewayError, exchange: &'a Exchange) -> Option<&'a str> {
    let tenant = exchange.tenant.as_ref().filter(|_| error.kind == Kind::CreditExhausted)?;
    tenant.config.billing.payment_url.as_deref()
}

fn body(wire: Wire, error: &GatewayError, request_id: &str, link: Option<&str>) -> Bytes {
    let mut value = match wire.family() {
        Family::OpenAi => json!({
            "error": {
                "message": error.message,
                "type": openai_type(error),
                "param": error.param,
                "code": openai_code(error),
            }
        }),
        Family::Gemini => json!({
            "error": {
                "code": client_status(wire, error),
                "message": error.message,
                "status": google_status(client_status(wire, error)),
                "details": google_details(error, request_id, link),
            }
        }),
        Family::Anthropic => json!({
            "type": "error",
            "error": { "type": anthropic_type(error), "message": anthropic_message(error) },
            "request_id": request_id,
        }),
    };
    if let (Some(link), false) = (link, wire.family() == Family::Gemini) {
        value["error"]["link"] = json!(link);
    }
    value.to_string().into()
}

/// What Google's format says of an error beside its words (`google/rpc/error_details.proto`).
fn google_details(error: &GatewayError, request_id: &str, link: Option<&str>) -> serde_json::Value {
    let kind = |name: &str| format!("type.googleapis.com/google.rpc.{name}");
    let mut details = vec![
        json!({"@type": kind("ErrorInfo"), "reason": error.label().to_uppercase(), "domain": "aigne-hub"}),
        json!({"@type": kind("RequestInfo"), "requestId": request_id}),
    ];
    if let Some(ms) = error.retry_after_ms {
        let delay = format!("{}.{:03}s", ms / 1000, ms % 1000);
        details.push(json!({"@type": kind("RetryInfo"), "retryDelay": delay}));
    }
    if let Some(param) = &error.param {
        let violations = json!([{"field": param, "description": error.message}]);
        details.push(json!({"@type": kind("BadRequest"), "fieldViolations": violations}));
    }
    if let Some(link) = link {
        let links = json!([{"description": "Get more credits", "url": link}]);
        details.push(json!({"@type": kind("Help"), "links": links}));
    }
    details.into()
}

/// Anthropic's format has no place for the field at fault.
fn anthropic_message(error: &GatewayError) -> String {
    match &error.param {
        Some(param) if !error.message.contains(&**param) => format!("{param}: {}", error.message),
        _ => error.message.to_string(),
    }
}

fn openai_type(error: &GatewayError) -> &'static str {
    match error.kind {
        Kind::Unauthenticated | Kind::KeyNotValid => "authentication_error",
        Kind::Suspended | Kind::Unclaimed | Kind::ModelNotAllowed => "permission_error",
        Kind::NotPriced | Kind::CreditExhausted => "billing_error",
        Kind::RateLimited | Kind::BudgetExceeded | Kind::UpstreamThrottled => "rate_limit_error",
        _ if error.status() < 500 => "invalid_request_error",
        _ => "server_error",
    }
}

fn openai_code(error: &GatewayError) -> &str {
    match error.kind {
        Kind::Unauthenticated | Kind::KeyNotValid => "invalid_api_key",
        Kind::UnknownModel => "model_not_found",
        Kind::RateLimited | Kind::UpstreamThrottled => "rate_limit_exceeded",
        // What programs look at to tell one mistake from another.
        Kind::UpstreamRequest => error
            .upstream_code
            .as_deref()
            // The status once more says nothing to a program (OpenRouter, Poe).
            .filter(|code| *code != "invalid_request_error" && code.parse::<u16>().is_err())
            .unwrap_or_else(|| error.label()),
        _ => error.label(),
    }
}

/// The canonical code of Google's APIs for a status (`google.rpc.Code`).
fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        402 | 429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..500 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

/// By Anthropic's own table (`types/shared/error_type`): one type a status.
fn anthropic_type(error: &GatewayError) -> &'static str {
    match client_status(Wire::AnthropicMessages, error) {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    mod table;

    use super::*;

    fn text(wire: Wire, error: &GatewayError) -> String {
        String::from_utf8(body(wire, error, "id", None).to_vec()).unwrap()
    }

    #[test]
    fn each_wire_has_its_own_shape() {
        let error = GatewayError::new(Kind::UnknownModel, "no such model").with_param("model");
        assert_eq!(
            text(Wire::OpenAiChat, &error),
            r#"{"error":{"code":"model_not_found","message":"no such model","param":"model","type":"invalid_request_error"}}"#
        );
        assert_eq!(
            text(Wire::AnthropicMessages, &error),
            r#"{"error":{"message":"no such model","type":"not_found_error"},"request_id":"id","type":"error"}"#
        );
    }

    #[test]
    fn a_providers_code_for_a_clients_mistake_reaches_the_client() {
        let error = GatewayError {
            upstream_code: Some("context_length_exceeded".into()),
            ..GatewayError::new(Kind::UpstreamRequest, "too long")
        };
        assert!(text(Wire::OpenAiChat, &error).contains(r#""code":"context_length_exceeded""#));
    }

    #[test]
    fn a_link_is_where_programs_find_it() {
        let error = GatewayError::new(Kind::CreditExhausted, "the credits are used up");
        let text = |wire| String::from_utf8(body(wire, &error, "id", Some("https://pay.example")).to_vec());
        assert_eq!(
            text(Wire::OpenAiChat).unwrap(),
            r#"{"error":{"code":"credit_exhausted","link":"https://pay.example","message":"the credits are used up","param":null,"type":"billing_error"}}"#
        );
        assert_eq!(
            text(Wire::AnthropicMessages).unwrap(),
            r#"{"error":{"link":"https://pay.example","message":"the credits are used up","type":"billing_error"},"request_id":"id","type":"error"}"#
        );
    }

    #[test]
    fn an_error_inside_a_stream_is_an_event_of_the_wire() {
        let error = GatewayError::new(Kind::UpstreamFailed, "broke");
        assert!(in_stream(Wire::OpenAiChat, &error, "id").starts_with(b"data: {\"error\""));
        assert!(in_stream(Wire::AnthropicMessages, &error, "id").starts_with(b"event: error\ndata: {"));
        let event = in_stream(Wire::OpenAiResponses, &error, "id");
        assert!(event.starts_with(b"event: error\ndata: {"));
        assert!(memchr::memmem::find(&event, b"\"type\":\"error\"").is_some());
    }

    #[test]
    fn only_anthropics_clients_know_529() {
        let error =
            GatewayError { upstream_status: Some(529), ..GatewayError::new(Kind::UpstreamFailed, "busy") };
        assert_eq!(client_status(Wire::OpenAiChat, &error), 503);
        assert_eq!(client_status(Wire::AnthropicMessages, &error), 529);
        assert_eq!(anthropic_type(&error), "overloaded_error");
    }
}
