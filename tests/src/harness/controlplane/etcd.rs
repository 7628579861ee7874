//! The store of a control plane.

use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::super::place::{Place, Process, free_port};
use super::super::{PATIENCE, eventually_within};
use super::programs::Programs;

/// Its start may be slow beside many others.
const START: Duration = Duration::from_mins(1);

/// For one question.
const PROBE: Duration = Duration::from_secs(1);

/// A running etcd. Its data outlives a restart.
#[derive(Debug)]
pub(super) struct Etcd {
    process: Process,
    origin: String,
    peer: String,
}

impl Etcd {
    pub(super) async fn start(programs: &Programs, place: &Place) -> anyhow::Result<Self> {
        // A port that was free may be somebody else's by the time that etcd listens on it.
        match Self::try_start(programs, place).await {
            Err(_) => Self::try_start(programs, place).await,
            started => started,
        }
    }

    async fn try_start(programs: &Programs, place: &Place) -> anyhow::Result<Self> {
        let [origin, peer] = [free_port()?, free_port()?].map(|port| format!("http://127.0.0.1:{port}"));
        let process = spawn(programs, place, &origin, &peer)?;
        let mut etcd = Self { process, origin, peer };
        etcd.ready().await?;
        Ok(etcd)
    }

    /// Where clients connect.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Kills it and starts it again on the same data and ports.
    pub(super) async fn restart(&mut self, programs: &Programs, place: &Place) -> anyhow::Result<()> {
        self.process.signal("KILL")?;
        self.process.ended().await?;
        self.process = spawn(programs, place, &self.origin, &self.peer)?;
        self.ready().await
    }

    /// Forgets all history: only the present state remains.
    pub(super) async fn compact(&self) -> anyhow::Result<()> {
        // The revision stands in every answer's header; a key of one zero byte is never there.
        let answer = self.post("/v3/kv/range", &json!({ "key": "AA==" })).await?;
        let revision = answer["header"]["revision"].as_str().context("no revision")?;
        self.post("/v3/kv/compaction", &json!({ "revision": revision, "physical": true })).await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.origin);
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let answer = client.post(url).json(body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        anyhow::ensure!(status.is_success(), "etcd: {path}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        // A question that is lost while it starts is asked again.
        let client = reqwest::Client::builder().no_proxy().timeout(PROBE).build()?;
        let url = format!("{}/health", self.origin);
        eventually_within(START, "etcd is ready", async || {
            self.process.runs()?;
            let answer = client.get(&url).send().await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await
        .with_context(|| self.process.log_tail())
    }
}

fn spawn(programs: &Programs, place: &Place, origin: &str, peer: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(&programs.etcd);
    command.arg("--data-dir").arg(place.join("etcd"));
    // What the disk promises is of no use to a test.
    command.args(["--unsafe-no-fsync", "--log-level=warn", "--name=test"]);
    command.arg(format!("--listen-client-urls={origin}")).arg(format!("--advertise-client-urls={origin}"));
    command.arg(format!("--listen-peer-urls={peer}")).arg(format!("--initial-advertise-peer-urls={peer}"));
    command.arg(format!("--initial-cluster=test={peer}"));
    place.spawn("etcd", command)
}
