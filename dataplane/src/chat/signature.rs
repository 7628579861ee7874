//! Signatures that say whose they are.
//!
//! A provider checks the signatures of its own thinking and refuses a request that shows it another's. In a
//! conversation that moves between providers both kinds meet in [`Content::Thinking`](super::Content), so those of
//! a provider whose signatures look like anybody's are marked where they leave its own format.

/// Before a signature of Gemini's.
const GEMINI: &str = "gemini:";

/// Marks a signature of Gemini's.
pub fn of_gemini(signature: &str) -> String {
    format!("{GEMINI}{signature}")
}

/// Whether there is a signature, and it is not Gemini's: what Anthropic's models take.
pub fn is_anthropics(signature: Option<&str>) -> bool {
    signature.is_some_and(|signed| for_gemini(signed).is_none())
}

/// Whether reasoning that only its provider can read is Anthropic's: others' is kept as the JSON of its
/// [`Detail`](super::Detail).
pub fn is_sealed_by_anthropic(data: &str) -> bool {
    !data.trim_start().starts_with('{')
}

/// A signature of Gemini's as Gemini wrote it; `None` where it is another's.
pub fn for_gemini(signature: &str) -> Option<&str> {
    signature.strip_prefix(GEMINI)
}
