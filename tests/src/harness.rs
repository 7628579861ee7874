//! A gateway as a process of its own, and what a test needs around it.
//!
//! ```text
//! manifests ─► folder of YAML ─► Hub (aigne-hub run -f) ─► Client ─► Answer | Live (a stream)
//!                                  └► logs, access log, metrics, usage rows
//! ```
//!
//! Nothing sleeps for luck: whatever takes time is awaited by its sign ([`eventually`]).

pub mod asks;
mod authority;
mod client;
mod cluster;
mod hub;
mod manifests;
mod output;
mod rows;
mod sse;

use std::time::Duration;

pub use authority::Authority;
pub use client::{Answer, Client, Live};
pub use cluster::{Cluster, Signing};
pub use hub::{Blueprint, Command, Hub, Ran, binary};
pub use manifests::{Pricing, Provider, Tenant, key};
pub use output::Output;
pub use rows::Row;
pub use sse::{Event, events};

/// What a test returns.
pub type Outcome = anyhow::Result<()>;

/// Longer than anything takes that works, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until the answer is `Some`, for at most [`PATIENCE`]; `what` names it in the error.
pub async fn eventually<T>(
    what: &str,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As [`eventually`] for a condition that is a plain look.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    eventually(what, async || Ok(holds().then_some(()))).await
}
