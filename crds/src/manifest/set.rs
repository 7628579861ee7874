//! All objects of a directory, and where a finding about one of them was written.

use std::collections::BTreeMap;

use super::{Body, Error, Location, Object};
use crate::compile::{Finding, ObjectKey, Resources};

/// The objects of several files.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// In the order of the files.
    pub objects: Vec<Object>,
    /// Everything that is wrong, in the order of the files.
    pub errors: Vec<Error>,
    index: BTreeMap<(String, ObjectKey), usize>,
}

impl Manifests {
    /// Reads `(file, text)` pairs. An object that stands in two places is an error, and the first is kept.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut manifests = Self::default();
        for (file, text) in files {
            let (objects, errors) = super::parse(file, text);
            manifests.errors.extend(errors);
            for object in objects {
                manifests.add(object);
            }
        }
        manifests
    }

    fn add(&mut self, object: Object) {
        if !matches!(object.body, Body::Other { .. }) {
            let id = (object.kind.clone(), object.key.clone());
            if let Some(first) = self.index.get(&id).and_then(|index| self.objects.get(*index)) {
                let place = object.places.find("");
                self.errors.push(Error {
                    file: object.file.clone(),
                    line: place.line,
                    column: place.column,
                    object: format!("{} {}", object.kind, object.key),
                    field: String::new(),
                    message: format!("stands twice: first in {}", first.location("")),
                });
                return;
            }
            self.index.insert(id, self.objects.len());
        }
        self.objects.push(object);
    }

    /// The resources to compile. Secrets' facts are not among them, as the values may still have to be opened or
    /// looked up: add those to [`Resources::secrets`].
    pub fn resources(&self) -> Resources {
        let mut resources = Resources::default();
        for Object { key, body, .. } in &self.objects {
            let key = key.clone();
            match body {
                Body::Provider(provider) => drop(resources.providers.insert(key, (**provider).clone())),
                Body::Pricing(pricing) => drop(resources.pricings.insert(key, (**pricing).clone())),
                Body::Tenant(tenant) => drop(resources.tenants.insert(key, (**tenant).clone())),
                Body::Secret(_) | Body::Other { .. } => {}
            }
        }
        resources
    }

    /// Where the thing that a finding speaks of was written.
    pub fn locate(&self, finding: &Finding) -> Option<Location> {
        let index = self.index.get(&(finding.kind.clone(), finding.object.clone()))?;
        self.objects.get(*index).map(|object| object.location(&finding.field))
    }
}

impl Object {
    /// Where `field` was written, or the nearest thing around it.
    pub fn location(&self, field: &str) -> Location {
        Location { file: self.file.clone(), place: self.places.find(field) }
    }
}
