//! Every provider's error answers, in its own shape, as every client gets them: one golden table.
//!
//! The fault decides what the gateway does: `Request` is final and says nothing about health; `Credential` (confirmed once) and
//! `Forbidden` (cools the model) try another credential; `Throttled` cools for the wait and tries elsewhere, or waits where
//! that is short; `Provider` counts towards the circuit and is tried again (`dispatch/plan.rs`, `health.rs`).

use std::fmt::Write as _;

use aigne_hub_crds::config::ProviderType as Type;
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::error_before;
use crate::{
    error::{GatewayError, Kind},
    provider::adapter,
    wire::Wire,
};

const STATUSES: [u16; 13] = [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529];

const DATE: (&str, &str) = ("date", "Tue, 24 Nov 2026 12:00:00 GMT");

type Headers = &'static [(&'static str, &'static str)];

/// What a provider answers with this status, as it writes errors: headers and body.
fn answer(provider: Type, status: u16) -> (Headers, Value) {
    let message = format!("words for {status}");
    match provider {
        Type::Anthropic => (anthropic_headers(status), anthropic(status, &message)),
        Type::Bedrock => bedrock(status, &message),
        Type::Gemini => (&[], gemini(status, &message)),
        Type::Ollama => (&[], json!({"error": message})),
        Type::XAI => (&[], json!({"code": "Some words of a code", "error": message})),
        Type::OpenRouter => {
            let reset: Headers =
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795521630000"), DATE];
            let headers: Headers = if status == 429 { reset } else { &[] };
            (
                headers,
                json!({"error": {"code": status, "message": message, "metadata": {"provider_name": "x"}}}),
            )
        }
        Type::Doubao => (&[], doubao(status, &message)),
        Type::Poe => {
            let reset: Headers =
                &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "12")];
            let headers: Headers = if status == 429 { reset } else { &[] };
            (headers, json!({"error": {"message": message, "type": openai_type(status), "code": status}}))
        }
        Type::OpenAI | Type::DeepSeek | Type::OpenAICompatible => {
            let wait: Headers = match (provider, status) {
                (Type::OpenAI, 429) => &[("retry-after-ms", "1500"), ("retry-after", "2")],
                (Type::OpenAICompatible, 429) => {
                    &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "1m0.5s")]
                }
                _ => &[],
            };
            let error = json!({"message": message, "type": openai_type(status), "param": null, "code": null});
            (wait, json!({ "error": error }))
        }
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_headers(status: u16) -> Headers {
    match status {
        429 => &[
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-24T12:00:09Z"),
            DATE,
        ],
        529 => &[("retry-after", "4")],
        _ => &[],
    }
}

fn anthropic(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
}

fn bedrock(status: u16, message: &str) -> (Headers, Value) {
    let headers: Headers = match status {
        400 => &[("x-amzn-errortype", "ValidationException:http://internal.amazon.com/")],
        401 => &[("x-amzn-errortype", "UnrecognizedClientException")],
        403 => &[("x-amzn-errortype", "AccessDeniedException")],
        404 => &[("x-amzn-errortype", "ResourceNotFoundException")],
        408 => &[("x-amzn-errortype", "ModelTimeoutException")],
        429 => &[("x-amzn-errortype", "ThrottlingException")],
        500 => &[("x-amzn-errortype", "InternalServerException")],
        503 => &[("x-amzn-errortype", "ServiceUnavailableException")],
        _ => &[],
    };
    (headers, json!({ "message": message }))
}

fn gemini(status: u16, message: &str) -> Value {
    let word = match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let wait = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}]);
    let details = if status == 429 { wait } else { json!([]) };
    json!({"error": {"code": status, "message": message, "status": word, "details": details}})
}

fn doubao(status: u16, message: &str) -> Value {
    let code = match status {
        400 => "InvalidParameter",
        401 => "AuthenticationError",
        403 => "AccountOverdueError",
        404 => "InvalidEndpointOrModel.NotFound",
        429 => "RateLimitExceeded.EndpointRPMExceeded",
        500.. => "InternalServiceError",
        _ => "Other",
    };
    json!({"error": {"code": code, "message": message, "param": "", "type": "T"}})
}

