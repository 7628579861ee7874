//! From fields to pieces of a body.

use bytes::Bytes;

use super::{Field, Form};

impl Form {
    /// The body, in pieces: what is written around the values, and the values as they came. The boundary must be one that
    /// nobody could have guessed who wrote a value.
    pub fn write(&self, boundary: &str) -> Vec<Bytes> {
        let mut pieces = Vec::with_capacity(self.fields.len() * 2 + 1);
        let mut head = String::new();
        for field in &self.fields {
            head.push_str("--");
            head.push_str(boundary);
            describe(field, &mut head);
            pieces.push(std::mem::take(&mut head).into());
            pieces.push(field.value.clone());
            head.push_str("\r\n");
        }
        head.push_str("--");
        head.push_str(boundary);
        head.push_str("--\r\n");
        pieces.push(head.into());
        pieces
    }
}

/// The content type that goes with such a body.
pub fn content_type(boundary: &str) -> String {
    format!("multipart/form-data; boundary={boundary}")
}

fn describe(field: &Field, head: &mut String) {
    head.push_str("\r\nContent-Disposition: form-data; name=\"");
    quote(&field.name, head);
    head.push('"');
    if let Some(file) = &field.file {
        head.push_str("; filename=\"");
        quote(&file.name, head);
        head.push_str("\"\r\nContent-Type: ");
        head.push_str(file.content_type.as_deref().unwrap_or("application/octet-stream"));
    }
    head.push_str("\r\n\r\n");
}

/// As browsers do (HTML, "multipart/form-data encoding algorithm"). A backslash is one more character that readers take
/// differently, and no name needs it.
fn quote(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("%22"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            '\\' => out.push_str("%5C"),
            other => out.push(other),
        }
    }
}
