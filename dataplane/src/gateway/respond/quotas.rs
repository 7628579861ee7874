//! What is left of the rate limits, in the headers that each wire's SDKs know, and in those of the IETF's draft
//! (draft-ietf-httpapi-ratelimit-headers-10) for everyone.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    allowance::{Quota, Quotas},
    wire::{Family, Wire},
};

/// Seconds.
const WINDOW: u64 = 60;

/// Writes nothing where nothing is limited.
pub(super) fn write(wire: Wire, quotas: &Quotas, at_ms: i64, headers: &mut HeaderMap) {
    let quotas = [(&quotas.requests, &NAMES[0]), (&quotas.tokens, &NAMES[1])];
    let (mut policies, mut states) = (Vec::new(), Vec::new());
    for (quota, names) in quotas {
        let Some(quota) = quota else { continue };
        let seconds = quota.reset_ms.div_ceil(1000);
        policies.push(format!("\"{}\";q={};w={WINDOW}", names.unit, quota.limit));
        states.push(format!("\"{}\";r={};t={seconds}", names.unit, quota.remaining));
        let [limit, remaining, reset] = match wire.family() {
            Family::OpenAi | Family::Gemini => names.openai,
            Family::Anthropic => names.anthropic,
        };
        headers.insert(HeaderName::from_static(limit), HeaderValue::from(quota.limit));
        headers.insert(HeaderName::from_static(remaining), HeaderValue::from(quota.remaining));
        insert(headers, HeaderName::from_static(reset), &reset_text(wire, quota, at_ms));
    }
    if !policies.is_empty() {
        insert(headers, HeaderName::from_static("ratelimit-policy"), &policies.join(", "));
        insert(headers, HeaderName::from_static("ratelimit"), &states.join(", "));
    }
}

struct Names {
    unit: &'static str,
    openai: [&'static str; 3],
    anthropic: [&'static str; 3],
}

static NAMES: [Names; 2] = [
    Names {
        unit: "requests",
        openai: [
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ],
        anthropic: [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
    },
    Names {
        unit: "tokens",
        openai: ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
        anthropic: [
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ],
    },
];

/// `OpenAI` writes how long (`1.5s`), Anthropic when (RFC 3339).
fn reset_text(wire: Wire, quota: &Quota, at_ms: i64) -> String {
    match wire.family() {
        Family::OpenAi | Family::Gemini => format!("{}.{:03}s", quota.reset_ms / 1000, quota.reset_ms % 1000),
        Family::Anthropic => {
            let at = at_ms.saturating_add_unsigned(quota.reset_ms.next_multiple_of(1000));
            let at = jiff::Timestamp::from_second(at.div_euclid(1000)).unwrap_or(jiff::Timestamp::MAX);
            at.to_string()
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(wire: Wire) -> Vec<String> {
        let quotas = Quotas {
            requests: Some(Quota { limit: 600, remaining: 598, reset_ms: 12_345 }),
            tokens: Some(Quota { limit: 200_000, remaining: 199_000, reset_ms: 12_345 }),
        };
        let mut headers = HeaderMap::new();
        write(wire, &quotas, 1_772_600_767_008, &mut headers);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn each_wire_has_its_own_names() {
        insta::assert_snapshot!(written(Wire::OpenAiChat).join("\n"), @r#"
        x-ratelimit-limit-requests: 600
        x-ratelimit-remaining-requests: 598
        x-ratelimit-reset-requests: 12.345s
        x-ratelimit-limit-tokens: 200000
        x-ratelimit-remaining-tokens: 199000
        x-ratelimit-reset-tokens: 12.345s
        ratelimit-policy: "requests";q=600;w=60, "tokens";q=200000;w=60
        ratelimit: "requests";r=598;t=13, "tokens";r=199000;t=13
        "#);
        insta::assert_snapshot!(written(Wire::AnthropicMessages).join("\n"), @r#"
        anthropic-ratelimit-requests-limit: 600
        anthropic-ratelimit-requests-remaining: 598
        anthropic-ratelimit-requests-reset: 2026-03-04T05:06:20Z
        anthropic-ratelimit-tokens-limit: 200000
        anthropic-ratelimit-tokens-remaining: 199000
        anthropic-ratelimit-tokens-reset: 2026-03-04T05:06:20Z
        ratelimit-policy: "requests";q=600;w=60, "tokens";q=200000;w=60
        ratelimit: "requests";r=598;t=13, "tokens";r=199000;t=13
        "#);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_limited() {
        let mut headers = HeaderMap::new();
        write(Wire::OpenAiChat, &Quotas::default(), 0, &mut headers);
        assert!(headers.is_empty());
    }
}
