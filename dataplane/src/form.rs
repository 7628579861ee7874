//! A `multipart/form-data` body (RFC 7578), read strictly and written anew.
//!
//! What a provider sees is never the client's own framing: boundary and heads are the hub's, so that no two readers
//! can each see another form. Values are slices of what came: a file is never copied.

mod head;
mod parse;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

pub use parse::{Malformed, parse};
pub use write::content_type;

/// A form and its fields, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// A name that may come more than once ends with `[]`.
    pub name: String,
    /// Where it is a file.
    pub file: Option<File>,
    /// Its bytes; UTF-8 where it is no file.
    pub value: Bytes,
}

/// What is said of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As the client named it; some providers tell the format by its ending.
    pub name: String,
    /// Its media type, where the client gave one.
    pub content_type: Option<String>,
}

impl Form {
    /// All fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// A text field.
    pub fn text(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        field.text()
    }

    /// The same with this text field, in its place or at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let value = Bytes::copy_from_slice(value.as_bytes());
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => (field.file, field.value) = (None, value),
            None => self.fields.push(Field { name: name.to_owned(), file: None, value }),
        }
        self
    }

    /// The same without this field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|field| field.name != name);
        self
    }

    /// Bytes of all values.
    pub fn len(&self) -> usize {
        self.fields.iter().map(|field| field.value.len()).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl Field {
    /// Its text; `None` where it is a file.
    pub fn text(&self) -> Option<&str> {
        if self.file.is_some() { None } else { std::str::from_utf8(&self.value).ok() }
    }
}
