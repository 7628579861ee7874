//! `aigne-hub run`: a gateway without a cluster.

use std::{fs, net::SocketAddr, os::unix::fs::DirBuilderExt as _, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use tokio::{runtime, signal::unix, sync::oneshot};

use super::{Context, Data, Manifests, identity::Identity, listen::Listeners, values};
use crate::{
    run,
    source::{Loaded, directory::Directory, follow, secrets::Missing},
    telemetry::{Telemetry, access::Destination},
};

/// Serve the manifests of a folder, without a cluster.
///
/// Changes in the folder are picked up while it runs. A change that has errors is not: the last good state goes on
/// serving. Tenants whose key's Secret is in no manifest get a key made; `aigne-hub keys show` prints it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub run -f examples/quickstart --data ./data
  aigne-hub keys show default/acme app -f examples/quickstart --data ./data")]
pub struct Args {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    listen: Listeners,
    #[command(flatten)]
    identity: Identity,
    /// Health, metrics and findings; not for clients.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090", env = "AIGNE_HUB_ADMIN_LISTEN")]
    admin_listen: SocketAddr,
    /// One JSON line a request: to `stdout`, `off`, or to this file.
    #[arg(long, value_name = "WHERE", default_value = "stdout")]
    access_log: Destination,
    /// Larger request bodies are refused.
    #[arg(long, value_name = "SIZE", default_value = "32MiB", value_parser = values::size)]
    max_body: usize,
}

/// Serves until SIGTERM or Ctrl-C.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let (data, keyring) = (&args.data.data, args.data.keyring());
    // It will hold keys, and who used what.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("the data folder {} cannot be made", data.display()))?;
    let directory = args.manifests.directory(context, Some(data), Missing::Make(keyring));
    let first = match directory.load() {
        Ok(first) => first,
        Err(problems) => {
            for problem in &problems {
                tracing::error!("{problem}");
            }
            anyhow::bail!("{} cannot be served as it is", directory.root.display());
        }
    };
    let options = args.options(context);
    // What is not a request lives here: configuration, admin, the ledger's writer. Requests have their own threads.
    let control =
        runtime::Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build()?;
    let ended = control.block_on(serve(directory, first, options));
    // Whoever is told twice to end does not wait for what is still open.
    control.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

async fn serve(directory: Directory, first: Loaded, options: run::Options) -> anyhow::Result<()> {
    let mut terminate = unix::signal(unix::SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let telemetry = Arc::new(Telemetry::new());
    let source = follow::start(directory, first, Arc::clone(&telemetry));
    let (stop, stopped) = oneshot::channel();
    let gateway = run::run(options, source, telemetry, async {
        let _ = stopped.await;
    });
    let told_twice = async {
        told().await;
        let _ = stop.send(());
        told().await;
    };
    tokio::select! {
        ended = gateway => ended,
        () = told_twice => anyhow::bail!("told to end a second time: open requests were cut off"),
    }
}

impl Args {
    fn options(self, context: &Context) -> run::Options {
        run::Options {
            server: self.listen.options(),
            admin: self.admin_listen,
            data: self.data.data,
            access_log: self.access_log,
            max_body: self.max_body,
            identity: self.identity.options(),
            clock: context.clock,
        }
    }
}
