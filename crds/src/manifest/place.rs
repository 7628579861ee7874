//! Where things are in a file.

use std::{collections::BTreeMap, fmt};

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// As it was given to [`parse`](super::parse).
    pub file: String,
    /// Where in the file.
    pub place: Place,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.place.line, self.place.column)
    }
}

/// The places of everything in one document, by path (`spec.models[2].name`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places(BTreeMap<String, Place>);

impl Places {
    /// The document begins there.
    pub(super) fn new(start: Place) -> Self {
        Self(BTreeMap::from([(String::new(), start)]))
    }

    /// `path` is there, unless it is known already.
    pub(super) fn insert(&mut self, path: String, place: Place) {
        self.0.entry(path).or_insert(place);
    }

    /// The place of `path`, or of the nearest thing around it that was written.
    pub fn find(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return *place;
            }
            if path.is_empty() {
                return Place::default();
            }
            path = parent(path);
        }
    }

    /// What is below `prefix`, as if it were a document of its own.
    pub(super) fn below(&self, prefix: &str) -> Self {
        let mut places = Self::new(self.find(prefix));
        for (path, place) in &self.0 {
            if let Some(rest) = path.strip_prefix(prefix) {
                places.insert(rest.trim_start_matches('.').to_owned(), *place);
            }
        }
        places
    }
}

/// The path of what is around `path`.
fn parent(path: &str) -> &str {
    if path.ends_with(']')
        && let Some(open) = path.rfind('[')
    {
        return &path[..open];
    }
    path.rfind('.').map_or("", |dot| &path[..dot])
}

/// The path of the entry `key` in the map at `path`. A key that is no plain word is in brackets.
pub(super) fn child(path: &str, key: &str) -> String {
    let word = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !key.is_empty();
    match (word, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key}]"),
    }
}

/// The path of the item `index` in the list at `path`.
pub(super) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_is_where_its_surroundings_are() {
        let mut places = Places::new(Place { line: 1, column: 1 });
        places.insert("spec".into(), Place { line: 3, column: 1 });
        places.insert("spec.models[0]".into(), Place { line: 5, column: 3 });
        assert_eq!(places.find("spec.models[0].name").line, 5);
        assert_eq!(places.find("spec.models[1].name").line, 3);
        assert_eq!(places.find("spec.models.fallbacks[a/b.c][2]").line, 3);
        assert_eq!(places.find("status").line, 1);
        assert_eq!(child("metadata.labels", "hub.aigne.io/x"), "metadata.labels[hub.aigne.io/x]");
        assert_eq!(child("", "spec"), "spec");
    }
}
