//! A folder of manifests: the source of a gateway without a cluster.

use std::path::{Path, PathBuf};

use aigne_hub_crds::{
    compile::{self, Finding},
    manifest::{Body, Error, Manifests},
};

use super::{
    Loaded, LocatedFinding, Location, Problem, files,
    resolve::Resolver,
    revision,
    secrets::{self, Missing},
};
use crate::{
    clock::Clock,
    environment::Environment,
    secret::{
        SecretStore,
        seal::{KeyFileError, SealKey},
    },
};

/// A folder of manifests (or one file), and how to read it.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The folder.
    pub root: PathBuf,
    /// For values that are written as `env:NAME`.
    pub environment: Environment,
    /// The sealing key's file; `None` where it has no place.
    pub seal_key_file: Option<PathBuf>,
    /// What to do about values that are not in the manifests.
    pub missing: Missing,
    /// The time of day.
    pub clock: Clock,
}

impl Directory {
    /// Reads everything as it is now: a whole revision, or everything that keeps it from being one.
    pub fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let manifests = self.manifests()?;
        if manifests.errors.is_empty() { Ok(self.assemble(&manifests)) } else { Err(problems(manifests)) }
    }

    /// As [`Directory::load`], for somebody who wants to hear of everything at once: what is wrong with the text, and
    /// what would come of the rest.
    pub fn examine(&self) -> (Vec<Problem>, Option<Loaded>) {
        match self.manifests() {
            Ok(manifests) => {
                let loaded = self.assemble(&manifests);
                (problems(manifests), Some(loaded))
            }
            Err(problems) => (problems, None),
        }
    }

    /// Everything that is written, without what it refers to.
    pub(super) fn manifests(&self) -> Result<Manifests, Vec<Problem>> {
        let files = files::read(&self.root)?;
        let manifests = Manifests::read(files.iter().map(|file| (file.name.as_str(), file.text.as_str())));
        // A folder that is being replaced is empty for a moment: that is no reason to forget everything.
        let is_ours = |body: &Body| !matches!(body, Body::Secret(_) | Body::Other { .. });
        if manifests.errors.is_empty() && !manifests.objects.iter().any(|object| is_ours(&object.body)) {
            return Err(vec![self.nothing()]);
        }
        Ok(manifests)
    }

    /// Folders whose changes matter.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        let mut roots = vec![self.root.clone()];
        if let Missing::Make(keyring) = &self.missing {
            roots.push(keyring.folder().to_owned());
        }
        roots
    }

    /// The folder that the hub itself writes into all the time.
    pub(super) fn private(&self) -> Option<&Path> {
        match &self.missing {
            Missing::Make(keyring) => keyring.folder().parent(),
            Missing::Assume { .. } => None,
        }
    }

    fn assemble(&self, manifests: &Manifests) -> Loaded {
        let key = self.seal_key();
        let resolver = Resolver { environment: &self.environment, key: &key };
        let mut resources = manifests.resources();
        let gathered = secrets::gather(manifests, &mut resources, &resolver, &self.missing, self.clock.now());
        let compiled = compile::compile(&resources);

        let mut findings = [compiled.findings, gathered.findings].concat();
        findings.sort();
        let findings = findings.into_iter().map(|finding| located(manifests, finding)).collect();
        let used = |provider: &aigne_hub_crds::config::Provider| {
            provider.credentials.iter().map(|credential| credential.secret.clone()).collect::<Vec<_>>()
        };
        let secrets: SecretStore = compiled
            .config
            .shared
            .providers
            .values()
            .flat_map(used)
            .filter_map(|place| gathered.values.get(&place).map(|value| (place.clone(), value.clone())))
            .collect();
        let digest = compiled.config.digest();
        let revision = revision(digest, &secrets);
        Loaded { config: compiled.config, secrets, findings, revision, digest, sequence: None }
    }

    pub(super) fn seal_key(&self) -> Result<SealKey, KeyFileError> {
        self.seal_key_file.as_deref().map_or(Err(KeyFileError::Nowhere), SealKey::load)
    }

    fn nothing(&self) -> Problem {
        Problem {
            location: Location { file: self.root.display().to_string(), line: 0, column: 0 },
            object: String::new(),
            field: String::new(),
            message: "holds no AIProvider, ModelPricing or Tenant".to_owned(),
        }
    }
}

fn problems(manifests: Manifests) -> Vec<Problem> {
    manifests.errors.into_iter().map(Problem::from).collect()
}

fn located(manifests: &Manifests, finding: Finding) -> LocatedFinding {
    let location = manifests.locate(&finding).map(|location| Location {
        file: location.file,
        line: location.place.line,
        column: location.place.column,
    });
    LocatedFinding { finding, location }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let Error { file, line, column, object, field, message } = error;
        Self { location: Location { file, line, column }, object, field, message }
    }
}

#[cfg(test)]
pub(crate) mod tests;
