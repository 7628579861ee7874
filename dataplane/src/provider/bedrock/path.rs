//! Where a model is asked.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved: an id has colons, an ARN slashes, too, and either is one segment of the path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `/model/{id}/{operation}`
pub(super) fn path(model: &str, operation: &str) -> String {
    format!("/model/{}/{operation}", utf8_percent_encode(model, SEGMENT))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn an_id_is_one_segment() {
        assert_eq!(path("amazon.nova-lite-v1:0", "converse"), "/model/amazon.nova-lite-v1%3A0/converse");
        assert_eq!(
            path("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.a.b", "converse-stream"),
            "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ainference-profile%2Feu.a.b/converse-stream"
        );
    }
}
