//! Which headers of a provider's answer reach the client. Everything else stays: cookies, organisation ids, and
//! the rate limits of an account that is not the client's.

use http::{HeaderMap, HeaderName, header};

static CROSSING: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("openai-processing-ms"),
    HeaderName::from_static("openai-version"),
    HeaderName::from_static(super::ESTIMATED),
];

/// Copies what may cross.
pub(super) fn cross(upstream: &HeaderMap, client: &mut HeaderMap) {
    for name in &CROSSING {
        if let Some(value) = upstream.get(name) {
            client.insert(name.clone(), value.clone());
        }
    }
}

/// The length of an answer that is given on byte by byte.
pub(super) fn cross_length(upstream: &HeaderMap, client: &mut HeaderMap) {
    if let Some(value) = upstream.get(header::CONTENT_LENGTH) {
        client.insert(header::CONTENT_LENGTH, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_headers_cross() {
        let mut upstream = HeaderMap::new();
        for name in [
            "content-type",
            "openai-organization",
            "set-cookie",
            "x-ratelimit-remaining-tokens",
            "anthropic-organization-id",
            "x-request-id",
            "cf-ray",
        ] {
            upstream.insert(HeaderName::from_static(name), "value".parse().unwrap());
        }
        let mut client = HeaderMap::new();
        cross(&upstream, &mut client);
        assert_eq!(client.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
    }
}
