//! What only the private cluster lets a test do: its parts and its audit log.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::super::Outcome;
use super::super::controlplane::Audited;
use super::super::tool::Tool;
use super::memory::Memory;
use super::say;

/// `tests/cluster/ctl`.
const CONTROL: &str = "AIGNE_HUB_E2E_CTL";
const AUDIT_LOG: &str = "AIGNE_HUB_E2E_AUDIT_LOG";
/// A file of what was not tested; `tests/cluster/e2e` shows it at the end.
const NOT_TESTED: &str = "AIGNE_HUB_E2E_NOT_TESTED";

/// The private cluster.
#[derive(Clone, Debug)]
pub struct Node {
    control: OsString,
    audit_log: PathBuf,
}

impl Node {
    /// Whether the tests run on the private cluster.
    pub(super) fn is_private() -> bool {
        std::env::var_os(CONTROL).is_some()
    }

    pub(super) fn find(what_for: &str) -> anyhow::Result<Option<Self>> {
        let Some(control) = std::env::var_os(CONTROL) else {
            say(format_args!("NOT TESTED on this cluster: {what_for}"));
            if let Some(list) = std::env::var_os(NOT_TESTED) {
                writeln!(File::options().create(true).append(true).open(list)?, "{what_for}")?;
            }
            return Ok(None);
        };
        let audit_log = std::env::var_os(AUDIT_LOG).context(AUDIT_LOG)?.into();
        Ok(Some(Self { control, audit_log }))
    }

    /// Kills a part with SIGKILL and starts it again on what it has kept: `kube-apiserver`, `etcd`, `kubelet` …
    pub async fn restart(&self, part: &str) -> Outcome {
        self.control(["restart", part]).await
    }

    /// Kills a part. [`start`](Self::start) brings it back.
    pub async fn kill(&self, part: &str) -> Outcome {
        self.control(["kill", part]).await
    }

    /// Starts a part that was killed.
    pub async fn start(&self, part: &str) -> Outcome {
        self.control(["start", part]).await
    }

    /// Sends a signal, such as `KILL`, to the first process of a container.
    pub async fn kill_container(&self, namespace: &str, pod: &str, container: &str, signal: &str) -> Outcome {
        self.control(["kill-container", namespace, pod, container, signal]).await
    }

    /// What the first process of a container has in memory.
    pub async fn memory(&self, namespace: &str, pod: &str, container: &str) -> anyhow::Result<Memory> {
        let id = Tool::new(&self.control, ["process", namespace, pod, container]).ok().await?;
        Memory::of(id.trim())
    }

    /// Every request of a ServiceAccount (but the cluster's own) so far.
    pub fn audited(&self) -> anyhow::Result<Vec<Audited>> {
        Audited::all(&self.audit_log)
    }

    async fn control<const N: usize>(&self, words: [&str; N]) -> Outcome {
        Tool::new(&self.control, words).ok().await.map(drop)
    }
}
