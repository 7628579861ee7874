//! Where configuration comes from, and how it changes while the gateway runs.
//!
//! A source hands out whole revisions only: configuration, the secrets that it refers to, and what a person
//! should hear of. Where something new cannot be read, the last good revision stays and the reason stands beside it.

use std::{fmt, sync::Arc};

use aigne_hub_crds::{compile::Finding, config::Config, distribution::Digest};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::secret::SecretStore;

pub mod cluster;
pub mod directory;
pub mod follow;
pub mod keys;
pub mod resolve;
pub mod secrets;

mod changes;
mod files;

/// One revision, complete.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What to serve.
    pub config: Config,
    /// The values of the references in it.
    pub secrets: SecretStore,
    /// What a person should hear of.
    pub findings: Vec<LocatedFinding>,
    /// Content hash of configuration and secrets (16 hex digits): equal inputs have equal revisions.
    pub revision: String,
    /// Of the configuration alone: equal configurations have equal digests, in a cluster as in a folder.
    pub digest: Digest,
    /// In a cluster: the operator's number of the last change that is all in it.
    pub sequence: Option<u64>,
}

impl Loaded {
    /// Nothing has been loaded yet.
    pub fn is_empty(&self) -> bool {
        self.revision.is_empty()
    }
}

/// Equal for equal configuration and equal secrets.
fn revision(digest: Digest, secrets: &SecretStore) -> String {
    let mut hasher = Sha256::new();
    hasher.update(digest.to_string());
    for (place, value) in secrets.iter() {
        hasher.update(format!("\0{}/{}/{}\0{}", place.namespace, place.name, place.key, value.sha256()));
    }
    hex::encode(&hasher.finalize()[..8])
}

/// A finding, and where the object that it is about was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocatedFinding {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Absent for objects that came from no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// As found below the directory that was given.
    pub file: String,
    /// From 1; 0 where the file could not be read at all.
    pub line: usize,
    /// From 1; 0 where the file could not be read at all.
    pub column: usize,
}

/// Why something new was not taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where.
    pub location: Location,
    /// For example `AIProvider ai/openai`; empty where that is not known.
    pub object: String,
    /// Path inside the object, for example `spec.models[2].name`; empty where it is about the text.
    pub field: String,
    /// A sentence that says what to do.
    pub message: String,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

impl fmt::Display for LocatedFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(formatter, "{location}: ")?;
        }
        let Finding { kind, object, field, message, .. } = &self.finding;
        write!(formatter, "{kind} {object}: ")?;
        if !field.is_empty() {
            write!(formatter, "{field}: ")?;
        }
        formatter.write_str(message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.location)?;
        for part in [&self.object, &self.field].into_iter().filter(|part| !part.is_empty()) {
            write!(formatter, "{part}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// What a gateway watches.
#[derive(Clone, Debug)]
pub struct Source {
    /// The revision in use, always a good one; an empty one until there is one.
    pub loaded: watch::Receiver<Arc<Loaded>>,
    /// Why what was found last is not in use; empty when it is.
    pub rejected: watch::Receiver<Arc<Vec<Problem>>>,
    /// In a cluster: why the configuration that was found last is not in use, in one sentence.
    pub refused: watch::Receiver<Option<String>>,
    /// Told by whoever serves: the sequence that new requests are served by.
    pub served: watch::Sender<Option<u64>>,
}

impl Source {
    /// These two, and nothing to do with a cluster.
    pub fn new(loaded: watch::Receiver<Arc<Loaded>>, rejected: watch::Receiver<Arc<Vec<Problem>>>) -> Self {
        Self { loaded, rejected, refused: watch::channel(None).1, served: watch::Sender::new(None) }
    }

    /// The first revision, as soon as there is one. Never where the source has ended.
    pub async fn first(&self) -> Arc<Loaded> {
        let mut loaded = self.loaded.clone();
        let first = loaded.wait_for(|loaded| !loaded.is_empty()).await.map(|loaded| Arc::clone(&loaded));
        match first {
            Ok(first) => first,
            Err(_) => std::future::pending().await,
        }
    }
}
