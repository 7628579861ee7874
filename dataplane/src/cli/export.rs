//! `aigne-hub export`: what others have not been told yet.

mod options;

use std::io::Write;

use anyhow::bail;
use clap::Subcommand;
use jiff::Timestamp;

pub(super) use self::options::Sinks;
use super::accounts::time;
use super::actor::Actor;
use super::database::Place;
use super::usage::Output;
use super::usage::cells::{Cell, Column, column};
use super::usage::print;
use crate::environment::Environment;
use crate::ledger::audit::Audit as _;
use crate::ledger::outbox::{Outbox as _, Parked, SinkState};

/// Parked messages that are shown.
const SHOWN: u32 = 100;

/// Show and change what others (Stripe, CloudEvents, a webhook) have not been told yet.
///
/// Gateways tell them: see the options --export-… of `run` and `serve`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "Examples:
  aigne-hub export status --data data
  aigne-hub export status --parked --output json --database-url-file /etc/aigne-hub/database-url
  aigne-hub export retry stripe --data data
  aigne-hub export stop webhook --data data"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show each sink: since when it is told, what waits, what is parked, and why.
    Status(Status),
    /// Send again what is parked, and at once what waits.
    Retry(Named),
    /// Tell a sink nothing any more, and forget what it has not accepted. First take its options from every gateway: one
    /// that has them begins again.
    Stop(Named),
}

#[derive(Clone, Debug, clap::Args)]
struct Status {
    #[command(flatten)]
    place: Place,
    /// Show the first hundred parked messages instead of the sinks.
    #[arg(long)]
    parked: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Debug, clap::Args)]
struct Named {
    /// stripe, cloudevents or webhook.
    #[arg(value_name = "SINK")]
    sink: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    actor: Actor,
}

/// Does it.
pub async fn run(
    args: &Args,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    match &args.command {
        Command::Status(status) => {
            let ledger = status.place.write(environment).await?;
            if status.parked {
                let parked = ledger.parked(SHOWN).await?;
                let rows: Vec<_> = parked.iter().map(parked_cells).collect();
                print::list(status.output, &PARKED, &rows, "Nothing is parked.", output)?;
            } else {
                let sinks = ledger.sinks().await?;
                let rows: Vec<_> = sinks.iter().map(sink_cells).collect();
                print::list(status.output, &SINKS, &rows, "Nobody is told.", output)?;
            }
        }
        Command::Retry(named) => {
            let (sink, ledger) = (&named.sink, named.place.write(environment).await?);
            let count = ledger.retry(sink).await?;
            let by = named.actor.by(environment, "export retry", format!("{sink}: {count} messages"));
            ledger.record(None, now.as_millisecond(), &by).await?;
            writeln!(output, "{count} messages to {sink} are sent again.")?;
        }
        Command::Stop(named) => {
            let (sink, ledger) = (&named.sink, named.place.write(environment).await?);
            let Some(count) = ledger.forget(sink).await? else { bail!("there is no sink {sink}") };
            let by =
                named.actor.by(environment, "export stop", format!("{sink}: {count} messages forgotten"));
            ledger.record(None, now.as_millisecond(), &by).await?;
            writeln!(output, "{sink} is told nothing any more; {count} messages were never accepted.")?;
        }
    }
    Ok(output.flush()?)
}

const SINKS: [Column; 6] = [
    column("sink", "sink"),
    column("since", "since"),
    column("waiting", "waiting"),
    column("oldest", "oldest"),
    column("parked", "parked"),
    column("trouble", "trouble"),
];

fn sink_cells(state: &SinkState) -> Vec<Cell> {
    vec![
        Cell::Text(state.sink.clone()),
        time(state.since),
        Cell::Count(state.waiting.into()),
        state.oldest.map_or(Cell::None, time),
        Cell::Count(state.parked.into()),
        state.trouble.clone().map_or(Cell::None, Cell::Text),
    ]
}

const PARKED: [Column; 4] =
    [column("sink", "sink"), column("id", "id"), column("parked_at", "parked"), column("why", "why")];

fn parked_cells(parked: &Parked) -> Vec<Cell> {
    vec![
        Cell::Text(parked.sink.clone()),
        Cell::Text(parked.id.clone()),
        time(parked.parked_at),
        Cell::Text(parked.why.clone()),
    ]
}
