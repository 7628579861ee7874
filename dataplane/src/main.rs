//! `aigne-hub`: reads the command line, starts the log and does what is asked.

use std::{
    io::{self, ErrorKind, Write as _},
    process::ExitCode,
};

use aigne_hub::{
    cli::{Cli, Context},
    clock::Clock,
    environment::Environment,
    telemetry::log,
};
use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context { environment: Environment::Process, clock: Clock::default() };
    let serves = cli.command.serves();
    let filter = context.environment.get(log::FILTER_VARIABLE);
    let format = context.environment.get(log::FORMAT_VARIABLE);
    if serves {
        log::init(filter.as_deref().unwrap_or(log::DEFAULT_FILTER), format.as_deref());
    } else {
        log::init(filter.as_deref().unwrap_or("warn"), format.as_deref().or(Some("text")));
    }
    match cli.run(&context, &mut io::stdout().lock()) {
        Ok(code) => code,
        // The reader of a pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if serves => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
