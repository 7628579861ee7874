//! What formats that hold little more than text make of other parts.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Stands for a tool's result that is pictures alone, where such a result holds text only.
pub(super) const IN_NEXT_MESSAGE: &str = "The result is in the next message.";

/// What a tool that failed has said, where it does not say itself that it failed: these formats have no mark for it.
pub(super) fn failed(text: &str) -> Option<String> {
    let says_so = text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
    (!says_so).then(|| format!("Error: {text}"))
}

/// A document that is text, from base64.
pub(super) fn text_of(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}
