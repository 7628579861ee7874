//! A namespace of a test.

use std::ffi::OsStr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::super::controlplane::ControlPlane;
use super::super::tool::Tool;
use super::super::{Outcome, eventually_within};
use super::{Forward, Pod};

/// Longer than anything takes that a cluster is asked for, even on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);

/// Between two questions: each is a process, which the machine has to carry.
const PAUSE: Duration = Duration::from_millis(200);

/// A namespace. Its errors carry what kubectl says.
#[derive(Clone, Debug)]
pub struct Space {
    cluster: &'static ControlPlane,
    name: String,
}

impl Space {
    pub(super) fn new(cluster: &'static ControlPlane, name: &str) -> Self {
        Self { cluster, name: name.to_owned() }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &'static ControlPlane {
        self.cluster
    }

    /// kubectl as the administrator, in this namespace.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Tool {
        self.cluster.kubectl(["--namespace", self.name()]).args(arguments)
    }

    /// Applies objects; those that name no namespace get this one.
    pub async fn apply(&self, objects: impl IntoIterator<Item = Value>) -> Outcome {
        let items: Vec<_> = objects.into_iter().collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl(["apply", "--server-side", "-f", "-"]).input(list.to_string()).ok().await.map(drop)
    }

    /// An object by `kind/name`, or none.
    pub async fn find(&self, object: &str) -> anyhow::Result<Option<Value>> {
        let text = self.kubectl(["get", object, "--ignore-not-found", "--output=json"]).ok().await?;
        Ok(if text.trim().is_empty() { None } else { Some(serde_json::from_str(&text)?) })
    }

    /// An object that is there.
    pub async fn get(&self, object: &str) -> anyhow::Result<Value> {
        self.find(object).await?.with_context(|| format!("{object} is not there"))
    }

    /// All objects of a kind with these labels (`app=hub`; empty: all).
    pub async fn list(&self, kind: &str, labels: &str) -> anyhow::Result<Vec<Value>> {
        let text = self.kubectl(["get", kind, "--selector", labels, "--output=json"]).ok().await?;
        let mut list: Value = serde_json::from_str(&text)?;
        Ok(serde_json::from_value(list["items"].take())?)
    }

    /// Asks for an object until it holds, for at most three minutes, through an API server that is away too; the error
    /// shows what was seen last.
    pub async fn await_object(
        &self,
        object: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let mut last = String::new();
        let seen = eventually_within(PATIENCE, &format!("{object} is {what}"), async || {
            match self.find(object).await {
                Ok(Some(found)) if holds(&found) => return Ok(Some(found)),
                Ok(found) => last = found.map(|found| format!("{:#}", found["status"])).unwrap_or_default(),
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(PAUSE).await;
            Ok(None)
        })
        .await;
        seen.with_context(|| last)
    }

    /// Waits until no object of a kind with these labels is left.
    pub async fn gone(&self, kind: &str, labels: &str) -> Outcome {
        eventually_within(PATIENCE, &format!("no {kind} with {labels} is left"), async || {
            tokio::time::sleep(PAUSE).await;
            Ok(self.list(kind, labels).await?.is_empty().then_some(()))
        })
        .await
    }

    /// Waits until an object is no more.
    pub async fn await_gone(&self, object: &str) -> Outcome {
        eventually_within(PATIENCE, &format!("{object} is gone"), async || {
            tokio::time::sleep(PAUSE).await;
            Ok(self.find(object).await?.is_none().then_some(()))
        })
        .await
    }

    /// Waits until a condition of an object is True, for this generation where it says so.
    pub async fn condition(&self, object: &str, condition: &str) -> anyhow::Result<Value> {
        self.await_object(object, condition, |object| is_true(object, condition)).await
    }

    /// Waits until a Deployment or a `StatefulSet` (`deployment/name`) has all its pods new and ready.
    pub async fn rolled_out(&self, workload: &str) -> Outcome {
        let status = self.kubectl(["rollout", "status", workload, "--timeout=110s"]);
        status.ok().await.map(drop)
    }

    /// Runs a pod to its end, which must be a good one, and gives what it wrote.
    pub async fn finish(&self, pod: Pod) -> anyhow::Result<String> {
        let object = format!("pod/{}", pod.name());
        self.apply([pod.manifest()]).await?;
        let phase = |pod: &Value| pod["status"]["phase"].as_str().unwrap_or_default().to_owned();
        let ended = |pod: &Value| matches!(&*phase(pod), "Succeeded" | "Failed");
        let pod = self.await_object(&object, "at its end", ended).await?;
        let logs = self.logs(&object).await?;
        if phase(&pod) == "Failed" {
            bail!("{object} failed: {logs}");
        }
        Ok(logs)
    }

    /// What all containers of `pod/name`, or of one pod of `deployment/name`, have written.
    pub async fn logs(&self, object: &str) -> anyhow::Result<String> {
        self.kubectl(["logs", object, "--all-containers"]).ok().await
    }

    /// Runs a command in the first container of `pod/name` or `deployment/name`, and gives its output.
    pub async fn exec(&self, object: &str, words: &[&str]) -> anyhow::Result<String> {
        self.kubectl(["exec", object, "--"]).args(words).ok().await
    }

    /// A way from here to a port of `service/name`, `deployment/name` or `pod/name`; always to the same pod.
    pub async fn forward(&self, object: &str, port: u16) -> anyhow::Result<Forward> {
        Forward::open(self, object, port).await
    }
}

/// Whether the object says so of the generation that it is at.
fn is_true(object: &Value, condition: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    object["status"]["conditions"].as_array().into_iter().flatten().any(|one| {
        let fresh = one["observedGeneration"].is_null() || one["observedGeneration"] == *generation;
        one["type"] == condition && one["status"] == "True" && fresh
    })
}
