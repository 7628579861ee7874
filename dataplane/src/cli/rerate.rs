//! `aigne-hub rerate`: what usage would have cost by another price sheet, and corrections that make it so.

use std::collections::BTreeMap;
use std::io::Write;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::actor::Actor;
use super::database::Place;
use super::usage::Output;
use super::usage::cells::{Cell, Column, column};
use super::usage::print;
use crate::environment::Environment;
use crate::ledger::accounts::{Done, Kind, PRIORITY, Posting, Wish};
use crate::ledger::audit::Audit as _;
use crate::ledger::place::Ledger;
use crate::ledger::rerate::{Group, Left, Rerating, Sum, Target, correction};
use crate::ledger::store::{Filter, Report as _};

/// Charge past usage by another price sheet.
///
/// Nothing is edited: the difference of each account, tenant, day, provider and model is entered as one Correction. The same
/// again enters nothing. Costs stay as they are.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub rerate --since 2026-03-01 --until 2026-04-01 --current --dry-run --data data
  aigne-hub rerate --since 2026-03-01 --until 2026-03-08 --tenant team-acme/acme --revision 0123456789abcdef --data data")]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// The first day (UTC), as 2026-03-01.
    #[arg(long, value_name = "DAY")]
    since: Day,
    /// The day after the last (UTC).
    #[arg(long, value_name = "DAY")]
    until: Day,
    /// Only this tenant.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    tenant: Option<String>,
    /// The sheet to charge by, of the same `ModelPricing`; `usage --rows` shows those that were used.
    #[arg(long, value_name = "REVISION", required_unless_present = "current", conflicts_with = "current")]
    revision: Option<String>,
    /// Charge by the sheets as they are now: of the same `ModelPricing`, of those that were in effect at the time, the one
    /// that was recorded last.
    #[arg(long)]
    current: bool,
    /// Enter nothing; show what would be.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    actor: Actor,
    /// How to print it; amounts are whole nano-dollars in CSV and JSON.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// A day in UTC: corrections are by day, so no part of one is charged anew.
#[derive(Clone, Copy, Debug)]
struct Day(Date);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = text.parse().ok().filter(|_| text.len() == "2026-03-01".len());
        date.map(Self).ok_or_else(|| "must be a day, as 2026-03-01".to_owned())
    }
}

impl Day {
    fn begins(self) -> anyhow::Result<i64> {
        Ok(self.0.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond())
    }
}

/// Shows, and enters, the differences.
pub async fn run(
    args: &Args,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let (since, until) = (args.since.begins()?, args.until.begins()?);
    ensure!(since < until, "--since must be before --until");
    let ledger = args.place.write(environment).await?;
    let target = args.revision.clone().map_or(Target::Current, Target::Revision);
    let mut rerating = Rerating::new(ledger.sheets().await?, target);
    if let (false, Some(revision)) = (rerating.is_known(), &args.revision) {
        bail!("no price sheet of revision {revision} was ever in use here");
    }
    let filter = Filter { since: Some(since), until: Some(until), tenant: args.tenant.clone() };
    let mut rows = ledger.rows(&filter);
    while let Some(row) = rows.try_next().await? {
        if row.source != "Bound" {
            rerating.add(&row);
        }
    }
    drop(rows);
    let mut shown = Vec::new();
    let mut entered = BTreeMap::new();
    for (group, sum) in &rerating.groups {
        let before = match entered.get(&group.account) {
            Some(before) => before,
            None => entered.entry(group.account.clone()).or_insert(ledger.rerated(&group.account).await?),
        };
        if let Some((amount, number)) = correction(group, sum, before) {
            if !args.dry_run {
                enter(&ledger, args, environment, now, (group, sum), (amount, number)).await?;
            }
            shown.push(cells(group, sum, amount));
        }
    }
    print::list(args.output, &COLUMNS, &shown, "Nothing is to be corrected.", output)?;
    if args.output == Output::Table {
        summary(&rerating.left, args.dry_run && !shown.is_empty(), output)?;
    }
    Ok(output.flush()?)
}

async fn enter(
    ledger: &Ledger,
    args: &Args,
    environment: &Environment,
    now: Timestamp,
    (group, sum): (&Group, &Sum),
    (amount, number): (i64, usize),
) -> anyhow::Result<()> {
    let reference = format!("{}{number}", group.prefix());
    let by_sheet = args.revision.as_deref().unwrap_or("current prices");
    let posting = Posting {
        kind: Kind::Correction,
        reference: reference.clone(),
        amount,
        expires_at: None,
        priority: PRIORITY,
        note: Some(format!("{} attempts by {by_sheet}", sum.rows)),
    };
    let by =
        args.actor.by(environment, "rerate", format!("{reference}: {amount} nano-dollars, by {by_sheet}"));
    let done = ledger.fulfil_as(&group.account, &Wish::Post(posting), now.as_millisecond(), &by).await?;
    match done {
        Done::Entered => Ok(()),
        // Somebody else does the same.
        Done::Already(_) => bail!("{reference} was entered meanwhile: run it again"),
        Done::Closed | Done::Expired => {
            Err(anyhow::anyhow!("the account {} is closed", group.account)).context(reference)
        }
    }
}

const COLUMNS: [Column; 9] = [
    column("account", "account"),
    column("tenant", "tenant"),
    column("day", "day"),
    column("provider", "provider"),
    column("model", "model"),
    column("attempts", "attempts"),
    column("charged_nanos", "charged"),
    column("due_nanos", "due"),
    column("correction_nanos", "correction"),
];

fn cells(group: &Group, sum: &Sum, amount: i64) -> Vec<Cell> {
    let Group { account, tenant, day, provider, model } = group;
    let texts = [account, tenant, day, provider, model].map(|text| Cell::Text(text.clone()));
    let numbers = [
        Cell::Count(sum.rows.into()),
        Cell::Nanos(sum.charged),
        Cell::Nanos(sum.due),
        Cell::Nanos(amount.into()),
    ];
    texts.into_iter().chain(numbers).collect()
}

/// What was left as it is, and why.
fn summary(left: &Left, dry: bool, output: &mut dyn Write) -> std::io::Result<()> {
    for (count, why) in [
        (left.other, "had no price, or that of another ModelPricing"),
        (left.free, "failed and cost nothing"),
        (left.unexplained, "were charged what their price sheet does not explain"),
        (left.unpriced, "have no rate in the other sheet"),
    ] {
        if count > 0 {
            writeln!(output, "{count} attempts are left as they are: they {why}.")?;
        }
    }
    if dry { writeln!(output, "Nothing was entered.") } else { Ok(()) }
}
