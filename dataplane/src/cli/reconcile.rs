//! `aigne-hub reconcile`: whether the ledger adds up, and whether a provider has counted the same.

mod provider;

use std::io::Write;
use std::process::ExitCode;

use super::Output;
use super::database::Place;
use crate::environment::Environment;
use crate::ledger::accounts::Accounts as _;

/// Compare entries, usage rows, hourly sums, balances and credits, and name every difference.
///
/// Exits with 1 if there is any. A gateway may go on writing meanwhile. Reads all that there is: minutes, for many
/// millions of rows.
///
/// With --provider-usage, compare what a provider says that was used with what the ledger has instead, by day (UTC) and
/// model.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub reconcile --data data
  aigne-hub reconcile --database-url-file /etc/aigne-hub/database-url --output json
  aigne-hub reconcile --provider ai/openai --provider-usage usage.json --data data")]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    provider: provider::Export,
    /// How to print it; amounts are whole nano-dollars in JSON.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Prints the differences.
pub async fn run(args: &Args, environment: &Environment, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if args.provider.is_given() {
        let ledger = args.place.read(environment).await?;
        return provider::run(&args.provider, &ledger, args.output, output).await;
    }
    let differences = args.place.write(environment).await?.differences().await?;
    match args.output {
        Output::Json => {
            serde_json::to_writer(&mut *output, &differences)?;
            writeln!(output)?;
        }
        Output::Text => {
            let shown = |nanos: Option<i64>| nanos.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
            for difference in &differences {
                writeln!(
                    output,
                    "{}: {}: {} expected, {} found",
                    difference.check,
                    difference.what,
                    shown(difference.expected),
                    shown(difference.found)
                )?;
            }
            match differences.len() {
                0 => writeln!(output, "The ledger adds up.")?,
                count => writeln!(output, "{count} differences, in nano-dollars.")?,
            }
        }
    }
    output.flush()?;
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
