//! `thoughtSignature` is base64 that a client hands back as it came. Gemini's own are left as they are; other
//! providers' are [wrapped](Wrapped), so that they are told apart when they come back.

use crate::chat::{Content, Wrapped, signature};

/// A signature as this wire carries it.
pub(super) fn written(signed: &str) -> String {
    signature::for_gemini(signed).map_or_else(|| Wrapped::Signed(signed.to_owned()).wrap(), str::to_owned)
}

/// Reasoning that only its provider can read, as this wire carries it.
pub(super) fn redacted(data: &str) -> String {
    Wrapped::Redacted(data.to_owned()).wrap()
}

/// The reasoning that a signature comes with, or stands for.
pub(super) fn read(text: String, signed: Option<String>) -> Content {
    let Some(signed) = signed.filter(|signed| !signed.is_empty()) else {
        return Content::Thinking { text, signature: None };
    };
    match Wrapped::open(&signed) {
        Some(Wrapped::Redacted(data)) => Content::RedactedThinking(data),
        Some(Wrapped::Signed(signature)) => Content::Thinking { text, signature: Some(signature) },
        None => Content::Thinking { text, signature: Some(signature::of_gemini(&signed)) },
    }
}
