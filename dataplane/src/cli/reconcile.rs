//! `aigne-hub reconcile`: whether the ledger adds up, and whether a provider has counted the same.

mod provider;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::Output;
use super::database::Place;
use crate::environment::Environment;
use crate::ledger::accounts::Accounts as _;
use crate::ledger::journaled;

/// Compare entries, usage rows, sums, balances, credits and journals, and name every difference.
///
/// Exits with 1 if there is any. A gateway may go on writing meanwhile: rows that wait in its journal, and attempts that
/// are open there, are named and are no mistake. Reads all that there is: minutes, for many millions of rows.
///
/// With --provider-usage, compare what a provider says that was used with what the ledger has instead, by day (UTC) and
/// model.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:
  aigne-hub reconcile --data data
  aigne-hub reconcile --database-url-file /etc/aigne-hub/database-url --output json
  aigne-hub reconcile --database-url-file /etc/aigne-hub/database-url --journal /var/lib/aigne-hub/journal
  aigne-hub reconcile --provider ai/openai --provider-usage usage.json --data data")]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// A folder `journal` in a gateway's data folder; may be given again. Default: that of --data.
    #[arg(long, value_name = "DIR", conflicts_with = "provider_usage")]
    journal: Vec<PathBuf>,
    #[command(flatten)]
    provider: provider::Theirs,
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
    let ledger = args.place.write(environment).await?;
    let mut differences = ledger.differences().await?;
    let own = args.place.journal(environment).filter(|folder| args.journal.is_empty() && folder.exists());
    for journal in args.journal.iter().chain(&own) {
        differences.extend(journaled::compare(journal, &ledger).await?);
    }
    let pending = differences.iter().filter(|difference| difference.pending).count();
    let wrong = differences.len() - pending;
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
            match wrong {
                0 => writeln!(output, "The ledger adds up.")?,
                count => writeln!(output, "{count} differences; amounts are in nano-dollars.")?,
            }
            if pending > 0 {
                writeln!(output, "Open or waiting in a journal, which is no mistake: {pending}.")?;
            }
        }
    }
    output.flush()?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
