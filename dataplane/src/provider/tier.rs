//! The service tier that an answer names.

use http::HeaderMap;
use serde::{Deserialize, Deserializer};

use crate::{chat::Raw, usage::Word};

/// Who served, in the words of price sheets: small letters. Nothing where an answer says nothing that could be read, or
/// only repeats that the provider was free to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served(pub(super) Option<Word>);

impl Served {
    pub(super) fn of(word: &str) -> Self {
        let word = word.trim().to_ascii_lowercase();
        Self(Some(Word::new(&word)).filter(|_| !word.is_empty() && word != "auto"))
    }

    /// As a header says it (Gemini).
    pub(super) fn in_header(headers: &HeaderMap, name: &str) -> Self {
        headers.get(name).and_then(|value| value.to_str().ok()).map(Self::of).unwrap_or_default()
    }

    /// What is said last, counts.
    pub(super) fn update(self, known: &mut Option<Word>) {
        *known = self.0.or(*known);
    }
}

/// A text, or an object with a `type` (Bedrock); whatever else it is costs no more than itself.
impl<'de> Deserialize<'de> for Served {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Typed {
            r#type: String,
        }
        let raw = Raw::deserialize(deserializer)?;
        let word = raw.read::<String>().or_else(|| Some(raw.read::<Typed>()?.r#type));
        Ok(word.as_deref().map(Self::of).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_answer_says_is_survived() {
        let read = |text: &str| serde_json::from_str::<Served>(text).unwrap().0;
        for (text, tier) in [
            (r#""flex""#, Some("flex")),
            (r#""PRIORITY""#, Some("priority")),
            (r#"{"type":"priority"}"#, Some("priority")),
            (r#""auto""#, None),
            (r#""""#, None),
            ("null", None),
            ("7", None),
            (r#"{"a":[]}"#, None),
        ] {
            assert_eq!(read(text), tier.map(Word::new), "{text}");
        }
    }
}
