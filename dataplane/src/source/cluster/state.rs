//! What has arrived, and what it comes to. Pure: whoever calls brings what was told, and asks what to serve.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    config::SecretRef,
    distribution::{Assembly, INDEX_NAME, Refused, Unreadable},
};

use super::{
    super::{Loaded, Location, Problem, resolve::Unresolved, revision},
    objects::{Place, Unusable},
};
use crate::secret::{SecretStore, SecretValue};

/// A Secret's namespace and name.
pub(super) type SecretName = (String, String);

/// The values of a Secret that a header can carry, and why the others cannot be had.
pub(super) type Values = BTreeMap<String, Result<SecretValue, Unresolved>>;

/// What is known of a Secret.
#[derive(Debug, Default)]
enum Known {
    /// Asked for, not answered.
    #[default]
    Asked,
    /// It cannot be read, and never was: why.
    Refused(String),
    /// It is not there.
    Missing,
    There(Values),
}

/// What has arrived.
#[derive(Debug)]
pub(super) struct State {
    namespace: String,
    assembly: Assembly,
    secrets: BTreeMap<SecretName, Known>,
    /// By the ConfigMap that they are about.
    troubles: BTreeMap<Place, Vec<String>>,
    /// Whether the whole list has been seen once, here or by the process before.
    listed: bool,
    /// ConfigMaps that exist, or are kept.
    present: BTreeSet<Place>,
    /// Those of the list that is coming in.
    listing: Option<BTreeSet<Place>>,
    /// Secrets that nothing waits for any more.
    waited: BTreeSet<SecretName>,
    /// The last sequence that was all here.
    sequence: Option<u64>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is nothing to serve yet.
    Nothing,
    /// Secrets that are named for the first time have not been answered.
    Asking,
    /// More parts of a sequence are to come.
    Partial,
    Whole,
}

impl State {
    pub(super) fn new(namespace: String) -> Self {
        Self {
            namespace,
            assembly: Assembly::default(),
            secrets: BTreeMap::new(),
            troubles: BTreeMap::new(),
            listed: false,
            present: BTreeSet::new(),
            listing: None,
            waited: BTreeSet::new(),
            sequence: None,
        }
    }

    /// A ConfigMap is there, with this text. Says whether it could be used.
    pub(super) fn take(&mut self, place: Place, text: Option<&str>) -> bool {
        self.present.insert(place);
        if let Some(listing) = &mut self.listing {
            listing.insert(place);
        }
        let (usable, troubles) = match place.read(text) {
            Ok(change) => {
                let refused = self.assembly.take(change);
                let usable = !refused.iter().any(|refused| matches!(refused, Refused::Format(_)));
                (usable, refused.iter().map(ToString::to_string).collect())
            }
            // The index says it once, for all of them.
            Err(Unusable::Part(Unreadable::Format(_))) if self.troubles.contains_key(&Place::Index) => {
                (false, Vec::new())
            }
            Err(unusable) => (false, vec![unusable.to_string()]),
        };
        if troubles.is_empty() {
            self.troubles.remove(&place);
        } else {
            self.troubles.insert(place, troubles);
        }
        self.settle();
        usable
    }

    /// It was deleted. Says whether what it held is forgotten, too.
    pub(super) fn delete(&mut self, place: Place) -> bool {
        self.present.remove(&place);
        self.troubles.remove(&place);
        let parts = self.assembly.index().map_or(u32::MAX, |index| index.parts);
        for refused in self.assembly.take(place.gone()) {
            self.troubles.entry(place).or_default().push(refused.to_string());
        }
        self.settle();
        matches!(place, Place::Part(number) if number >= parts)
    }

    /// The whole list is about to come.
    pub(super) fn begin_list(&mut self) {
        self.listing = Some(BTreeSet::new());
    }

    /// The whole list has come: what was not in it is deleted. Gives those that are forgotten, too.
    pub(super) fn end_list(&mut self) -> Vec<Place> {
        self.listed = true;
        let listed = self.listing.take().unwrap_or_default();
        let gone: Vec<Place> = self.present.difference(&listed).copied().collect();
        gone.into_iter().filter(|place| self.delete(*place)).collect()
    }

    /// Begins with what a process before has kept. Says whether it is all there.
    pub(super) fn restore(
        &mut self,
        texts: Vec<(Place, String)>,
        secrets: impl IntoIterator<Item = (SecretRef, SecretValue)>,
    ) -> bool {
        let mut usable = true;
        for (place, text) in texts {
            usable &= self.take(place, Some(&text));
        }
        for (reference, value) in secrets {
            let name = (reference.namespace, reference.name);
            if let Some(known) = self.secrets.get_mut(&name) {
                if !matches!(known, Known::There(_)) {
                    *known = Known::There(Values::new());
                }
                if let Known::There(values) = known {
                    values.insert(reference.key, Ok(value));
                }
            }
        }
        self.listed = true;
        let parts = self.assembly.index().map_or(u32::MAX, |index| index.parts);
        usable && (0..parts).all(|number| self.present.contains(&Place::Part(number)))
    }

    fn settle(&mut self) {
        self.sequence = self.assembly.complete().or(self.sequence);
        self.name_secrets();
    }

