#![no_main]

use http::{HeaderMap, HeaderValue, StatusCode};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (head, body) = data.split_at(data.len().min(32));
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(head) {
        headers.insert("retry-after", value.clone());
        headers.insert("date", value);
    }
    for adapter in aigne_hub_fuzz::adapters() {
        for status in [StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY] {
            assert!(!adapter.error(status, &headers, body).message.is_empty());
        }
    }
});
