//! Reading a request's fields, with errors that name the field.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::BadRequest;
use crate::chat::Raw;

/// An error at a field.
pub(super) fn bad(param: &str, message: impl Into<String>) -> BadRequest {
    BadRequest { param: Some(param.to_owned()), message: message.into() }
}

impl BadRequest {
    /// The same error, seen from the object that holds the field.
    pub(super) fn within(mut self, parent: &str) -> Self {
        self.param = Some(match self.param {
            Some(param) if param.starts_with('[') => format!("{parent}{param}"),
            Some(param) if !param.is_empty() => format!("{parent}.{param}"),
            _ => parent.to_owned(),
        });
        self
    }
}

/// Reads a value of any type that serde knows.
pub(super) fn read<'a, T: Deserialize<'a>>(param: &str, raw: &'a str) -> Result<T, BadRequest> {
    serde_json::from_str(raw).map_err(|error| {
        // Without the position, which would be one inside the field's own text.
        let text = error.to_string();
        bad(param, text.split(" at line ").next().unwrap_or(&text))
    })
}

/// A member that must be there.
pub(super) fn need<T>(param: &str, value: Option<T>) -> Result<T, BadRequest> {
    value.ok_or_else(|| bad(param, "is missing"))
}

/// Reads a number and keeps it as written.
pub(super) fn number(param: &str, raw: &str) -> Result<Raw, BadRequest> {
    let value: Raw = read(param, raw)?;
    if value.is_number() { Ok(value) } else { Err(bad(param, "must be a number")) }
}

/// Reads how many of something are asked for: one at least.
pub(super) fn count(param: &str, raw: &str) -> Result<u32, BadRequest> {
    match read(param, raw) {
        Ok(count @ 1..) => Ok(count),
        _ => Err(bad(param, "must be a whole number, 1 or more")),
    }
}

/// Reads a text, or a list of texts.
pub(super) fn texts(param: &str, raw: &str) -> Result<Vec<String>, BadRequest> {
    if raw.starts_with('"') { Ok(vec![read(param, raw)?]) } else { read(param, raw) }
}

/// Reads a list item by item; `read` gets each item's text.
pub(super) fn list<T>(
    param: &str,
    raw: &str,
    mut each: impl FnMut(&str) -> Result<T, BadRequest>,
) -> Result<Vec<T>, BadRequest> {
    if !raw.starts_with('[') {
        return Err(bad(param, "must be a list"));
    }
    let items: Vec<&RawValue> = read(param, raw)?;
    let mut out = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        out.push(each(item.get()).map_err(|error| error.within(&format!("{param}[{index}]")))?);
    }
    Ok(out)
}

/// Text, or a list of parts.
pub(super) enum Content<'a> {
    /// A string.
    Text(String),
    /// The list's text.
    List(&'a str),
}

/// Reads what may be either.
pub(super) fn content<'a>(param: &str, raw: &'a str) -> Result<Content<'a>, BadRequest> {
    match raw.as_bytes().first() {
        Some(b'"') => read(param, raw).map(Content::Text),
        Some(b'[') => Ok(Content::List(raw)),
        _ => Err(bad(param, "must be a string or a list of parts")),
    }
}

/// Splits `data:image/png;base64,…` into media type and data.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let mut words = head.split(';');
    let media_type = words.next()?;
    (words.next_back() == Some("base64")).then_some((media_type, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_split() {
        assert_eq!(data_url("data:image/png;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(data_url("data:text/plain;charset=utf-8;base64,AA=="), Some(("text/plain", "AA==")));
        assert_eq!(data_url("data:text/plain,hello"), None);
        assert_eq!(data_url("https://example.com/x.png"), None);
    }

    #[test]
    fn errors_name_the_whole_path() {
        let error = bad("type", "x").within("content[0]").within("messages[1]");
        assert_eq!(error.param.as_deref(), Some("messages[1].content[0].type"));
    }
}