/// Answers whose status alone would mislead, or whose words are the account's.
#[expect(clippy::too_many_lines, reason = "a table")]
fn special() -> Vec<(Type, u16, Headers, Value)> {
    let openai = |message: &str, code: &str| json!({"error": {"message": message, "type": "t", "param": "messages", "code": code}});
    vec![
        (Type::OpenAI, 400, &[], openai("too long", "context_length_exceeded")),
        (Type::OpenAI, 429, &[], openai("check your plan", "insufficient_quota")),
        (
            Type::OpenAI,
            429,
            &[("retry-after", "20")],
            openai("in organization org-AbC123dEf: wait", "rate_limit_exceeded"),
        ),
        (Type::OpenAI, 500, &[], json!("<html>not JSON</html>")),
        (Type::Anthropic, 400, &[], anthropic(400, "Your credit balance is too low")),
        (
            Type::Bedrock,
            400,
            &[("x-amzn-errortype", "ServiceQuotaExceededException")],
            json!({"message": "quota"}),
        ),
        (
            Type::Bedrock,
            400,
            &[],
            json!({"__type": "com.amazon#ThrottlingException", "message": "slow down"}),
        ),
        (Type::Bedrock, 403, &[("x-amzn-errortype", "ExpiredTokenException")], json!({"message": "ended"})),
        (Type::Bedrock, 424, &[("x-amzn-errortype", "ModelErrorException")], json!({"message": "the model"})),
        (
            Type::Bedrock,
            429,
            &[("x-amzn-errortype", "ModelNotReadyException")],
            json!({"message": "warming up"}),
        ),
        (
            Type::Gemini,
            400,
            &[],
            json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}),
        ),
        (
            Type::Gemini,
            400,
            &[],
            json!({"error": {"code": 400, "message": "User location is not supported", "status": "FAILED_PRECONDITION"}}),
        ),
        (
            Type::Gemini,
            400,
            &[],
            json!([{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT", "details": [{"fieldViolations": [{"field": "contents[0]"}]}]}}]),
        ),
        (
            Type::Gemini,
            499,
            &[],
            json!({"error": {"code": 499, "message": "cancelled", "status": "CANCELLED"}}),
        ),
        (
            Type::Gemini,
            504,
            &[],
            json!({"error": {"code": 504, "message": "late", "status": "DEADLINE_EXCEEDED"}}),
        ),
        (
            Type::OpenRouter,
            403,
            &[],
            json!({"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}),
        ),
        (Type::OpenRouter, 524, &[], json!({"error": {"code": 524, "message": "edge timeout"}})),
        (
            Type::XAI,
            400,
            &[],
            json!({"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***Kj."}),
        ),
        (
            Type::XAI,
            403,
            &[],
            json!({"code": "The caller does not have permission", "error": "Content violates usage guidelines. Team: 1a-2b, API key ID: 3c-4d, Failed check: X"}),
        ),
        (
            Type::Doubao,
            400,
            &[],
            json!({"error": {"code": "SensitiveContentDetected", "message": "no", "param": "", "type": "BadRequest"}}),
        ),
        (
            Type::Doubao,
            404,
            &[],
            json!({"error": {"code": "ModelNotOpen", "message": "not activated", "param": "", "type": "NotFound"}}),
        ),
        (
            Type::Doubao,
            429,
            &[],
            json!({"error": {"code": "QuotaExceeded", "message": "spent", "param": "", "type": "TooManyRequests"}}),
        ),
        (
            Type::Doubao,
            429,
            &[],
            json!({"error": {"code": "ServerOverloaded", "message": "busy", "param": "", "type": "TooManyRequests"}}),
        ),
        (Type::Ollama, 404, &[], json!({"error": "model \"x\" not found, try pulling it first"})),
    ]
}

/// One line: what the provider meant, and what clients get of it.
fn line(provider: Type, status: u16, headers: Headers, body: &Value) -> String {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let status = StatusCode::from_u16(status).unwrap();
    let error = adapter(provider).error(status, &headers, text.as_bytes());
    let told = GatewayError::upstream(&error, "p");
    let mut line = format!("{} {:<10}", status.as_u16(), format!("{:?}", error.fault));
    let [chat, completions, responses, anthropic, gemini] = Wire::ALL.map(|wire| shown(wire, &told));
    assert_eq!((&chat, &chat), (&completions, &responses), "OpenAI's wires share their errors");
    let wait = told.retry_after_ms.map(|ms| format!("  wait {ms} ms")).unwrap_or_default();
    let words = if told.message.starts_with("words for") || told.kind == Kind::UpstreamCredential {
        String::new()
    } else {
        format!("  {:?}", told.message)
    };
    write!(line, "  openai {chat}  anthropic {anthropic}  gemini {gemini}{wait}{words}").unwrap();
    line
}

/// Status, and the words that programs look at.
fn shown(wire: Wire, error: &GatewayError) -> String {
    let answer = error_before(wire, error, Uuid::nil());
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let waits = answer.headers().contains_key("retry-after");
    assert_eq!(waits, error.retry_after_ms.is_some(), "{wire:?}");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let body = &body["error"];
    let words = match wire {
        Wire::Gemini => {
            assert_eq!(body["code"], answer.status().as_u16());
            text(&body["status"])
        }
        Wire::AnthropicMessages => text(&body["type"]),
        _ => format!("{}/{}", text(&body["type"]), text(&body["code"])),
    };
    let again = answer.headers().get("x-should-retry").map_or("", |_| " (final)");
    format!("{} {words}{again}", answer.status().as_u16())
}

#[test]
fn every_error_of_every_provider_as_every_client_gets_it() {
    let mut table = String::new();
    for provider in Type::ALL.iter().copied() {
        writeln!(table, "## {provider:?}").unwrap();
        for status in STATUSES {
            let (headers, body) = answer(provider, status);
            writeln!(table, "{}", line(provider, status, headers, &body)).unwrap();
        }
        for (_, status, headers, body) in special().iter().filter(|(of, ..)| *of == provider) {
            writeln!(table, "{}", line(provider, *status, headers, body)).unwrap();
        }
    }
    insta::assert_snapshot!("errors", table);
}
