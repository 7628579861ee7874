//! What other providers have signed or sealed, in Gemini's format: its one place for it holds base64, so it is wrapped as
//! such, and told apart from Gemini's own when it comes back.

use base64::Engine as _;

const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;
const SIGNED: &str = "hub:";
const REDACTED: &str = "hub-redacted:";

/// What is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapped {
    /// A signature.
    Signed(String),
    /// Reasoning that only its provider can read.
    Redacted(String),
}

impl Wrapped {
    /// How every wrapped text begins: `hub` in base64.
    pub const START: &'static str = "aHVi";

    /// As one text.
    pub fn wrap(&self) -> String {
        BASE64.encode(match self {
            Self::Signed(text) => format!("{SIGNED}{text}"),
            Self::Redacted(text) => format!("{REDACTED}{text}"),
        })
    }

    /// Reads it; `None` where it is Gemini's own.
    pub fn open(text: &str) -> Option<Self> {
        let inner = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
        let signed = inner.strip_prefix(SIGNED).map(|text| Self::Signed(text.to_owned()));
        signed.or_else(|| inner.strip_prefix(REDACTED).map(|text| Self::Redacted(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_wrapped_opens_again(text in ".*") {
            for wrapped in [Wrapped::Signed(text.clone()), Wrapped::Redacted(text)] {
                prop_assert!(wrapped.wrap().starts_with(Wrapped::START));
                prop_assert_eq!(Wrapped::open(&wrapped.wrap()), Some(wrapped));
            }
        }
    }

    #[test]
    fn geminis_own_stay_closed() {
        for own in ["c2ln", "aHVi", "not base64"] {
            assert_eq!(Wrapped::open(own), None);
        }
    }
}
