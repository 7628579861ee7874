//! `thoughtSignature` is base64 that a client hands back as it came. Gemini's own are left as they are; other
//! providers' are wrapped, so that they are told apart when they come back.

use base64::Engine as _;

use crate::chat::{Content, signature};

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;
const SIGNED: &str = "hub:";
const REDACTED: &str = "hub-redacted:";
/// How what is wrapped begins: `hub` in base64.
pub(crate) const WRAPPED: &str = "aHVi";

/// Whether this is wrapped: another provider's.
pub(crate) fn is_wrapped(signed: &str) -> bool {
    unwrapped(signed).is_some_and(|ours| [SIGNED, REDACTED].into_iter().any(|mark| ours.starts_with(mark)))
}

fn unwrapped(signed: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(signed).ok()?).ok()
}

/// A signature as this wire carries it.
pub(super) fn written(signed: &str) -> String {
    signature::for_gemini(signed).map_or_else(|| BASE64.encode(format!("{SIGNED}{signed}")), str::to_owned)
}

/// Reasoning that only its provider can read, as this wire carries it.
pub(super) fn redacted(data: &str) -> String {
    BASE64.encode(format!("{REDACTED}{data}"))
}

/// The reasoning that a signature comes with, or stands for.
pub(super) fn read(text: String, signed: Option<String>) -> Content {
    let Some(signed) = signed.filter(|signed| !signed.is_empty()) else {
        return Content::Thinking { text, signature: None };
    };
    let ours = unwrapped(&signed).unwrap_or_default();
    if let Some(data) = ours.strip_prefix(REDACTED) {
        return Content::RedactedThinking(data.to_owned());
    }
    let signature = ours.strip_prefix(SIGNED).map_or_else(|| signature::of_gemini(&signed), str::to_owned);
    Content::Thinking { text, signature: Some(signature) }
}
