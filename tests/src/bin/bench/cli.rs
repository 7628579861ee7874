//! The command line.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::{
    scenario::{self, Scenario},
    target::Target,
};

/// Measures what the gateway costs, beside nginx doing the least of the same work, on this machine.
///
/// Client and upstream run on one core, the gateway or nginx on another; everything stays on loopback and ends by itself.
/// docs/performance.md says how to read the table.
#[derive(Parser, Debug)]
#[command(name = "bench", after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The gateway to measure
    #[arg(long, value_name = "PATH", default_value = "target/release/aigne-hub")]
    pub(crate) gateway_binary: PathBuf,
    /// The nginx to measure it against
    #[arg(long, value_name = "PATH", default_value = "/usr/sbin/nginx")]
    pub(crate) nginx_binary: PathBuf,
    /// What to measure; nginx is what ratios are to, direct what "added" is over
    #[arg(long, value_enum, value_delimiter = ',', default_value = "direct,nginx,verbatim,translated")]
    pub(crate) targets: Vec<Target>,
    /// Run only the scenarios whose names begin so (plain-c1, plain-500rps, plain-c32, plain-c256, stream-c1,
    /// stream-c64, stream-c256, stream-unpaced)
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Length of a scenario's window
    #[arg(long, default_value_t = 2.0)]
    pub(crate) seconds: f64,
    /// Times that everything is measured; each is one ratio of the spread
    #[arg(long, default_value_t = 3)]
    pub(crate) repeats: u32,
    /// One repeat with short windows, to see that everything works: its figures are rough
    #[arg(long, conflicts_with_all = ["seconds", "repeats"])]
    pub(crate) quick: bool,
    /// How results are printed; progress goes to standard error
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: Output,
    /// Core of client and upstream
    #[arg(long, default_value_t = 0)]
    pub(crate) load_core: usize,
    /// Core of the gateway, and of nginx
    #[arg(long, default_value_t = 1)]
    pub(crate) target_core: usize,
    /// Keep configuration and logs of every target in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  bench                                        everything, three times: under six minutes
  bench --quick                                everything, once and roughly: under one minute
  bench --only plain --seconds 5               plain requests only, in longer windows
  bench --targets nginx,verbatim --only stream-c64
  bench --output json > bench.json             every run's figures, and their medians

Exit status: 0, or 1 if anything failed: an answer was wrong or missing, or the ledger does not hold what was sent.";

/// The form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
}

impl Arguments {
    /// The scenarios that were asked for.
    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>> {
        let wanted = |scenario: &&Scenario| {
            self.only.is_empty() || self.only.iter().any(|prefix| scenario.name.starts_with(prefix.as_str()))
        };
        let scenarios: Vec<_> = scenario::ALL.iter().filter(wanted).copied().collect();
        ensure!(!scenarios.is_empty(), "no scenario begins with {}", self.only.join(" or "));
        Ok(scenarios)
    }

    /// Length of a window.
    pub(crate) fn window(&self) -> Result<Duration> {
        let seconds = if self.quick { 0.5 } else { self.seconds };
        ensure!((0.1..=60.0).contains(&seconds), "--seconds is from 0.1 to 60");
        Ok(Duration::from_secs_f64(seconds))
    }

    /// How often everything is measured.
    pub(crate) fn repeats(&self) -> Result<u32> {
        let repeats = if self.quick { 1 } else { self.repeats };
        ensure!((1..=20).contains(&repeats), "--repeats is from 1 to 20");
        Ok(repeats)
    }
}

/// A loopback address that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_selects_by_the_beginning_of_names() -> Result<()> {
        let names = |arguments: &[&str]| -> Result<Vec<&str>> {
            Ok(Arguments::parse_from(arguments).scenarios()?.iter().map(|scenario| scenario.name).collect())
        };
        assert_eq!(names(&["bench", "--only", "stream-c2,plain-c1"])?, ["plain-c1", "stream-c256"]);
        assert_eq!(names(&["bench"])?.len(), scenario::ALL.len());
        assert!(names(&["bench", "--only", "nothing"]).is_err());
        Ok(())
    }
}
