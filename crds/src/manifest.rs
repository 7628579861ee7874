//! YAML text to objects, with the rules that the API server would apply.
//!
//! ```text
//!   text ─► yaml ─► value + places ─► validate (structure, defaults) ─► rules (CEL) ─► Object
//!                                        both from the schema in the CustomResourceDefinition
//! ```
//!
//! Every error says its file, line, column and field. One broken document hides no other, and all that is wrong with a
//! document is said at once. Unknown fields and keys that are written twice are refused.

mod error;
mod format;
mod object;
mod place;
mod rules;
mod scalar;
mod schema;
mod schemas;
mod secret;
mod set;
#[cfg(test)]
mod tests;
mod validate;
mod yaml;

pub use self::{
    error::{Error, Violation},
    object::{Body, Object, violations},
    place::{Location, Place, Places},
    secret::{Secret, SecretValue},
    set::Manifests,
};

/// Reads one file's text. `file` is only for errors and locations.
pub fn parse(file: &str, text: &str) -> (Vec<Object>, Vec<Error>) {
    let mut reading = Reading { file, objects: Vec::new(), errors: Vec::new() };
    for document in yaml::documents(text) {
        match document {
            Ok(document) => reading.document(document),
            Err(wrong) => reading.wrong("", wrong),
        }
    }
    reading.errors.sort_by_key(|error| (error.line, error.column));
    (reading.objects, reading.errors)
}

/// Reads one file's documents as they are, of any kind, as kubectl reads them: nothing is checked but that they can be
/// read. Those that are only comments are left out.
pub fn values(file: &str, text: &str) -> Result<Vec<serde_json::Value>, Vec<Error>> {
    let mut reading = Reading { file, objects: Vec::new(), errors: Vec::new() };
    let mut values = Vec::new();
    for document in yaml::documents(text) {
        match document {
            Ok(document) => {
                values.push(document.value);
                document.errors.into_iter().for_each(|wrong| reading.wrong("", wrong));
            }
            Err(wrong) => reading.wrong("", wrong),
        }
    }
    if reading.errors.is_empty() { Ok(values) } else { Err(reading.errors) }
}

struct Reading<'a> {
    file: &'a str,
    objects: Vec<Object>,
    errors: Vec<Error>,
}

impl Reading<'_> {
    fn document(&mut self, document: yaml::Document) {
        let yaml::Document { mut value, places, errors } = document;
        if let Some(items) = take_items(&mut value) {
            for wrong in errors {
                self.wrong("", wrong);
            }
            for (index, item) in items.into_iter().enumerate() {
                let places = places.below(&place::item("items", index));
                self.object(item, places, Vec::new());
            }
        } else {
            self.object(value, places, errors);
        }
    }

    fn object(&mut self, value: serde_json::Value, places: Places, errors: Vec<yaml::Wrong>) {
        let object::Read { kind, key, body } = object::read(value);
        let name = match &key {
            Some(key) => format!("{kind} {key}").trim_start().to_owned(),
            None => kind.clone(),
        };
        let broken = !errors.is_empty();
        for wrong in errors {
            self.wrong(&name, wrong);
        }
        match body {
            Err(violations) => {
                for Violation { field, message } in violations {
                    let place = places.find(&field);
                    self.wrong(&name, yaml::Wrong { place, field, message });
                }
            }
            Ok(body) if !broken => self.objects.push(Object {
                file: self.file.to_owned(),
                places,
                kind,
                key: key.unwrap_or_default(),
                body,
            }),
            Ok(_) => {}
        }
    }

    fn wrong(&mut self, object: &str, wrong: yaml::Wrong) {
        self.errors.push(Error {
            file: self.file.to_owned(),
            line: wrong.place.line,
            column: wrong.place.column,
            object: object.to_owned(),
            field: wrong.field,
            message: wrong.message,
        });
    }
}

/// The items of a `v1` List, which is what `kubectl get -o yaml` writes. Taken, so that no copy of a Secret stays.
fn take_items(value: &mut serde_json::Value) -> Option<Vec<serde_json::Value>> {
    let is_list = value.get("apiVersion")? == "v1" && value.get("kind")? == "List";
    match value.get_mut("items").filter(|_| is_list).map(serde_json::Value::take) {
        Some(serde_json::Value::Array(items)) => Some(items),
        _ => None,
    }
}
