//! `aigne-hub sidecar`: beside an application, in its pod.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::{sync::oneshot, task::LocalSet};

use super::{serving::Signals, values};
use crate::{
    sidecar::{self, LISTEN, Options, PodToken, TOKEN_FILE},
    upstream::{self, Endpoint},
};

/// Let the applications of a pod use the hub without a key.
///
/// Listens on the pod's loopback alone and relays everything to the hub, with the pod's ServiceAccount token in the
/// place of whatever key the application shows. A Tenant has to list the ServiceAccount in its workloadIdentities.
/// `aigne-hub inject` puts it into manifests, and the chart's `sidecar.injection` into pods.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub sidecar --hub https://aigne-hub.ai.svc:8443 --ca-file /etc/hub/ca.crt
  aigne-hub sidecar --hub http://127.0.0.1:8080 --allow-insecure --token-file ./token     (try it out)
  aigne-hub sidecar --check                                            (the container's startup probe)")]
pub struct Args {
    /// Where the hub is: https://HOST:PORT, no path.
    #[arg(long, value_name = "URL", env = "AIGNE_HUB_SIDECAR_HUB", required_unless_present = "check")]
    hub: Option<String>,
    /// A loopback address where the pod's applications connect; 127.0.0.1 stands for IPv6's loopback, too, where the pod has it.
    #[arg(long, value_name = "ADDRESS", env = "AIGNE_HUB_SIDECAR_LISTEN", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// The pod's projected ServiceAccount token, of audience hub.aigne.io. Read again when it is replaced.
    #[arg(long, value_name = "FILE", env = "AIGNE_HUB_SIDECAR_TOKEN_FILE", default_value = TOKEN_FILE)]
    token_file: PathBuf,
    /// Certificates (PEM) that the hub's is trusted by, beside the system's. Read at the start.
    #[arg(long, value_name = "FILE", env = "AIGNE_HUB_SIDECAR_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// The same as text instead of a file.
    #[arg(long, value_name = "PEM", env = "AIGNE_HUB_SIDECAR_CA", conflicts_with = "ca_file")]
    ca: Option<String>,
    /// The hub may be reached over plain HTTP: tokens and prompts then pass in clear.
    #[arg(long)]
    allow_insecure: bool,
    /// For resolving the hub's name, connecting and TLS. There is no limit for an answer: streams may take long.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = values::duration)]
    connect_timeout: Duration,
    /// After SIGTERM: how long to go on accepting at least. It goes on anyway while requests are open.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = values::duration)]
    drain_delay: Duration,
    /// After that: how long open requests may take to end.
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = values::duration)]
    grace: Duration,
    /// Start nothing: ask the sidecar that listens there whether it is ready, and exit with 1 where it is not.
    #[arg(long)]
    check: bool,
}

impl Args {
    /// Whether it goes on until it is told to end.
    pub(super) fn serves(&self) -> bool {
        !self.check
    }

    fn options(self) -> anyhow::Result<Options> {
        let timeout = u64::try_from(self.connect_timeout.as_millis()).unwrap_or(u64::MAX);
        let hub = Endpoint::parse(&self.hub.unwrap_or_default(), true, timeout).context("--hub")?;
        ensure!(
            hub.base_path.is_empty(),
            "--hub: an address without a path is needed, as paths are relayed as they are"
        );
        ensure!(
            hub.tls || self.allow_insecure,
            "--hub: over plain HTTP the pod's token passes in clear: use https, or --allow-insecure if that is meant"
        );
        let pem = match (self.ca_file, self.ca) {
            (Some(file), _) => fs::read(&file).with_context(|| format!("--ca-file {}", file.display()))?,
            (None, text) => text.unwrap_or_default().into_bytes(),
        };
        let roots = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let roots = roots.map_err(|error| anyhow::anyhow!("the CA's certificates are not PEM: {error}"))?;
        ensure!(
            pem.is_empty() || !roots.is_empty(),
            "the CA's PEM holds no certificate (\"BEGIN CERTIFICATE\")"
        );
        Ok(Options {
            listen: self.listen,
            hub,
            tls: upstream::tls_config_with(roots).context("TLS cannot be set up")?,
            token: PodToken::new(self.token_file),
            drain_delay: self.drain_delay,
            grace: self.grace,
        })
    }
}

/// Serves until SIGTERM or Ctrl-C, or asks one that does.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.check {
        sidecar::check(args.listen)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = args.options()?;
    // Names are looked up on a thread of their own, one at a time.
    let runtime =
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build()?;
    let ended = LocalSet::new().block_on(&runtime, async {
        let (stop, stopped) = oneshot::channel();
        let told = async {
            let _ = stopped.await;
        };
        Signals::new()?.until_told(stop, sidecar::serve(options, told)).await
    });
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}
