//! Measures how long changes take to every gateway, and what they cost, at several numbers of tenants.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for the terminal")]

use std::time::Duration;

use aigne_hub_tests::harness::{ControlPlane, Postgres};
use aigne_hub_tests::propagation::{Kind, Measured, measure};
use clap::Parser;

/// From kubectl apply to its effect in two gateways: times, bytes, CPU and memory, on a real API server.
#[derive(Debug, Parser)]
#[command(after_help = "Example:
  make bench-propagation
  AIGNE_HUB_BIN=… AIGNE_HUB_OPERATOR_BIN=… propagation --tenants 10,1000 --changes 25")]
struct Arguments {
    /// Numbers of tenants that are there.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "10,1000,10000")]
    tenants: Vec<usize>,
    /// Changes of each kind.
    #[arg(long, value_name = "N", default_value_t = 100)]
    changes: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let postgres = Postgres::start().await?;
    let mut all = Vec::new();
    for tenants in arguments.tenants {
        let plane = ControlPlane::start().await?;
        plane.install_crds().await?;
        all.push(measure(&plane, &postgres, tenants, arguments.changes, |line| eprintln!("{line}")).await?);
    }
    print(&all);
    Ok(())
}

fn print(all: &[Measured]) {
    println!(
        "| tenants | {} |",
        all.iter().map(|one| one.tenants.to_string()).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|{}", "---|".repeat(all.len()));
    for kind in [Kind::NewKey, Kind::RevokedKey, Kind::Price, Kind::Credential] {
        row(&format!("{}, p50 / p99", kind.name()), all, |one| {
            format!("{} / {}", milliseconds(one.percentile(kind, 50)), milliseconds(one.percentile(kind, 99)))
        });
    }
    row("bytes moved by a tenant's change, to each gateway", all, |one| one.bytes.to_string());
    row("operator CPU for a tenant's change", all, |one| {
        format!("{:.2} ms", one.operator_cpu.as_secs_f64() * 1e3)
    });
    row("gateway CPU for a tenant's change", all, |one| {
        format!("{:.2} ms", one.gateway_cpu.as_secs_f64() * 1e3)
    });
    row("memory of the operator / a gateway", all, |one| {
        format!("{} / {} MiB", one.memory.operator >> 20, one.memory.gateway >> 20)
    });
    row("from nothing to all Ready", all, |one| format!("{:.1} s", one.populated.as_secs_f64()));
}

fn row(name: &str, all: &[Measured], cell: impl Fn(&Measured) -> String) {
    println!("| {name} | {} |", all.iter().map(cell).collect::<Vec<_>>().join(" | "));
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
