//! A gateway as a process of its own, and what a test needs around it.
//!
//! ```text
//! manifests ─► folder of YAML ─► Hub (aigne-hub run -f) ─► Client ─► Answer | Live (a stream)
//!                                  └► logs, access log, metrics, usage rows
//! ```
//!
//! Around it, where a test needs them: a real [Kubernetes control plane](controlplane), a real [cluster with nodes](e2e) and a
//! real [Postgres](postgres).
//!
//! Nothing sleeps for luck: whatever takes time is awaited by its sign ([`eventually`]).

pub mod asks;
mod authority;
mod client;
mod cluster;
pub mod controlplane;
pub mod e2e;
pub mod gateway;
mod hub;
mod manifests;
pub mod operator;
mod output;
mod place;
pub mod postgres;
mod receivers;
mod rows;
mod sdk;
mod sidecar;
mod sse;
pub mod system;
mod tool;

use std::time::Duration;

pub use authority::Authority;
pub use client::{Answer, Client, Live};
pub use cluster::{Cluster, Signing};
pub use controlplane::ControlPlane;
pub use gateway::{Gateway, Gateways};
pub use hub::{Blueprint, Command, Hub, Ran, binary};
pub use manifests::{Pricing, Provider, Tenant, key};
pub use operator::{Operator, Operators};
pub use output::Output;
pub use place::free_port;
pub use postgres::Postgres;
pub use receivers::{Accepted, Receivers};
pub use rows::Row;
pub use sdk::{Emulator, Sdk};
pub use sidecar::{Beside, Sidecar};
pub use sse::{Event, events};
pub use system::System;
pub use tool::Tool;

/// What a test returns.
pub type Outcome = anyhow::Result<()>;

/// Longer than anything takes that works, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until the answer is `Some`, for at most [`PATIENCE`]; `what` names it in the error.
pub async fn eventually<T>(
    what: &str,
    probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    eventually_within(PATIENCE, what, probe).await
}

/// As [`eventually`] for what may take longer.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "not within {patience:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As [`eventually`] for a condition that is a plain look.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Outcome {
    eventually(what, async || Ok(holds().then_some(()))).await
}
