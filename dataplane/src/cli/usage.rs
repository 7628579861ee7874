//! `aigne-hub usage`: what was used, by whom, and what it costs.
//!
//! Reads the ledger's database while a gateway writes to it. An attempt that has ended is in it within a tenth
//! of a second; what a killed gateway left in its journal comes in when the next one starts.

pub(super) mod cells;
mod moment;
pub(super) mod print;

use std::io::{self, Write};

use futures::TryStreamExt as _;
use jiff::Timestamp;

use self::cells::{ROW_COLUMNS, group_cells, group_columns, row_cells};
use self::moment::Moment;
use super::database::Place;
use crate::environment::Environment;
use crate::ledger::store::{Dimension, Filter, Report, Totals};

const AFTER_HELP: &str = "\
Requests are counted once, attempts each. Tokens, cost, price and margin are of attempts whose outcome is known; \
those whose outcome was lost with a killed process stand apart, in suspense, at the most that they can have used.

Examples:
  aigne-hub usage --data data                                        # by tenant, since the beginning
  aigne-hub usage --data data --by day,model --since 7d
  aigne-hub usage --data data --by user --tenant team-acme/acme --since 2026-03-01 --until 2026-04-01 --output csv
  aigne-hub usage --database-url-file /etc/aigne-hub/database-url   # of a cluster's ledger in Postgres
  aigne-hub usage --data data --rows --since 1h --output json        # one JSON object a line";

/// Show what was used, by whom, and what it costs.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// What to tell apart, one or more, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT", default_value = "tenant")]
    pub by: Vec<Dimension>,
    /// Show single attempts instead of sums.
    #[arg(long, conflicts_with = "by")]
    pub rows: bool,
    /// Admitted at this time or later: 2026-03-01 (UTC), 2026-03-01T08:00:00+08:00, or 24h or 7d ago.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Admitted before this time, written as for --since.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
    /// Only this tenant.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub tenant: Option<String>,
    /// How to print it. JSON is a list of sums, or one row a line; amounts are whole nano-dollars in CSV and JSON.
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
}

/// How to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people; amounts in US dollars.
    Table,
    /// For spreadsheets (RFC 4180).
    Csv,
    /// For programs.
    Json,
}

/// Prints what is asked for. A reader that has seen enough (`| head`) is no error.
pub async fn run(
    args: &Args,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let store = args.place.read(environment).await?;
    let filter = Filter {
        since: args.since.map(|moment| moment.before(now)).transpose()?,
        until: args.until.map(|moment| moment.before(now)).transpose()?,
        tenant: args.tenant.clone(),
    };
    let printed = if args.rows {
        print_rows(&store, &filter, args.output, output).await
    } else {
        print_totals(&store, &filter, args, output).await
    };
    printed.or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

async fn print_rows(
    store: &impl Report,
    filter: &Filter,
    format: Output,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut rows = store.rows(filter).map_ok(|row| row_cells(&row));
    match format {
        Output::Table => {
            let rows: Vec<_> = rows.try_collect().await?;
            table(output, &ROW_COLUMNS, &rows)?;
        }
        Output::Csv => {
            print::csv_header(output, &ROW_COLUMNS)?;
            while let Some(row) = rows.try_next().await? {
                print::csv(output, &row)?;
            }
        }
        Output::Json => {
            while let Some(row) = rows.try_next().await? {
                print::json_line(output, &ROW_COLUMNS, &row)?;
            }
        }
    }
    Ok(output.flush()?)
}

async fn print_totals(
    store: &impl Report,
    filter: &Filter,
    args: &Args,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let totals = store.totals(filter, &args.by).await?;
    let columns = group_columns(&args.by);
    let mut rows: Vec<_> = totals.iter().map(|(group, totals)| group_cells(group, totals)).collect();
    match args.output {
        Output::Table => {
            if rows.len() > 1 {
                let mut all = Totals::default();
                for totals in totals.values() {
                    all.add(totals);
                }
                let label = ["total"].into_iter().chain(std::iter::repeat(" ")).map(str::to_owned);
                rows.push(group_cells(&label.take(args.by.len()).collect::<Vec<_>>(), &all));
            }
            table(output, &columns, &rows)?;
        }
        Output::Csv => {
            print::csv_header(output, &columns)?;
            rows.iter().try_for_each(|row| print::csv(output, row))?;
        }
        Output::Json => print::json_list(output, &columns, &rows)?,
    }
    Ok(output.flush()?)
}

fn table(output: &mut dyn Write, columns: &[cells::Column], rows: &[Vec<cells::Cell>]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(output, "No usage.");
    }
    print::table(output, columns, rows)
}

#[cfg(test)]
mod tests;
