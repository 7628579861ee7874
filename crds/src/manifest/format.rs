//! The formats that Kubernetes checks.

use base64::{Engine, engine::general_purpose::STANDARD};

/// What a text of this format must be, when `text` is not. Formats that the API server does not check pass.
pub(super) fn expects(format: &str, text: &str) -> Option<&'static str> {
    match format {
        "date-time" if text.parse::<jiff::Timestamp>().is_err() => {
            Some("a time that exists, for example 2027-03-31T00:00:00Z")
        }
        "byte" if STANDARD.decode(text).is_err() => Some("base64 (plain text goes under stringData)"),
        _ => None,
    }
}
