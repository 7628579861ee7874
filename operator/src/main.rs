//! `aigne-hub-operator`: reads the command line, starts the log and runs until it is told to end.

use std::process::ExitCode;

use aigne_hub_operator::{cli::Cli, log, run};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::init(cli.log_format);
    let ran = tokio::runtime::Builder::new_multi_thread()
        // The loop thinks on one; renewing the lease, health and the network never wait for it.
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run::run(cli)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
