//! A real cluster with nodes, and what a test needs on it. Run by `make e2e`: on a cluster of one node that
//! `tests/cluster/run` starts, or on one that `KUBECONFIG` names.
//!
//! ```text
//! on_stage(async |stage| …) ─► stage.space("team") ─► Space: apply, await_object, finish (a Pod), logs, exec, forward
//!                              Release::install(&space, values) ─► origin(), ready(), upgrade(), uninstall()
//!                              Upstream::start(&space) ─► the scripted provider as a pod, with its own count
//!                              Traffic::prepare(&space, …) ─► load as a pod: start, report, stop, failures
//!                              books(&hub, &upstream, &[&traffic]) ─► clients', provider's and ledger's accounts compared
//!                              stage.node("why") ─► kill and restart parts of the private cluster
//! ```
//!
//! Where a test fails, [`on_stage`] shows pods, events and logs of its namespaces. These go when the test ends.

mod books;
mod forward;
mod memory;
mod node;
mod pod;
pub mod readme;
mod release;
mod report;
mod space;
mod traffic;
mod upstream;

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, anyhow, ensure};
use futures::FutureExt;
use serde_json::json;
use tokio::sync::{OnceCell, RwLock};

pub use books::books;
pub use forward::Forward;
pub use memory::Memory;
pub use node::Node;
pub use pod::Pod;
pub use release::{Release, SMALL};
pub use space::Space;
pub use traffic::Traffic;
pub use upstream::Upstream;

use super::Outcome;
use super::controlplane::ControlPlane;
use super::place::random;

/// The cluster, our kinds on it, and who is on stage.
static CLUSTER: OnceCell<ControlPlane> = OnceCell::const_new();
static KINDS: OnceCell<()> = OnceCell::const_new();
static TURN: RwLock<()> = RwLock::const_new(());

/// The repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A chart of this repository.
pub fn chart(name: &str) -> PathBuf {
    repository().join("charts").join(name)
}

/// A chart as it was before there were these tests.
pub fn chart_before(name: &str) -> PathBuf {
    repository().join(format!("tests/tests/e2e/fixtures/charts-before/{name}-0.1.0.tgz"))
}

/// What one test works with.
#[derive(Debug)]
pub struct Stage {
    cluster: &'static ControlPlane,
    spaces: Mutex<Vec<Space>>,
}

/// Runs a test beside others.
pub async fn on_stage(test: impl AsyncFnOnce(&Stage) -> Outcome) -> Outcome {
    let _turn = TURN.read().await;
    Stage::play(test).await
}

/// Runs a test that measures time, or breaks what others stand on: no other runs meanwhile.
pub async fn alone(test: impl AsyncFnOnce(&Stage) -> Outcome) -> Outcome {
    let _turn = TURN.write().await;
    Stage::play(test).await
}

impl Stage {
    async fn play(test: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        let stage = Self { cluster: cluster().await?, spaces: Mutex::default() };
        // An assertion that does not hold is a failure like any other.
        let outcome = match AssertUnwindSafe(test(&stage)).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow!("panicked; its message is above")),
        };
        let spaces = stage.spaces.into_inner().unwrap_or_else(PoisonError::into_inner);
        for space in &spaces {
            if outcome.is_err() {
                report::show(space).await;
            }
            space.cluster().kubectl(["delete", "namespace", space.name(), "--wait=false"]).run().await?;
        }
        outcome
    }

    /// The cluster, as its administrator.
    pub fn cluster(&self) -> &'static ControlPlane {
        self.cluster
    }

    /// A new namespace, in which only pods run that Pod Security calls restricted.
    pub async fn space(&self, prefix: &str) -> anyhow::Result<Space> {
        let name = format!("{prefix}-{}", random(3)?);
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        });
        self.cluster.kubectl(["create", "-f", "-"]).input(namespace.to_string()).ok().await?;
        let space = self.adopt(&name);
        // Made by a controller a moment later: no pod is accepted before it is there.
        space.await_object("serviceaccount/default", "made", |_| true).await?;
        Ok(space)
    }

    /// A namespace that is there already. It goes with this test.
    pub fn adopt(&self, name: &str) -> Space {
        let space = Space::new(self.cluster, name);
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).push(space.clone());
        space
    }

    /// Our kinds, once for all tests: on the private cluster by the README's own commands.
    pub async fn kinds(&self) -> Outcome {
        KINDS
            .get_or_try_init(async || {
                if Node::is_private() {
                    return readme::install_kinds().await;
                }
                let upgrade = [
                    "upgrade",
                    "--install",
                    "aigne-hub-crds",
                    "--namespace=aigne-hub-crds",
                    "--create-namespace",
                ];
                self.cluster.helm(upgrade).args([chart("aigne-hub-crds")]).ok().await.map(drop)
            })
            .await
            .copied()
    }

    /// The private cluster's node and parts. None on a cluster that was given, which is said aloud: return then.
    pub fn node(&self, what_for: &str) -> anyhow::Result<Option<Node>> {
        Node::find(what_for)
    }
}

/// Says a line past the capture of a test's output: a figure, what a long test has come to, what was not tested.
pub fn say(line: impl std::fmt::Display) {
    // A terminal that is gone is no failure.
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn cluster() -> anyhow::Result<&'static ControlPlane> {
    CLUSTER
        .get_or_try_init(async || {
            let agreed = std::env::var_os("E2E_OWN_CLUSTER").is_some_and(|value| value == "1");
            ensure!(Node::is_private() || agreed, "no cluster: `make e2e` runs these tests on one");
            let kubeconfig = std::env::var_os("KUBECONFIG").context("KUBECONFIG names no cluster")?;
            ControlPlane::given(Path::new(&kubeconfig))
        })
        .await
}
