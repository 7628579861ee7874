//! A short text in place: it is copied as a number is.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// At most [`Word::MOST`] bytes of text. A longer one is cut, at a character.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Word {
    length: u8,
    /// UTF-8 up to `length`, then zeros.
    bytes: [u8; Self::MOST],
}

impl Word {
    /// Bytes that it has room for.
    pub const MOST: usize = 16;

    /// The beginning of a text.
    pub fn new(text: &str) -> Self {
        let kept = text.as_bytes().get(..text.floor_char_boundary(Self::MOST)).unwrap_or_default();
        let mut bytes = [0; Self::MOST];
        for (to, from) in bytes.iter_mut().zip(kept) {
            *to = *from;
        }
        Self { length: u8::try_from(kept.len()).unwrap_or(0), bytes }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        // It is UTF-8 by construction.
        std::str::from_utf8(self.bytes.get(..usize::from(self.length)).unwrap_or_default())
            .unwrap_or_default()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(Word::new("1024x1024").as_str(), "1024x1024");
        assert_eq!(Word::new("0123456789abcdefg").as_str(), "0123456789abcdef");
        assert_eq!(Word::new("0123456789abcd\u{5b57}").as_str(), "0123456789abcd");
        assert!(Word::new("").is_empty() && Word::new("") == Word::default());
    }
}
