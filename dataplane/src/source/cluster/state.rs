//! What has arrived, and what it comes to. Pure: whoever calls brings what was told and the time, and asks what to serve.

mod troubles;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aigne_hub_crds::{
    config::{Provider, SecretRef},
    distribution::{Assembly, Digest, INDEX_NAME, Refused, Unreadable, provider_entry},
};
use tokio::time::Instant;

use self::troubles::{Trouble, Troubles};
use super::{
    super::{Loaded, Problem, resolve::Unresolved, revision},
    objects::{Place, Unusable},
};
use crate::secret::{SecretStore, SecretValue};

/// How long a provider waits for a Secret that it is the first to name: the Role that allows it may be new, too.
/// Nobody else waits meanwhile.
pub(super) const SECRETS: Duration = Duration::from_secs(2);

/// A Secret's namespace and name.
pub(super) type SecretName = (String, String);

/// The values of a Secret that a header can carry, and why the others cannot be had.
pub(super) type Values = BTreeMap<String, Result<SecretValue, Unresolved>>;

/// What is known of a Secret.
#[derive(Debug)]
enum Known {
    /// Asked for and not answered, or refused: why. Until then, whoever names it waits.
    Asked {
        until: Instant,
        why: Option<String>,
    },
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
    troubles: Troubles,
    /// Whether the whole list has been seen once, or what was kept must do.
    listed: bool,
    /// ConfigMaps that exist, or are kept.
    present: BTreeSet<Place>,
    /// Those of the list that is coming in.
    listing: Option<BTreeSet<Place>>,
    /// The last sequence that was all here.
    sequence: Option<u64>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is nothing to serve yet.
    Nothing,
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
            troubles: Troubles::default(),
            listed: false,
            present: BTreeSet::new(),
            listing: None,
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
                (usable, refused.into_iter().map(Trouble::Refused).collect())
            }
            // The index says it once, for all of them.
            Err(Unusable::Part(Unreadable::Format(_))) if self.troubles.of_index() => (false, Vec::new()),
            Err(unusable) => (false, vec![Trouble::Unusable(unusable)]),
        };
        self.troubles.set(place, troubles);
        self.settle();
        usable
    }

    /// It was deleted. Says whether what it held is forgotten, too.
    pub(super) fn delete(&mut self, place: Place) -> bool {
        self.present.remove(&place);
        let refused = self.assembly.take(place.gone()).into_iter().map(Trouble::Refused);
        let is_kept = self.assembly.index().is_some_and(|index| place.is_named_by(index));
        let kept = is_kept.then_some(Trouble::Deleted);
        self.troubles.set(place, refused.chain(kept).collect());
        self.settle();
        self.assembly.index().is_some() && !is_kept
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

    /// Begins with what a process before has kept. Says whether it is whole: else it is served only once
    /// [`make_do`](Self::make_do) says so, as a client that it does not know would be turned away.
    pub(super) fn restore(
        &mut self,
        texts: Vec<(Place, String)>,
        secrets: impl IntoIterator<Item = (SecretRef, SecretValue)>,
        now: Instant,
    ) -> bool {
        for (place, text) in texts {
            self.take(place, Some(&text));
        }
        // No Secret is waited for: the process before knew what there was to know.
        self.name_secrets(now, Duration::ZERO);
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
        self.listed = self.assembly.complete().is_some();
        self.listed
    }

    /// The API server is away: what there is must do. Says whether that changes anything.
    pub(super) fn make_do(&mut self) -> bool {
        let has_waited = !self.listed && self.assembly.index().is_some();
        self.listed |= has_waited;
        has_waited
    }

    fn settle(&mut self) {
        self.sequence = self.assembly.complete().or(self.sequence);
        if let Some(index) = self.assembly.index() {
            let present = &self.present;
            self.troubles.retain(|place| present.contains(&place) || place.is_named_by(index));
        }
    }

    /// Every Secret that is named is asked for, and no other is kept. To be called after every change.
    pub(super) fn name_secrets(&mut self, now: Instant, patience: Duration) {
        let mut named: BTreeMap<SecretName, Known> = BTreeMap::new();
        for reference in self.references() {
            let name = (reference.namespace.clone(), reference.name.clone());
            named.entry(name).or_insert_with(|| Known::Asked { until: now + patience, why: None });
        }
        for (name, known) in std::mem::take(&mut self.secrets) {
            if let Some(entry) = named.get_mut(&name) {
                *entry = known;
            }
        }
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
        if let Some(Known::Asked { why: said, .. }) = self.secrets.get_mut(name) {
            *said = Some(why.to_owned());
        }
    }

    /// How far it is.
    pub(super) fn standing(&self) -> Standing {
        if !self.listed || self.assembly.index().is_none() {
            Standing::Nothing
        } else if self.assembly.complete().is_none() {
            Standing::Partial
        } else {
            Standing::Whole
        }
    }

    /// When waiting for each Secret ends that is waited for.
    pub(super) fn deadlines(&self, now: Instant) -> impl Iterator<Item = Instant> {
        self.secrets.values().filter_map(move |known| known.waits(now))
    }

    /// What there is, as one revision. A provider that waits for a Secret stays as it was in `former`.
    pub(super) fn loaded(&self, former: &Loaded, now: Instant) -> Loaded {
        let mut config = self.assembly.config().clone();
        let mut digest = self.assembly.digest();
        let waiting: Vec<String> = config
            .shared
            .providers
            .values()
            .filter(|one| self.waits(one, now))
            .map(|one| one.id.clone())
            .collect();
        let mut kept = BTreeMap::new();
        for id in &waiting {
            digest -= config.shared.providers.remove(id).as_ref().map(digest_of).unwrap_or_default();
            if let Some(provider) = former.config.shared.providers.get(id) {
                digest += digest_of(provider);
                config.shared.providers.insert(id.clone(), provider.clone());
                let values = references([provider])
                    .filter_map(|at| Some((at.clone(), former.secrets.get(at)?.clone())));
                kept.extend(values);
            }
        }
        let known = references(config.shared.providers.values())
            .filter_map(|reference| Some((reference.clone(), self.value(reference)?.as_ref().ok()?.clone())));
        kept.extend(known);
        let secrets: SecretStore = kept.into_iter().collect();
        let sequence = if waiting.is_empty() { self.sequence } else { former.sequence };
        let revision = revision(digest, &secrets);
        Loaded { config, secrets, findings: Vec::new(), revision, digest, sequence }
    }

    fn waits(&self, provider: &Provider, now: Instant) -> bool {
        references([provider])
            .any(|reference| self.known(reference).is_some_and(|known| known.waits(now).is_some()))
    }

    fn known(&self, reference: &SecretRef) -> Option<&Known> {
        self.secrets.get(&(reference.namespace.clone(), reference.name.clone()))
    }

    fn value(&self, reference: &SecretRef) -> Option<&Result<SecretValue, Unresolved>> {
        match self.known(reference)? {
            Known::There(values) => values.get(&reference.key),
            _ => None,
        }
    }

    fn references(&self) -> impl Iterator<Item = &SecretRef> {
        references(self.assembly.config().shared.providers.values())
    }

    /// Why what was found last is not in use as it is.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let file = |place: Place| format!("ConfigMap {}/{}", self.namespace, place.name());
        let of_maps =
            self.troubles.iter().map(|(place, trouble)| problem(file(place), "", &trouble.to_string()));
        let missing =
            (self.listed && self.assembly.index().is_none() && !self.troubles.of_index()).then(|| {
                let file = format!("ConfigMap {}/{INDEX_NAME}", self.namespace);
                problem(file, "", "it is not there: the operator has not written the configuration yet")
            });
        of_maps.chain(missing).chain(self.secret_problems()).collect()
    }

    fn secret_problems(&self) -> Vec<Problem> {
        let named: BTreeSet<&SecretRef> = self.references().collect();
        let mut problems = Vec::new();
        for reference in named {
            let (field, why) = match self.known(reference) {
                None | Some(Known::Asked { why: None, .. }) => continue,
                Some(Known::Asked { why: Some(why), .. }) => {
                    (String::new(), format!("it cannot be read: {why}"))
                }
                Some(Known::Missing) => (String::new(), "it is not there".to_owned()),
                Some(Known::There(values)) => match values.get(&reference.key) {
                    Some(Ok(_)) => continue,
                    Some(Err(unresolved)) => (format!("data.{}", reference.key), unresolved.to_string()),
                    None => (format!("data.{}", reference.key), "it has no such key".to_owned()),
                },
            };
            let file = format!("Secret {}/{}", reference.namespace, reference.name);
            problems.push(problem(file, &field, &why));
        }
        problems.dedup();
        problems
    }

    /// What a person must act on before what was found last can be served, in one sentence.
    pub(super) fn refused(&self) -> Option<String> {
        let (place, trouble) = self.troubles.for_a_person()?;
        Some(format!("ConfigMap {}: {trouble}", place.name()))
    }
}

impl Known {
    /// Until when it is waited for, if it still is.
    fn waits(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Asked { until, .. } if *until > now => Some(*until),
            _ => None,
        }
    }
}

fn references<'a>(providers: impl IntoIterator<Item = &'a Provider>) -> impl Iterator<Item = &'a SecretRef> {
    providers
        .into_iter()
        .flat_map(|provider| provider.credentials.iter().map(|credential| &credential.secret))
}

fn digest_of(provider: &Provider) -> Digest {
    let (id, text) = provider_entry(provider);
    Digest::of(&id, &text)
}

fn problem(file: String, field: &str, message: &str) -> Problem {
    Problem {
        location: super::super::Location { file, line: 0, column: 0 },
        object: String::new(),
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
