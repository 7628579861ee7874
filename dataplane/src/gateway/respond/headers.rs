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
    copy(&CROSSING, upstream, client);
}

/// Of an answer that is given on byte by byte: how long it is, and which part of the whole.
static EXTENT: [HeaderName; 3] = [header::CONTENT_LENGTH, header::CONTENT_RANGE, header::ACCEPT_RANGES];

/// Copies what may cross, and what such an answer says of its bytes.
pub(super) fn cross_bytes(upstream: &HeaderMap, client: &mut HeaderMap) {
    copy(&CROSSING, upstream, client);
    copy(&EXTENT, upstream, client);
}

fn copy(names: &[HeaderName], upstream: &HeaderMap, client: &mut HeaderMap) {
    for name in names {
        if let Some(value) = upstream.get(name) {
            client.insert(name.clone(), value.clone());
        }
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