    /// Every Secret that is named is asked for, and no other is kept.
    fn name_secrets(&mut self) {
        let mut named: BTreeMap<SecretName, Known> = BTreeMap::new();
        for reference in references(&self.assembly) {
            let name = (reference.namespace.clone(), reference.name.clone());
            let known = self.secrets.remove(&name);
            let entry = named.entry(name).or_default();
            if let Some(known) = known {
                *entry = known;
            }
        }
        self.waited.retain(|name| named.contains_key(name));
        self.secrets = named;
    }

    /// Every Secret that must be watched.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = &SecretName> {
        self.secrets.keys()
    }

    /// A Secret is there, or is not. Of one that is named no more nothing is kept.
    pub(super) fn take_secret(&mut self, name: &SecretName, values: Option<Values>) {
        if let Some(known) = self.secrets.get_mut(name) {
            *known = values.map_or(Known::Missing, Known::There);
        }
    }

    /// A Secret cannot be read now. What was known of it stays.
    pub(super) fn refuse_secret(&mut self, name: &SecretName, why: &str) {
        if let Some(known) = self.secrets.get_mut(name)
            && matches!(known, Known::Asked | Known::Refused(_))
        {
            *known = Known::Refused(why.to_owned());
        }
    }

    /// How far it is.
    pub(super) fn standing(&self) -> Standing {
        if !self.listed || self.assembly.index().is_none() {
            Standing::Nothing
        } else if self.asked().any(|name| !self.waited.contains(name)) {
            Standing::Asking
        } else if self.assembly.complete().is_none() {
            Standing::Partial
        } else {
            Standing::Whole
        }
    }

    fn asked(&self) -> impl Iterator<Item = &SecretName> {
        let asked = |known: &Known| matches!(known, Known::Asked | Known::Refused(_));
        self.secrets.iter().filter(move |(_, known)| asked(known)).map(|(name, _)| name)
    }

    /// Nothing waits any longer for Secrets that have not been answered.
    pub(super) fn wait_no_more(&mut self) {
        self.waited = self.asked().cloned().collect();
    }

    /// What there is, as one revision.
    pub(super) fn loaded(&self) -> Loaded {
        let config = self.assembly.config().clone();
        let secrets: SecretStore = references(&self.assembly)
            .filter_map(|reference| Some((reference.clone(), self.value(reference)?.as_ref().ok()?.clone())))
            .collect();
        let digest = self.assembly.digest();
        let revision = revision(digest, &secrets);
        Loaded { config, secrets, findings: Vec::new(), revision, digest, sequence: self.sequence }
    }

    fn value(&self, reference: &SecretRef) -> Option<&Result<SecretValue, Unresolved>> {
        match self.secrets.get(&(reference.namespace.clone(), reference.name.clone()))? {
            Known::There(values) => values.get(&reference.key),
            _ => None,
        }
    }

    /// Why what was found last is not in use as it is.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let of_maps = self.troubles.iter().flat_map(|(place, messages)| {
            let file = format!("ConfigMap {}/{}", self.namespace, place.name());
            messages.iter().map(move |message| problem(file.clone(), "", message))
        });
        let missing =
            (self.listed && self.assembly.index().is_none() && !self.troubles.contains_key(&Place::Index))
                .then(|| {
                    let file = format!("ConfigMap {}/{INDEX_NAME}", self.namespace);
                    problem(file, "", "it is not there: the operator has not written the configuration yet")
                });
        of_maps.chain(missing).chain(self.secret_problems()).collect()
    }

    fn secret_problems(&self) -> Vec<Problem> {
        let named: BTreeSet<&SecretRef> = references(&self.assembly).collect();
        let mut problems = Vec::new();
        for reference in named {
            let file = format!("Secret {}/{}", reference.namespace, reference.name);
            let field = format!("data.{}", reference.key);
            match self.secrets.get(&(reference.namespace.clone(), reference.name.clone())) {
                None | Some(Known::Asked) => {}
                Some(Known::Refused(why)) => {
                    problems.push(problem(file, "", &format!("it cannot be read: {why}")));
                }
                Some(Known::Missing) => problems.push(problem(file, "", "it is not there")),
                Some(Known::There(values)) => match values.get(&reference.key) {
                    None => problems.push(problem(file, &field, "it has no such key")),
                    Some(Err(unresolved)) => problems.push(problem(file, &field, &unresolved.to_string())),
                    Some(Ok(_)) => {}
                },
            }
        }
        problems.dedup();
        problems
    }

    /// Why the configuration that was found last is not served, in one sentence.
    pub(super) fn refused(&self) -> Option<String> {
        // The index last in order, first to tell.
        let (place, messages) = self.troubles.last_key_value()?;
        Some(format!("ConfigMap {}: {}", place.name(), messages.first()?))
    }
}

fn references(assembly: &Assembly) -> impl Iterator<Item = &SecretRef> {
    let providers = assembly.config().shared.providers.values();
    providers.flat_map(|provider| provider.credentials.iter().map(|credential| &credential.secret))
}

fn problem(file: String, field: &str, message: &str) -> Problem {
    Problem {
        location: Location { file, line: 0, column: 0 },
        object: String::new(),
        field: field.to_owned(),
        message: message.to_owned(),
    }
}
