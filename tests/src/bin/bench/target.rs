//! What is measured: the upstream itself (baseline), nginx (reference), the gateway on its two paths.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    cli::Arguments,
    client::{Connection, Expected},
    gateway, nginx,
    process::Process,
    script::{PROVIDER_KEY, Request, TENANT_KEY, TRANSLATED_MODEL, VERBATIM_MODEL, plain_pieces},
    usage::Usage,
};

/// How long a target may take to serve its first request.
const START: Duration = Duration::from_secs(20);
/// How long it may take to end after SIGTERM, its drain included.
const STOP: Duration = Duration::from_secs(40);

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    /// Client to upstream, nothing between.
    Direct,
    /// nginx as a plain reverse proxy.
    Nginx,
    /// The gateway where client and provider speak the same wire.
    Verbatim,
    /// The gateway between an `OpenAI` client and an Anthropic provider.
    Translated,
}

/// A target that serves.
pub(crate) struct Running {
    target: Target,
    /// Where the client sends its requests.
    pub(crate) address: SocketAddr,
    process: Option<Process>,
    /// Requests sent outside scenarios.
    pub(crate) probes: u64,
}

impl Target {
    /// Its name in tables and messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Verbatim => "verbatim",
            Self::Translated => "translated",
        }
    }

    /// Whether this is the gateway.
    pub(crate) const fn is_gateway(self) -> bool {
        matches!(self, Self::Verbatim | Self::Translated)
    }

    /// The request that its clients send.
    pub(crate) fn request(self, stream: bool) -> Request {
        match self {
            Self::Direct => Request::new(VERBATIM_MODEL, PROVIDER_KEY, stream),
            Self::Nginx | Self::Verbatim => Request::new(VERBATIM_MODEL, TENANT_KEY, stream),
            Self::Translated => Request::new(TRANSLATED_MODEL, TENANT_KEY, stream),
        }
    }

    /// Starts it, its files in `folder`, and sends one request through.
    pub(crate) async fn start(
        self,
        arguments: &Arguments,
        upstream: SocketAddr,
        folder: &Path,
    ) -> Result<Running> {
        let (address, process) = match self {
            Self::Direct => (upstream, None),
            Self::Nginx => nginx::start(arguments, upstream, folder)
                .map(|(address, process)| (address, Some(process)))?,
            Self::Verbatim | Self::Translated => gateway::start(arguments, upstream, folder)
                .map(|(address, process)| (address, Some(process)))?,
        };
        let mut running = Running { target: self, address, process, probes: 0 };
        running.wait_until_it_serves(folder).await?;
        Ok(running)
    }
}

impl Running {
    async fn wait_until_it_serves(&mut self, folder: &Path) -> Result<()> {
        let deadline = Instant::now() + START;
        let mut connection = loop {
            let ready = !self.target.is_gateway() || gateway::is_ready(folder);
            match Connection::open(self.address).await {
                Ok(connection) if ready => break connection,
                _ if Instant::now() > deadline => {
                    bail!("{} does not serve after {START:?}", self.target.name())
                }
                _ => self.process.as_mut().map_or(Ok(()), Process::ensure_alive)?,
            }
            sleep(Duration::from_millis(20)).await;
        };
        let expected = Expected { stream: false, pieces: plain_pieces() };
        self.probes += 1;
        connection.exchange(self.target.request(false).numbered(0), expected, |_| ()).await?;
        Ok(())
    }

    /// What it has used so far; nothing where there is no process.
    pub(crate) fn usage(&self) -> Usage {
        self.process.as_ref().map(Process::usage).unwrap_or_default()
    }

    /// Ends it, and holds the gateway's ledger against the number of requests that were `sent` in scenarios.
    pub(crate) async fn stop(self, arguments: &Arguments, folder: &Path, sent: u64) -> Result<()> {
        let Some(process) = self.process else { return Ok(()) };
        process.stop(STOP).await?;
        if self.target.is_gateway() {
            let (sent, recorded) = (sent + self.probes, gateway::recorded_requests(arguments, folder)?);
            ensure!(recorded == sent, "{sent} requests sent, {recorded} in the ledger");
        }
        Ok(())
    }
}
