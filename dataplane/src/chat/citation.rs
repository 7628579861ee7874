//! Where an answer's text comes from. Providers write that in shapes of their own; what the formats have in common is a
//! page on the web, and what Bedrock and Anthropic have beside that, a place in a document of the request, or in a search result.

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

/// A place in a document of the request, or in a search result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What the range counts.
    pub unit: Unit,
    /// Which of the request's documents or search results, from 0.
    pub index: u64,
    /// Of the document or result.
    pub title: Option<String>,
    /// Where the search result is.
    pub source: Option<String>,
    /// What was taken from there.
    pub text: String,
    /// From where to where.
    pub range: (u64, u64),
}

/// What a document is counted in, or a search result: its pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the units' own names")]
pub enum Unit {
    Characters,
    Pages,
    Chunks,
    Pieces,
}

impl Passage {
    /// Reads what Bedrock wrote; `None` where it is about something else.
    pub fn read(raw: &Raw) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Fields {
            title: Option<String>,
            source: Option<String>,
            source_content: Vec<Source>,
            location: Places,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Source {
            text: String,
        }
        /// One is set.
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Places {
            document_char: Option<Place>,
            document_page: Option<Place>,
            document_chunk: Option<Place>,
            search_result_location: Option<Place>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Place {
            #[serde(alias = "searchResultIndex")]
            document_index: u64,
            start: u64,
            end: u64,
        }
        let fields: Fields = raw.read()?;
        let places = fields.location;
        let (unit, place) = None
            .or(places.document_char.map(|place| (Unit::Characters, place)))
            .or(places.document_page.map(|place| (Unit::Pages, place)))
            .or(places.document_chunk.map(|place| (Unit::Chunks, place)))
            .or(places.search_result_location.map(|place| (Unit::Pieces, place)))?;
        Some(Self {
            unit,
            index: place.document_index,
            title: fields.title,
            source: fields.source,
            text: fields.source_content.into_iter().map(|source| source.text).collect(),
            range: (place.start, place.end),
        })
    }
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

    #[test]
    fn places_in_documents_are_read_as_bedrock_writes_them() {
        let read = |text: &str| Passage::read(&Raw::parse(text).unwrap());
        let page = r#"{"title":"D","sourceContent":[{"text":"a"},{"text":"b"}],"location":{"documentPage":{"documentIndex":1,"start":2,"end":3}}}"#;
        let passage = Passage {
            unit: Unit::Pages,
            index: 1,
            title: Some("D".to_owned()),
            source: None,
            text: "ab".to_owned(),
            range: (2, 3),
        };
        assert_eq!(read(page), Some(passage));
        assert_eq!(read(r#"{"location":{"documentPage":{"documentIndex":1}}}"#), None);
        assert_eq!(read(r#"{"location":{"web":{"url":"https://e.org"}}}"#), None);
    }
}
