//! `aigne-hub run`.
use std::process::ExitCode;

use super::Context;

/// Serve.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  aigne-hub run -f examples/quickstart")]
pub struct Args {}

/// Serves.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let _ = (args, context);
    Ok(ExitCode::SUCCESS)
}
