//! What the commands that serve have in common: the runtime of everything that is no request, and how they end.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::Path, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use tokio::{runtime, signal::unix, sync::oneshot};

use super::values;
use crate::{clock::Clock, telemetry::Telemetry};

/// For tests of clocks that are off.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ClockOffset {
    /// How far this process's clock is ahead, or with `-` behind.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0s",
        hide = true,
        allow_hyphen_values = true,
        value_parser = values::offset
    )]
    clock_offset: i64,
}

impl ClockOffset {
    /// The clock that a gateway goes by; `clock` is the right one.
    pub(super) fn applied(self, clock: Clock) -> Clock {
        if self.clock_offset == 0 { clock } else { Clock::with_offset(self.clock_offset) }
    }
}

/// Makes a folder that will hold keys, or who used what.
pub(super) fn private_folder(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("the data folder {} cannot be made", folder.display()))
}

/// SIGTERM and Ctrl-C.
pub(super) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Takes them over from the system.
    pub(super) fn new() -> anyhow::Result<Self> {
        let terminate = unix::signal(unix::SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
        let interrupt = unix::signal(unix::SignalKind::interrupt()).context("SIGINT cannot be awaited")?;
        Ok(Self { terminate, interrupt })
    }

    /// Serves until one comes, which `stop` tells it of; who is told twice does not wait.
    pub(super) async fn until_told(
        mut self,
        stop: oneshot::Sender<()>,
        serving: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let told_twice = async {
            self.told().await;
            let _ = stop.send(());
            self.told().await;
        };
        tokio::select! {
            ended = serving => ended,
            () = told_twice => anyhow::bail!("told to end a second time: open requests were cut off"),
        }
    }

    /// One of them has come, or comes.
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until SIGTERM or Ctrl-C, then waits for the end; who is told twice does not wait.
pub(super) fn until_told<F>(
    serve: impl FnOnce(Arc<Telemetry>, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<()>>,
{
    // What is not a request lives here: configuration, admin, the ledger's writer. Requests have their own threads.
    let control =
        runtime::Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build()?;
    let ended = control.block_on(async {
        let (stop, stopped) = oneshot::channel();
        let telemetry = Arc::new(Telemetry::new());
        let signals = Signals::new()?;
        let serving = serve(
            telemetry,
            Box::pin(async {
                let _ = stopped.await;
            }),
        );
        signals.until_told(stop, serving).await
    });
    control.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}
