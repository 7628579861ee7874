//! Signatures of reasoning as one opaque text, for formats that have a single place for all of them
//! (`encrypted_content` of `OpenAI`'s responses).

/// Tells our texts from those that providers seal themselves.
const MARK: &str = "aigne-hub.";

/// What a sealed text holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The signature of the thinking beside it.
    Thinking(String),
    /// Reasoning that only the provider can read.
    Redacted(String),
    /// The signature of the part that follows: a call or a text.
    Next(String),
}

impl Sealed {
    /// As one text.
    pub fn seal(&self) -> String {
        let (kind, text) = match self {
            Self::Thinking(text) => ("thinking", text),
            Self::Redacted(text) => ("redacted", text),
            Self::Next(text) => ("next", text),
        };
        format!("{MARK}{kind}.{text}")
    }

    /// Reads it; `None` where some provider has sealed it.
    pub fn open(text: &str) -> Option<Self> {
        let (kind, text) = text.strip_prefix(MARK)?.split_once('.')?;
        match kind {
            "thinking" => Some(Self::Thinking(text.to_owned())),
            "redacted" => Some(Self::Redacted(text.to_owned())),
            "next" => Some(Self::Next(text.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_again(text in ".*") {
            for sealed in [Sealed::Thinking(text.clone()), Sealed::Redacted(text.clone()), Sealed::Next(text)] {
                prop_assert_eq!(Sealed::open(&sealed.seal()), Some(sealed));
            }
        }
    }

    #[test]
    fn others_stay_closed() {
        assert_eq!(Sealed::open("gAAAAABo"), None);
        assert_eq!(Sealed::open("aigne-hub.other.x"), None);
    }
}
