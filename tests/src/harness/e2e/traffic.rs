//! Load on a hub from a pod of its own, by clients that never retry.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::super::client::Client;
use super::super::{Outcome, eventually_within};
use super::{Forward, Pod, Space};
use crate::chaos::Got;
use crate::load::got_in;

const PORT: u16 = 8070;
/// On top of the longest stream.
const PATIENCE: Duration = Duration::from_mins(2);

/// The program `load` as a pod. What it is asked goes through the API server.
#[derive(Clone, Debug)]
pub struct Traffic {
    space: Space,
    name: String,
}

impl Traffic {
    /// Starts the pod, which waits to be told. It asks `target`, for example `aigne-hub.team.svc:8080`, with the keys in these
    /// Secrets, for the models of [`Upstream::both`](super::Upstream::both).
    pub async fn prepare(
        space: &Space,
        name: &str,
        target: &str,
        secrets: &[impl AsRef<str>],
    ) -> anyhow::Result<Self> {
        let mut words = vec![
            "/load".to_owned(),
            format!("--listen=0.0.0.0:{PORT}"),
            format!("--name={name}"),
            format!("--target={target}"),
            "--model=gpt".to_owned(),
            "--model=sonnet".to_owned(),
        ];
        words.extend(secrets.iter().map(|secret| format!("--key-file=/keys/{}/apiKey", secret.as_ref())));
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let secrets = secrets.iter().map(AsRef::as_ref);
        let mounts = secrets.clone().map(|name| json!({"name": name, "mountPath": format!("/keys/{name}")}));
        let volumes = secrets.map(|name| json!({"name": name, "secret": {"secretName": name}}));
        let probe = json!({"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1});
        let pod = Pod::program(name, &words)
            .container(json!({"readinessProbe": probe, "volumeMounts": mounts.collect::<Vec<_>>()}))
            .spec(json!({"volumes": volumes.collect::<Vec<_>>()}));
        space.apply([pod.manifest()]).await?;
        space.condition(&format!("pod/{name}"), "Ready").await?;
        Ok(Self { space: space.clone(), name: name.to_owned() })
    }

    /// Begins, with these members of the [plan](crate::load::Plan).
    pub async fn start(&self, plan: Value) -> Outcome {
        let way = self.way().await?;
        Client::new(way.origin(), None).post("/start", &plan).await?.ok()
    }

    /// How it goes.
    pub async fn report(&self) -> anyhow::Result<Value> {
        let way = self.way().await?;
        Client::new(way.origin(), None).get("/report").await?.json()
    }

    /// Waits until its report is such.
    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        self.until_within(PATIENCE, what, holds).await
    }

    /// Nothing new is begun; waits for the end of what is open. `longest` is how long a stream may take.
    pub async fn stop(&self, longest: Duration) -> anyhow::Result<Value> {
        let way = self.way().await?;
        Client::new(way.origin(), None).post("/stop", &json!({})).await?.ok()?;
        drop(way);
        self.until_within(longest + PATIENCE, "what was open has ended", |report| report["open"] == 0).await
    }

    /// What each of its requests got.
    pub async fn got(&self) -> anyhow::Result<Vec<Got>> {
        let way = self.way().await?;
        got_in(&Client::new(way.origin(), None).get("/got").await?.text())
    }

    /// Every request that failed, as it was seen.
    pub async fn failures(&self) -> anyhow::Result<Vec<Value>> {
        let logs = self.space.logs(&format!("pod/{}", self.name)).await?;
        let lines = logs.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    async fn until_within(
        &self,
        patience: Duration,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let way = self.way().await?;
        let client = Client::new(way.origin(), None);
        eventually_within(patience, &format!("{}: {what}", self.name), async || {
            // Each look goes through the API server, which is under test too: fewer of them.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let report = client.get("/report").await?.json()?;
            Ok(holds(&report).then_some(report))
        })
        .await
    }

    async fn way(&self) -> anyhow::Result<Forward> {
        self.space.forward(&format!("pod/{}", self.name), PORT).await
    }
}
