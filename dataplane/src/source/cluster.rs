//! A cluster: the operator's ConfigMaps and the Secrets that they name, followed while the gateway runs.
//!
//! ```text
//! API server ─► watch ─┬─ ConfigMaps ─► objects ─► State: Assembly ─► Config ─┐
//!                      └─ a watch a Secret ──────► State: values ─────────────┴─► Loaded ─► Source
//! cache (memory-backed folder) ◄─ what was taken, off everybody's way; read once, at the start
//! ```
//!
//! What was good last goes on serving, whatever the API server does.

mod cache;
mod client;
mod follow;
mod lease;
mod objects;
mod secrets;
mod state;
#[cfg(test)]
mod testing;
mod watch;

use std::path::PathBuf;

pub use client::{Unreachable, connect};
pub use follow::start;
pub use lease::{Lease, Pod};

/// What to follow.
#[derive(Clone, Debug)]
pub struct Options {
    /// The hub's namespace.
    pub namespace: String,
    /// A private folder in memory that outlives the container; none: a restart needs the API server.
    pub cache: Option<PathBuf>,
}
