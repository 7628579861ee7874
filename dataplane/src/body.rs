//! A JSON object as it came from the client: its bytes, and where its top-level members lie.
//!
//! Verbatim relay never re-encodes a body; it cuts and inserts top-level members and leaves every other byte as
//! it was. Duplicate names are refused here (after unescaping), because two readers could each see another one.

mod edit;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;

pub(crate) use edit::cut;
pub use edit::{Edit, apply};
pub(crate) use scan::members;
pub use scan::{Malformed, scan};

/// The deepest nesting that is accepted, as in `serde_json`.
pub const MAX_DEPTH: usize = 127;

/// A JSON object and where its top-level members lie.
#[derive(Clone, Debug)]
pub struct Body {
    bytes: Bytes,
    members: Vec<Member>,
}

/// One top-level member.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Between the quotes.
    name: Range<usize>,
    /// The name without its escapes, where it has some.
    unescaped: Option<Box<str>>,
    /// From the opening quote of the name to the end of the value.
    whole: Range<usize>,
    value: Range<usize>,
}

impl Body {
    /// The bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The raw JSON text of a top-level member.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|member| self.name(member) == name).map(|member| self.text(&member.value))
    }

    /// Names and raw JSON texts of all members, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|member| (self.name(member), self.text(&member.value)))
    }

    /// A top-level member of the type that is asked for; `None` where it is absent, `null` or of another type.
    pub fn get<'a, T: serde::Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        self.raw(name).and_then(|raw| serde_json::from_str::<Option<T>>(raw).ok().flatten())
    }

    fn name<'a>(&'a self, member: &'a Member) -> &'a str {
        member.unescaped.as_deref().unwrap_or_else(|| self.text(&member.name))
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // The whole body was checked to be UTF-8, and members end at ASCII characters.
        self.bytes.get(range.clone()).and_then(|slice| std::str::from_utf8(slice).ok()).unwrap_or("null")
    }
}

impl Member {
    /// Whether it has this name. `text` is what it was found in.
    pub(crate) fn is(&self, text: &[u8], name: &str) -> bool {
        match &self.unescaped {
            Some(unescaped) => **unescaped == *name,
            None => text.get(self.name.clone()) == Some(name.as_bytes()),
        }
    }

    /// The raw JSON text of its value.
    pub(crate) fn value<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.value.clone()).unwrap_or_default()
    }
}
