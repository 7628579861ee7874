//! Which headers cross between clients and providers: one table a direction. What is in neither is dropped, whoever sent
//! it and whatever it means.
//!
//! The hub writes the rest itself: to a provider `host`, `content-type`, `content-length`, `accept`, `accept-encoding`,
//! `user-agent`, its credential, what the provider's API always wants (`dispatch/send.rs`), and the `range` of a video that
//! is fetched (`ingress/videos.rs`); to a client the request's id, its own limits, `retry-after` and whatever belongs to the
//! body (`respond.rs` and below).

use http::{HeaderMap, HeaderName, header};

use crate::wire::{Family, Operation, Wire};

/// Says that a count is an estimate; the hub's own.
pub(super) const ESTIMATED: &str = "x-aigne-hub-estimated";

/// A client's headers that may reach a provider which speaks its wire; the provider's adapter looks at their values
/// ([`cross_header`](crate::provider::Adapter::cross_header)). Where a request is translated, none crosses.
fn towards_provider(wire: Wire, operation: Operation) -> &'static [&'static str] {
    match (wire, operation) {
        // The format's version, and features that change it; each beta is looked up.
        (Wire::AnthropicMessages, Operation::Chat | Operation::CountTokens) => {
            &["anthropic-version", "anthropic-beta"]
        }
        // OpenAI's choose an account (`openai-organization`, `openai-project`), name an answer that the account has stored
        // (`idempotency-key`), or tell what the client runs on (`x-stainless-…`). OpenRouter's (`http-referer`,
        // `x-openrouter-title`) say which application the account's owner has. Google's `x-goog-user-project` chooses who
        // pays.
        (
            Wire::AnthropicMessages
            | Wire::OpenAiChat
            | Wire::OpenAiCompletions
            | Wire::OpenAiResponses
            | Wire::Gemini,
            _,
        ) => &[],
    }
}

/// A provider's headers that may reach a client. Cookies, ids of organisations and the limits of an account that is not
/// the client's are none of them, nor are the provider's ids of requests: the hub's own stand in their place.
fn towards_client(family: Family, operation: Operation) -> &'static [HeaderName] {
    static OPENAI: [HeaderName; 3] = [
        header::CONTENT_TYPE,
        HeaderName::from_static("openai-processing-ms"),
        HeaderName::from_static("openai-version"),
    ];
    static COUNT: [HeaderName; 2] = [header::CONTENT_TYPE, HeaderName::from_static(ESTIMATED)];
    static OTHERS: [HeaderName; 1] = [header::CONTENT_TYPE];
    match (family, operation) {
        (_, Operation::CountTokens) => &COUNT,
        (Family::OpenAi, _) => &OPENAI,
        (Family::Anthropic | Family::Gemini, _) => &OTHERS,
    }
}

/// What of a client's headers an adapter may let cross, as far as it was sent. Lines of one name are one (RFC 9110: they
/// mean the same).
pub(super) fn of_client(
    wire: Wire,
    operation: Operation,
    headers: &HeaderMap,
) -> Vec<(&'static str, String)> {
    let allowed = towards_provider(wire, operation).iter().filter(|name| !is_of_connection(headers, name));
    let joined = |name| {
        let lines: Vec<_> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
        (!lines.is_empty()).then(|| lines.join(","))
    };
    allowed.filter_map(|name| Some((*name, joined(*name)?))).collect()
}

/// Gives a client what of a provider's headers may reach it.
pub(super) fn of_provider(
    family: Family,
    operation: Operation,
    upstream: &HeaderMap,
    client: &mut HeaderMap,
) {
    for name in towards_client(family, operation) {
        if let Some(value) = upstream.get(name).filter(|_| !is_of_connection(upstream, name.as_str())) {
            client.insert(name.clone(), value.clone());
        }
    }
}

/// Of an answer that is given on byte by byte: how long it is, and which part of the whole.
pub(super) fn extent_of_provider(upstream: &HeaderMap, client: &mut HeaderMap) {
    for name in [header::CONTENT_LENGTH, header::CONTENT_RANGE, header::ACCEPT_RANGES] {
        if let Some(value) = upstream.get(&name) {
            client.insert(name, value.clone());
        }
    }
}

/// Whether `Connection` names it: it was meant for the hub alone (RFC 9110, 7.6.1).
fn is_of_connection(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|other| other.trim().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn anthropics_headers_cross_on_its_own_wire_alone() {
        let sent = map(&[
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("anthropic-workspace-id", "w"),
            ("idempotency-key", "k"),
        ]);
        for wire in Wire::ALL {
            for operation in Operation::ALL {
                let expected = match (wire, operation) {
                    (Wire::AnthropicMessages, Operation::Chat | Operation::CountTokens) => {
                        vec![
                            ("anthropic-version", "2023-06-01".to_owned()),
                            ("anthropic-beta", "a,b".to_owned()),
                        ]
                    }
                    _ => Vec::new(),
                };
                assert_eq!(of_client(wire, operation, &sent), expected, "{wire:?} {operation:?}");
            }
        }
        let mut named = sent;
        named.insert(header::CONNECTION, "close, Anthropic-Beta".parse().unwrap());
        let crossing = of_client(Wire::AnthropicMessages, Operation::Chat, &named);
        assert_eq!(crossing, [("anthropic-version", "2023-06-01".to_owned())]);
    }

    #[test]
    fn of_an_answer_what_is_listed_crosses() {
        let upstream = map(&[
            ("content-type", "application/json"),
            ("openai-processing-ms", "12"),
            ("openai-version", "2020-10-01"),
            ("openai-organization", "org"),
            ("openai-project", "proj"),
            ("anthropic-organization-id", "org"),
            ("anthropic-ratelimit-requests-remaining", "7"),
            ("x-ratelimit-remaining-tokens", "7"),
            ("request-id", "req"),
            ("x-request-id", "req"),
            ("x-amzn-requestid", "req"),
            ("x-goog-request-id", "req"),
            ("retry-after", "1"),
            ("retry-after-ms", "1"),
            ("x-should-retry", "true"),
            ("set-cookie", "a=b"),
            ("location", "https://example.com"),
            ("server-timing", "gfet4t7; dur=1"),
            ("alt-svc", "h3"),
            ("access-control-allow-origin", "*"),
            (ESTIMATED, "true"),
            ("cf-ray", "x"),
        ]);
        for operation in Operation::ALL {
            for (family, own) in [
                (Family::OpenAi, &["content-type", "openai-processing-ms", "openai-version"][..]),
                (Family::Anthropic, &["content-type"]),
                (Family::Gemini, &["content-type"]),
            ] {
                let expected =
                    if operation == Operation::CountTokens { &["content-type", ESTIMATED][..] } else { own };
                let mut client = HeaderMap::new();
                of_provider(family, operation, &upstream, &mut client);
                let names: Vec<_> = client.keys().map(HeaderName::as_str).collect();
                assert_eq!(names, expected, "{family:?} {operation:?}");
            }
        }
        let named = map(&[("connection", "OpenAI-Version"), ("openai-version", "x")]);
        let mut client = HeaderMap::new();
        of_provider(Family::OpenAi, Operation::Chat, &named, &mut client);
        assert!(client.is_empty(), "{client:?}");
    }
}
