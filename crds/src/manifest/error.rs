//! What is wrong with a manifest.

use std::fmt;

/// One thing that is wrong with a manifest; whoever wrote the file has to change it.
///
/// Never holds a value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Error {
    /// As it was given to [`parse`](super::parse).
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// For example `AIProvider ai/openai`; empty where that is not known.
    pub object: String,
    /// Path inside the object, for example `spec.models[2].name`; empty for the document as a whole.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        for part in [&self.object, &self.field].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Something wrong at a path, before it is known where that is in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path inside the object.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
