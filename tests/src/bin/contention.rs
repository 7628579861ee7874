//! Everybody wants the same money; and what the ledger can carry.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for the terminal")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use aigne_hub_tests::contention::{Answered, Balance, balance, budget, screens, writer};
use clap::Parser;

/// Measures caps under contention, and the ledger's throughput, on a real Postgres.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  make contention
  make bench-ledger BENCH=\"--rows 2000000\"")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One balance and many gateways, as fast as they go; then $0.05 and clients that retry. Exits with 1 where a cap does
    /// not hold.
    Caps {
        /// Gateway processes.
        #[arg(long, value_name = "N", default_value_t = 10)]
        gateways: usize,
        /// Clients, each with one request at a time.
        #[arg(long, value_name = "N", default_value_t = 40)]
        clients: usize,
        /// How long the balance lasts, about.
        #[arg(long, value_name = "N", default_value_t = 20)]
        seconds: u64,
    },
    /// The writer's throughput, and the questions of usage screens.
    Ledger {
        /// Rows that the questions are asked of.
        #[arg(long, value_name = "N", default_value_t = 10_000_000)]
        rows: i64,
        /// Rows that the writer moves.
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        written: usize,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let say = |line| eprintln!("{:7.2} s  {line}", began.elapsed().as_secs_f64());
    let holds = match Arguments::parse().what {
        What::Caps { gateways, clients, seconds } => {
            let balance = balance(gateways, clients, Duration::from_secs(seconds), say).await?;
            let mut holds = show(gateways, &balance);
            for gateways in [1, 3] {
                let budget = budget(gateways, 200).await?;
                println!(
                    "$0.05, 200 clients, {gateways} gateways: charged {} of {} nano-dollars (a request reserves {}), {} served, {} \
                     refused: {}",
                    budget.charged,
                    budget.amount,
                    budget.reservation,
                    budget.requests.0,
                    budget.requests.1,
                    verdict(budget.holds())
                );
                holds &= budget.holds();
            }
            holds
        }
        What::Ledger { rows, written } => {
            for gateways in [1, 3] {
                let one = writer(gateways, written, say).await?;
                println!(
                    "{gateways} gateways: {:.0} rows/s into Postgres ({} rows); bytes a row: usage {:.0}, entries {:.0}, hourly {:.0}; \
                     100 M rows: {:.1} GB",
                    one.rate,
                    one.rows,
                    one.bytes[0],
                    one.bytes[1],
                    one.bytes[2],
                    (one.bytes[0] + one.bytes[1]) / 10.0
                );
            }
            let screens = screens(rows, say).await?;
            println!(
                "{} usage rows, {} hourly; bytes a row: {:.0}, {:.0}",
                screens.rows, screens.hours, screens.bytes[0], screens.bytes[2]
            );
            answers(&screens.answered);
            for (index, size, answered) in &screens.indexed {
                println!("\nWith an index more, {index}, of {size:.0} bytes a row");
                answers(answered);
            }
            true
        }
    };
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answers(answered: &[Answered]) {
    for one in answered {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "\n{}: median {:.1} ms, slowest {:.1} ms\n{}",
            one.question,
            milliseconds(one.took.0),
            milliseconds(one.took.1),
            one.plan
        );
    }
}

fn show(gateways: usize, balance: &Balance) -> bool {
    let left = balance.given - balance.charged;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{gateways} gateways, one balance of {} nano-dollars:", balance.given);
    println!("  overdraft {}: {}", balance.overdraft(), verdict(balance.overdraft() == 0));
    println!("  left at the end: {left} (a request reserves {})", balance.reservation);
    println!(
        "  requests/s: {:.0} without caps, {:.0} on credits",
        balance.without.rate(),
        balance.with.rate()
    );
    println!("  refused: {}", balance.with.refused);
    for percent in [50, 99] {
        let (with, without) = (balance.with.percentile(percent), balance.without.percentile(percent));
        println!(
            "  p{percent}: {:.0} µs without caps, {:.0} µs on credits, {:+.0} µs",
            micros(without),
            micros(with),
            micros(with) - micros(without)
        );
    }
    println!("  while more than a tenth was left ({:.1} s), writes a second:", balance.plenty.as_secs_f64());
    for table in balance.writes.keys() {
        println!("    {table}: {:.1}", balance.writes_a_second(table));
    }
    let rare = balance.writes_a_second("allowances") <= 10.0;
    println!("  the balance's own row at most 10 times a second: {}", verdict(rare));
    let reconciled = balance.reconciled.is_ok();
    println!(
        "  reconcile: {}",
        balance.reconciled.as_ref().map_or_else(Clone::clone, |()| verdict(true).to_owned())
    );
    balance.overdraft() == 0 && rare && reconciled
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}
