//! The command line: one file a command, each with its arguments and a `run`.
//!
//! Commands write to the given output, never to stdout itself, and return an exit code: 0 for success, 1 where
//! something is wrong with what was given, 2 for a wrong command line.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    clock::Clock,
    environment::Environment,
    secret::{self, keyring::Keyring},
    source::{directory::Directory, secrets::Missing},
};

pub mod accounts;
pub mod chat;
pub mod check;
pub mod demo;
pub mod export;
pub mod inject;
pub mod keys;
pub mod leases;
pub mod migrate;
pub mod reconcile;
pub mod rerate;
pub mod run;
pub mod seal;
pub mod serve;
pub mod sidecar;
pub mod usage;

mod actor;
mod database;
mod identity;
mod listen;
mod serving;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod values;

/// One AI gateway for a whole organisation: OpenAI- and Anthropic-compatible, configured by YAML, every token
/// accounted for.
#[derive(Debug, Parser)]
#[command(name = "aigne-hub", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each command's arguments say what it does")]
pub enum Command {
    Serve(Box<serve::Args>),
    Run(Box<run::Args>),
    Sidecar(sidecar::Args),
    Inject(inject::Args),
    Check(check::Args),
    Keys(keys::Args),
    Seal(seal::Args),
    Usage(usage::Args),
    Accounts(accounts::Args),
    Leases(leases::Args),
    Reconcile(reconcile::Args),
    Rerate(rerate::Args),
    Export(export::Args),
    Migrate(migrate::Args),
    Chat(chat::Args),
    Demo(demo::Args),
}

impl Command {
    /// Whether it goes on until it is told to end: its log is then its word to the world.
    pub fn serves(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Run(_) | Self::Demo(_) => true,
            Self::Sidecar(args) => args.serves(),
            _ => false,
        }
    }
}

/// What a command may know of the world around it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Variables.
    pub environment: Environment,
    /// The time of day.
    pub clock: Clock,
}

/// Which manifests.
#[derive(Debug, clap::Args)]
pub struct Manifests {
    /// A folder of manifests (and the folders in it), or one file.
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    file: PathBuf,
    #[command(flatten)]
    key: KeyFile,
}

/// Which sealing key.
#[derive(Debug, clap::Args)]
pub struct KeyFile {
    /// The file of the sealing key [default: the data folder's seal.key, else ~/.config/aigne-hub/seal.key].
    #[arg(long = "key-file", value_name = "PATH", env = secret::seal::KEY_FILE_VARIABLE)]
    key_file: Option<PathBuf>,
}

impl Manifests {
    fn directory(&self, context: &Context, data: Option<&Path>, missing: Missing) -> Directory {
        Directory {
            root: self.file.clone(),
            environment: context.environment.clone(),
            seal_key_file: secret::seal::key_file(self.key.key_file.clone(), &context.environment, data),
            missing,
            clock: context.clock,
        }
    }
}

/// Names the data folder where no argument does.
const DATA_VARIABLE: &str = "AIGNE_HUB_DATA";

/// Where the hub keeps what it must not forget.
#[derive(Clone, Debug, clap::Args)]
pub struct Data {
    /// The folder of the ledger, the journal and made keys.
    #[arg(long, value_name = "DIR", default_value = "data", env = DATA_VARIABLE)]
    data: PathBuf,
}

impl Data {
    fn keyring(&self) -> Keyring {
        Keyring::below(&self.data)
    }
}

/// How to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Cli {
    /// Does it. Errors are for people: they say what to do.
    pub fn run(self, context: &Context, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => serve::run(*args, context),
            Command::Run(args) => run::run(*args, context),
            Command::Sidecar(args) => sidecar::run(args),
            Command::Inject(args) => inject::run(&args, output),
            Command::Check(args) => check::run(&args, context, output),
            Command::Keys(args) => keys::run(&args, context, output),
            Command::Seal(args) => seal::run(&args, context, output),
            Command::Usage(args) => {
                block_on(usage::run(&args, &context.environment, context.clock.now(), output))?
                    .map(|()| ExitCode::SUCCESS)
            }
            Command::Accounts(args) => {
                block_on(accounts::run(&args, &context.environment, context.clock.now(), output))?
                    .map(|()| ExitCode::SUCCESS)
            }
            Command::Leases(args) => {
                block_on(leases::run(&args, &context.environment, output))?.map(|()| ExitCode::SUCCESS)
            }
            Command::Reconcile(args) => block_on(reconcile::run(&args, &context.environment, output))?,
            Command::Rerate(args) => {
                block_on(rerate::run(&args, &context.environment, context.clock.now(), output))?
                    .map(|()| ExitCode::SUCCESS)
            }
            Command::Export(args) => {
                block_on(export::run(&args, &context.environment, context.clock.now(), output))?
                    .map(|()| ExitCode::SUCCESS)
            }
            Command::Migrate(args) => {
                block_on(migrate::run(&args, context, output))?.map(|()| ExitCode::SUCCESS)
            }
            Command::Chat(args) => {
                block_on(chat::run(&args, &context.environment, output))?.map(|()| ExitCode::SUCCESS)
            }
            Command::Demo(args) => demo::run(&args, context),
        }
    }
}

/// For commands that ask the ledger.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("aigne-hub {}", subcommand.get_name());
            assert!(help.contains(&example), "{} has no example", subcommand.get_name());
        }
    }
}
