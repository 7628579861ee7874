//! Where an answer's text comes from. Providers write that in shapes of their own; what the formats have in common is a
//! page on the web.

use serde::Deserialize;

use super::Raw;
use crate::json::Object;

/// A page that a text refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// Of the page.
    pub url: String,
    /// Of the page.
    pub title: Option<String>,
    /// What was taken from it.
    pub text: Option<String>,
    /// The characters of the answer that it is about, where they are known.
    pub range: Option<(u64, u64)>,
}

/// All shapes together: `OpenAI`'s, flat or within `url_citation`; Anthropic's; Bedrock's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    url: Option<String>,
    title: Option<String>,
    cited_text: Option<String>,
    content: Option<Raw>,
    start_index: Option<u64>,
    end_index: Option<u64>,
    url_citation: Option<Box<Fields>>,
    location: Option<Location>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Location {
    web: Option<Web>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Web {
    url: Option<String>,
}

impl Citation {
    /// Reads what a provider wrote; `None` where it is about something else than a page, such as a document of the
    /// request.
    pub fn read(raw: &Raw) -> Option<Self> {
        let mut fields: Fields = raw.read()?;
        if let Some(inner) = fields.url_citation.take() {
            fields = *inner;
        }
        let web = fields.location.and_then(|location| location.web).and_then(|web| web.url);
        Some(Self {
            url: fields.url.or(web)?,
            title: fields.title,
            text: fields.cited_text.or_else(|| fields.content.as_ref().and_then(Raw::read)),
            range: fields.start_index.zip(fields.end_index),
        })
    }

    /// Writes the members that `OpenAI`'s annotations have. Where nobody said what it is about, it is the `length`
    /// characters of the text so far.
    pub(crate) fn write(&self, annotation: &mut Object<'_>, length: u64) {
        let (start, end) = self.range.unwrap_or((0, length));
        annotation
            .string("url", &self.url)
            .string("title", self.title.as_deref().unwrap_or_default())
            .number("start_index", start)
            .number("end_index", end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<(u64, u64)>)> {
        Citation::read(&Raw::parse(text).unwrap()).map(|citation| (citation.url, citation.range))
    }

    #[test]
    fn pages_are_read_in_every_shape() {
        let page = |range| Some(("https://e.org".to_owned(), range));
        assert_eq!(
            read(
                r#"{"type":"url_citation","url_citation":{"url":"https://e.org","title":"E","start_index":1,"end_index":5}}"#
            ),
            page(Some((1, 5)))
        );
        assert_eq!(
            read(r#"{"type":"url_citation","url":"https://e.org","start_index":1,"end_index":5}"#),
            page(Some((1, 5)))
        );
        assert_eq!(
            read(
                r#"{"type":"web_search_result_location","url":"https://e.org","title":"E","cited_text":"x","encrypted_index":"y"}"#
            ),
            page(None)
        );
        assert_eq!(read(r#"{"title":"E","location":{"web":{"url":"https://e.org"}}}"#), page(None));
        assert_eq!(read(r#"{"type":"char_location","cited_text":"x","document_index":0}"#), None);
        assert_eq!(read("7"), None);
    }
}
