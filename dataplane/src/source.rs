//! Where configuration comes from, and how it changes while the gateway runs.
//!
//! A source hands out whole revisions only: configuration, the secrets that it refers to, and what a person
//! should hear of. Where something new cannot be read, the last good revision stays and the reason stands beside it.

use std::{fmt, sync::Arc};

use aigne_hub_crds::{compile::Finding, config::Config};
use serde::Serialize;
use tokio::sync::watch;

use crate::secret::SecretStore;

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
    /// The revision in use, always a good one.
    pub loaded: watch::Receiver<Arc<Loaded>>,
    /// Why what was found last is not in use; empty when it is.
    pub rejected: watch::Receiver<Arc<Vec<Problem>>>,
}
