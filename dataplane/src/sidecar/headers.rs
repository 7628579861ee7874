//! Which headers pass: all but those of one connection, and whatever an application shows as its key.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// They speak of the connection that they came on, not of the message (RFC 9110, 7.6.1).
static OF_A_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Where SDKs show their keys. What an application has there is a placeholder, or a key that the hub need not see.
static KEYS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("api-key"),
];

/// Makes an application's headers those of a request to the hub: `token` is its only credential.
pub(super) fn towards_hub(headers: &mut HeaderMap, authority: &HeaderValue, token: HeaderValue) {
    leave_connection(headers);
    for name in &KEYS {
        headers.remove(name);
    }
    // The body follows at once: nobody waits to be told to go on, on either side.
    headers.remove(header::EXPECT);
    headers.insert(header::HOST, authority.clone());
    headers.insert(header::AUTHORIZATION, token);
}

/// Takes away what speaks of the connection alone.
pub(super) fn leave_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    // The length is the body's, whatever somebody says of it.
    for name in named.iter().filter(|name| **name != header::CONTENT_LENGTH).chain(&OF_A_CONNECTION) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_cannot_show_a_credential_of_its_own_and_all_else_passes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:19080"),
            ("authorization", "Bearer one"),
            ("authorization", "Basic two"),
            ("x-api-key", "three"),
            ("x-goog-api-key", "four"),
            ("api-key", "five"),
            ("connection", "keep-alive, X-Private, Content-Length"),
            ("connection", "authorization"),
            ("x-private", "six"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "seven"),
            ("expect", "100-continue"),
            ("content-length", "8"),
            ("x-request-id", "mine"),
            ("x-aigne-hub-user", "ada"),
            ("anthropic-version", "2023-06-01"),
            ("accept", "a"),
            ("accept", "b"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        towards_hub(&mut headers, &"hub.ai.svc".parse().unwrap(), "Bearer token".parse().unwrap());
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        left.sort();
        let expected = [
            "accept: a",
            "accept: b",
            "anthropic-version: 2023-06-01",
            "authorization: Bearer token",
            "content-length: 8",
            "host: hub.ai.svc",
            "x-aigne-hub-user: ada",
            "x-request-id: mine",
        ];
        assert_eq!(left, expected);
    }
}
