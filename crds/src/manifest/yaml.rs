//! Multi-document YAML to JSON values, and where each part of them was written.

use std::{borrow::Cow, collections::BTreeMap};

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::{
    place::{Place, Places, child, item},
    scalar,
};

/// Nodes that one file may have, aliases followed. A configuration of ten thousand tenants has fewer.
const NODES: usize = 2_000_000;

/// Without the tag itself: it may be a secret that was not quoted.
const NO_TAG: &str = "this tag has no meaning here: quote a text that begins with !";

/// One document that is more than comments.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) places: Places,
    /// Wrong, though the rest of the document could be read.
    pub(super) errors: Vec<Wrong>,
}

/// Something wrong at a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) place: Place,
    pub(super) field: String,
    pub(super) message: String,
}

/// Every document of `text`, or why it cannot be read. One that is broken hides no other.
pub(super) fn documents(text: &str) -> Vec<Result<Document, Wrong>> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        last: Place { line: 1, column: 1 },
        nodes: 0,
        anchors: BTreeMap::new(),
        places: Places::default(),
        errors: Vec::new(),
    };
    let mut documents = Vec::new();
    loop {
        match reader.document() {
            Ok(Some(document)) if document.value.is_null() && document.errors.is_empty() => {}
            Ok(Some(document)) => documents.push(Ok(document)),
            Ok(None) => return documents,
            Err(wrong) => {
                documents.push(Err(wrong));
                if reader.nodes > NODES || !matches!(reader.parser.proceed_next_document(), Ok(true)) {
                    return documents;
                }
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Where the last event was.
    last: Place,
    nodes: usize,
    /// What an alias stands for, by the anchor's id.
    anchors: BTreeMap<usize, Value>,
    places: Places,
    errors: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Document>, Wrong> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), span)) => {
                    self.anchors.clear();
                    self.places = Places::default();
                    self.errors.clear();
                    let (event, start) = self.expect(span)?;
                    self.places = Places::new(place(start));
                    let value = self.node(event, start, "")?;
                    return Ok(Some(Document {
                        value,
                        places: std::mem::take(&mut self.places),
                        errors: std::mem::take(&mut self.errors),
                    }));
                }
                Some(_) => {}
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Wrong> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                self.last = place(span);
                Ok(Some((event, span)))
            }
            Some(Err(error)) => {
                let marker = error.marker();
                let place = Place { line: marker.line(), column: marker.col() + 1 };
                Err(Wrong {
                    place,
                    field: String::new(),
                    message: format!("not valid YAML: {}", error.info()),
                })
            }
        }
    }

    /// The next event of a node that has begun.
    fn expect(&mut self, around: Span) -> Result<(Event<'a>, Span), Wrong> {
        self.next()?.ok_or_else(|| wrong(around, "", "not valid YAML: it ends too early"))
    }

    fn node(&mut self, event: Event<'a>, span: Span, path: &str) -> Result<Value, Wrong> {
        self.count(1, span, path)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), span, path)?;
                self.remember(anchor, &value);
                Ok(value)
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", span, path)?;
                let value = self.sequence(span, path)?;
                self.remember(anchor, &value);
                Ok(value)
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "map", span, path)?;
                let value = self.mapping(span, path)?;
                self.remember(anchor, &value);
                Ok(value)
            }
            Event::Alias(id) => {
                let value = self.anchors.get(&id).cloned();
                let value = value
                    .ok_or_else(|| wrong(span, path, "an alias cannot stand inside what it stands for"))?;
                self.count(size(&value), span, path)?;
                Ok(value)
            }
            _ => Err(wrong(span, path, "not valid YAML here")),
        }
    }

    fn sequence(&mut self, start: Span, path: &str) -> Result<Value, Wrong> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.expect(start)?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(items));
            }
            let path = item(path, items.len());
            self.places.insert(path.clone(), place(span));
            items.push(self.node(event, span, &path)?);
        }
    }

    fn mapping(&mut self, start: Span, path: &str) -> Result<Value, Wrong> {
        let mut entries: Map<String, Value> = Map::new();
        let mut written: BTreeMap<String, Place> = BTreeMap::new();
        let mut merged: Vec<Map<String, Value>> = Vec::new();
        loop {
            let (event, key_span) = self.expect(start)?;
            if matches!(event, Event::MappingEnd) {
                // What is written here beats what is merged in, and an earlier merge beats a later one.
                for (key, value) in merged.into_iter().flatten() {
                    entries.entry(key).or_insert(value);
                }
                return Ok(Value::Object(entries));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, key_span, path).and_then(|key| key_text(key, key_span, path))?;
            let (event, span) = self.expect(key_span)?;
            if is_merge {
                let value = self.node(event, span, path)?;
                merged.extend(mergeable(value, span, path)?);
                continue;
            }
            let path = child(path, &key);
            let collection = matches!(event, Event::MappingStart(..) | Event::SequenceStart(..));
            let first = written.get(&key).copied();
            if first.is_none() {
                self.places.insert(path.clone(), place(if collection { key_span } else { span }));
            }
            let value = self.node(event, span, &path)?;
            if let Some(first) = first {
                let message = format!("written twice: first in line {}", first.line);
                self.errors.push(wrong(key_span, &path, message));
            } else {
                written.insert(key.clone(), place(key_span));
                entries.insert(key, value);
            }
        }
    }

    fn remember(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
    }

    fn count(&mut self, nodes: usize, span: Span, path: &str) -> Result<(), Wrong> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES {
            return Err(wrong(
                span,
                path,
                format!("too large: a file may have {NODES} values, aliases followed"),
            ));
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span, path: &str) -> Result<Value, Wrong> {
    match tag {
        None if style == ScalarStyle::Plain => Ok(scalar::plain(text)),
        None => Ok(Value::String(text.to_owned())),
        Some(tag) => match tag.core_suffix() {
            Some("str") => Ok(Value::String(text.to_owned())),
            Some("int" | "float" | "bool" | "null") => Ok(scalar::plain(text)),
            _ => Err(wrong(span, path, NO_TAG)),
        },
    }
}

fn collection_tag(tag: Option<&Tag>, own: &str, span: Span, path: &str) -> Result<(), Wrong> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(own) => Err(wrong(span, path, NO_TAG)),
        _ => Ok(()),
    }
}

/// JSON has only text as key.
fn key_text(key: Value, span: Span, path: &str) -> Result<String, Wrong> {
    match key {
        Value::String(text) => Ok(text),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(wrong(span, path, "a key must be text")),
    }
}

fn mergeable(value: Value, span: Span, path: &str) -> Result<Vec<Map<String, Value>>, Wrong> {
    let maps = match value {
        Value::Array(items) => items,
        other => vec![other],
    };
    maps.into_iter()
        .map(|map| match map {
            Value::Object(entries) => Ok(entries),
            _ => Err(wrong(span, path, "<< takes a map, or a list of maps")),
        })
        .collect()
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(entries) => entries.values().map(size).sum(),
        _ => 0,
    }
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn wrong(span: Span, path: &str, message: impl Into<Cow<'static, str>>) -> Wrong {
    Wrong { place: place(span), field: path.to_owned(), message: message.into().into_owned() }
}
