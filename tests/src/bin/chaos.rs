//! Everything that can go wrong at once, and whether the books are right afterwards.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for the terminal")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use aigne_hub_tests::chaos::{CAPS_ARE_ENFORCED, Options, run};
use clap::Parser;

/// Kills gateways and Postgres, cuts connections and lets clients leave at random bytes, then compares the ledger with the
/// provider's own count, attempt by attempt. Exits with 1 where something does not hold.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  make chaos
  make chaos CHAOS=\"--seed 42 --seconds 300\"")]
struct Arguments {
    /// Repeats a run's scripts and events [default: another each time].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How long clients ask.
    #[arg(long, value_name = "N", default_value_t = 120)]
    seconds: u64,
    /// Gateway processes.
    #[arg(long, value_name = "N", default_value_t = 3)]
    gateways: usize,
    /// Tenants, of four kinds.
    #[arg(long, value_name = "N", default_value_t = 240)]
    tenants: usize,
    /// Clients, each with one request at a time.
    #[arg(long, value_name = "N", default_value_t = 32)]
    clients: usize,
    /// Whether tenants have caps.
    #[arg(long, default_value_t = CAPS_ARE_ENFORCED, action = clap::ArgAction::Set)]
    caps: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let options = Options {
        seed: arguments.seed.unwrap_or_else(|| u64::from(std::process::id())),
        time: Duration::from_secs(arguments.seconds),
        gateways: arguments.gateways,
        tenants: arguments.tenants,
        clients: arguments.clients,
        caps: arguments.caps,
    };
    let began = Instant::now();
    eprintln!("seed {}", options.seed);
    let say = |line| eprintln!("{:7.2} s  {line}", began.elapsed().as_secs_f64());
    let verdict = match run(&options, say).await {
        Ok(verdict) => verdict,
        Err(error) => {
            eprintln!("seed {}: {error:#}", options.seed);
            return Ok(ExitCode::FAILURE);
        }
    };
    println!("| | |\n|---|---|\n{}", verdict.figures);
    for violation in &verdict.violations {
        println!("DOES NOT HOLD: {violation}");
    }
    if verdict.violations.is_empty() {
        println!("All of it holds.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("seed {}", options.seed);
    Ok(ExitCode::FAILURE)
}
