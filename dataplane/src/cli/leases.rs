//! `aigne-hub leases`: who holds what of the limits, budgets and balances.

use std::io::{self, Write};

use super::accounts::time;
use super::database::Place;
use super::usage::Output;
use super::usage::cells::{Cell, Column, column};
use super::usage::print;
use crate::environment::Environment;
use crate::ledger::leases::{Class, FOREVER, Holding};
use crate::ledger::store::Report as _;

/// Show which gateway holds what of each limit, budget and balance, and what it is known to have spent.
///
/// A gateway that ends gives back what it holds. One that is lost keeps its money until its journal was replayed, or until
/// it has been silent for long enough.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub leases --data data
  aigne-hub leases --allowance account:team-acme/acme --database-url-file /etc/aigne-hub/database-url --output json")]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Only of this one, as account:team-acme/acme.
    #[arg(long, value_name = "NAME")]
    allowance: Option<String>,
    /// How to print it; amounts of money are whole nano-dollars in CSV and JSON.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

const COLUMNS: [Column; 11] = [
    column("allowance", "allowance"),
    column("window", "window"),
    column("class", "class"),
    column("holder", "holder"),
    column("granted", "granted"),
    column("returned", "returned"),
    column("spent", "spent"),
    column("unreserved", "unreserved"),
    column("suspense", "suspense"),
    column("silent_since", "silent since"),
    column("closed_at", "closed"),
];

/// Prints them. A reader that has seen enough (`| head`) is no error.
pub async fn run(args: &Args, environment: &Environment, output: &mut dyn Write) -> anyhow::Result<()> {
    let holdings = args.place.write(environment).await?.holdings(args.allowance.as_deref()).await?;
    let rows: Vec<_> = holdings.iter().map(cells).collect();
    match print::list(args.output, &COLUMNS, &rows, "Nobody holds anything.", output) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn cells(holding: &Holding) -> Vec<Cell> {
    let amount = |amount: i64| {
        let money = holding.class == Class::Money.name();
        if money { Cell::Nanos(amount.into()) } else { Cell::Count(amount.into()) }
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    vec![
        text(&holding.allowance),
        if holding.window == FOREVER { Cell::None } else { time(holding.window) },
        text(&holding.class),
        Cell::Text(holding.holder.to_string()),
        amount(holding.granted),
        amount(holding.returned),
        amount(holding.spent),
        amount(holding.unreserved),
        amount(holding.suspense),
        holding.silent_since.map_or(Cell::None, time),
        holding.closed_at.map_or(Cell::None, time),
    ]
}
