//! `kubectl port-forward`.

use std::process::Stdio;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::Space;

/// A way to a port of one pod. It closes when dropped.
#[derive(Debug)]
pub struct Forward {
    origin: String,
    _kubectl: Child,
}

impl Forward {
    pub(super) async fn open(space: &Space, object: &str, port: u16) -> anyhow::Result<Self> {
        let mut kubectl = space.kubectl(["port-forward", object, &format!(":{port}")]).command();
        kubectl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut kubectl = kubectl.spawn()?;
        let mut said = BufReader::new(kubectl.stdout.take().context("its output")?).lines();
        // "Forwarding from 127.0.0.1:40001 -> 8080"
        let address = said.next_line().await?.and_then(|line| {
            line.strip_prefix("Forwarding from ")?.split_once(" -> ").map(|(address, _)| address.to_owned())
        });
        let Some(address) = address else {
            let output = kubectl.wait_with_output().await?;
            return Err(anyhow!(
                "kubectl port-forward {object}: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        };
        // It writes a line for each connection, and must find somebody who reads.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Ok(Self { origin: format!("http://{address}"), _kubectl: kubectl })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
