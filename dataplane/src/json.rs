//! Small JSON tools that the formats share: reading what others write carelessly, and writing without detours.

mod skim;
mod surrogates;

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;
use serde::Deserialize;

pub(crate) use skim::{Token, skim};
pub(crate) use surrogates::without_lone_surrogates;

/// Reads a value. Where that fails, lone surrogate escapes (`"\ud83c"`, which some providers send when they cut a
/// pair in two) are read as U+FFFD: a careless provider never kills a stream.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    data: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<T, serde_json::Error> {
    match serde_json::from_slice(data) {
        Ok(value) => Ok(value),
        Err(error) => match without_lone_surrogates(data) {
            Some(mended) => {
                *scratch = mended;
                serde_json::from_slice(scratch)
            }
            None => Err(error),
        },
    }
}

/// Appends a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// A JSON string as text.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// A tool call's arguments as the JSON object that some formats want. What a model wrote that is no object is kept
/// whole under `arguments`, so that nothing is lost and nothing fails.
pub(crate) fn object_or_wrapped(arguments: &str) -> Cow<'_, str> {
    let arguments = arguments.trim();
    if arguments.is_empty() {
        return Cow::Borrowed("{}");
    }
    if arguments.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_ok() {
        return Cow::Borrowed(arguments);
    }
    Cow::Owned(format!("{{\"arguments\":{}}}", quoted(arguments)))
}

/// Appends a decimal number.
pub(crate) fn number(out: &mut Vec<u8>, number: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = write!(out, "{number}");
}

/// Writes an object's members one after the other, with the commas where they belong.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens the object.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Appends a name and hands out the place for its value. The name must need no escaping.
    pub(crate) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A string member.
    pub(crate) fn string(&mut self, name: &str, text: &str) -> &mut Self {
        string(self.name(name), text);
        self
    }

    /// A member of ready JSON text.
    pub(crate) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.name(name).extend_from_slice(json.as_bytes());
        self
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        number(self.name(name), value);
        self
    }

    /// A member whose name comes from a client and may need escaping.
    pub(crate) fn foreign(&mut self, name: &str, json: &str) -> &mut Self {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        string(self.out, name);
        self.out.push(b':');
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// All that is written so far, also before the object.
    pub(crate) fn written(&self) -> &[u8] {
        self.out
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}

/// Writes a list, each item by `write`.
pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Whether a letter (or `_`) is written as an escape, which nobody has a reason to: it may be part of a name that is
/// looked for by its bytes.
pub(crate) fn has_escaped_letter(text: &[u8]) -> bool {
    let is_letter = |at: usize| matches!(text.get(at + 4), Some(b'4'..=b'7'));
    ESCAPE.find_iter(text).any(is_letter)
}

/// Made once: making it takes longer than to search a short text.
static ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u00"));

/// The length of the run at the start of `bytes` that holds no quote, backslash or control character: the part of
/// a JSON string that needs no thought. Eight bytes at a time.
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        let found = found & HIGH;
        if found != 0 {
            // A borrow can only mark bytes after the first real hit.
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let start = bytes.len() - rest.len();
    start + rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_plain_run_ends_at_the_first_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let expected = bytes.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).unwrap_or(bytes.len());
            prop_assert_eq!(plain_run(&bytes), expected);
        }
    }

    #[test]
    fn objects_have_their_commas() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.string("a", "x\"y").number("b", 2).raw("c", "[]").foreign("d\"", "null");
        object.close();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":"x\"y","b":2,"c":[],"d\"":null}"#);
    }

    #[test]
    fn a_lone_surrogate_is_read() {
        let mut scratch = Vec::new();
        let text: String = parse(br#""a\ud83c""#, &mut scratch).unwrap();
        assert_eq!(text, "a\u{fffd}");
    }
}
