//! The command line: one file a command, each with its arguments and a `run`.
//!
//! Commands write to the given output, never to stdout itself, and return an exit code: 0 for success, 1 where
//! something is wrong with what was given, 2 for a wrong command line.

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{clock::Clock, environment::Environment};

pub mod run;
pub mod values;

/// One AI gateway for a whole organisation: OpenAI- and Anthropic-compatible, configured by YAML, every token
/// accounted for.
#[derive(Debug, Parser)]
#[command(name = "aigne-hub", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the manifests of a folder, without a cluster.
    Run(run::Args),
}

/// What a command may know of the world around it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Variables.
    pub environment: Environment,
    /// The time of day.
    pub clock: Clock,
}

impl Cli {
    /// Does it. Errors are for people: they say what to do.
    pub fn run(self, context: &Context, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let _ = output;
        match self.command {
            Command::Run(args) => run::run(args, context),
        }
    }
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
