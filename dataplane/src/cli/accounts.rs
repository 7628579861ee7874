//! `aigne-hub accounts`: who has how much money, and why.

mod enter;
mod show;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use jiff::Timestamp;

pub(in crate::cli) use self::show::time;
use super::database::Place;
use super::usage::Output;
use super::usage::print;
use crate::environment::Environment;
use crate::ledger::accounts::{Accounts as _, Kind, left};
use crate::ledger::audit::Audit as _;

const AFTER_HELP: &str = "\
An account is named by `accountID` of its Tenant, which is NAMESPACE/NAME where it has none. One credit is one US dollar. What is \
entered is never edited: a mistake is put right by another entry.

Examples:
  aigne-hub accounts list --data data
  aigne-hub accounts balance team-acme/acme --data data
  aigne-hub accounts grant team-acme/acme --name spring --amount 20 --expires-at 2027-03-31T00:00:00Z --data data
  aigne-hub accounts topup team-acme/acme --amount 100 --idempotency-key invoice-4711 --database-url-file /etc/aigne-hub/database-url
  aigne-hub accounts refund team-acme/acme --amount 1.25 --idempotency-key ticket-12 --note 'answer was cut off' --data data
  aigne-hub accounts correct team-acme/acme --amount=-3 --idempotency-key ticket-13 --note 'topped up twice' --data data
  aigne-hub accounts statement team-acme/acme --month 2026-03 --output csv --data data
  aigne-hub accounts close team-acme/acme --data data
  aigne-hub accounts audit team-acme/acme --data data";

/// Show and change what tenants' accounts have.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show every account with its balance, what gateways hold of it, and what may have been spent.
    List(List),
    /// Show what an account has, credit by credit.
    Balance(One),
    /// Give credits, once for an account and name; the same as a grant in the Tenant.
    Grant(enter::Grant),
    /// Enter credits that were paid for.
    Topup(enter::Money),
    /// Give back what was charged.
    Refund(enter::Money),
    /// Put a mistake right, with an amount of either sign.
    Correct(enter::Money),
    /// Let lapse what an account has, and give nothing more to it. Usage is still charged.
    Close(enter::Close),
    /// Show what happened in a month (UTC): the balance before, each entry and each day's usage, the balance after.
    Statement(Statement),
    /// Show who has changed what by a command: of one account, or everything.
    Audit(Audited),
}

#[derive(Clone, Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// How to print it; amounts are whole nano-dollars in CSV and JSON.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Which account, and where it is.
#[derive(Clone, Debug, clap::Args)]
struct Named {
    /// Its name.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug, clap::Args)]
struct One {
    #[command(flatten)]
    named: Named,
    /// How to print it; amounts are whole nano-dollars in CSV and JSON.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Debug, clap::Args)]
struct Statement {
    #[command(flatten)]
    one: One,
    /// Which month, as 2026-03 [default: the running one].
    #[arg(long, value_name = "MONTH")]
    month: Option<show::Month>,
}

#[derive(Clone, Debug, clap::Args)]
struct Audited {
    /// Which account [default: all, and what is about none].
    #[arg(value_name = "ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    place: Place,
    /// How many of the last lines.
    #[arg(long, value_name = "COUNT", default_value = "100")]
    last: u32,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// Does it. A reader that has seen enough (`| head`) is no error.
pub async fn run(
    args: &Args,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let done: anyhow::Result<()> = match &args.command {
        Command::List(list) => {
            let accounts = list.place.write(environment).await?.accounts(None).await?;
            Ok(print::list(list.output, &show::ACCOUNTS, &show::accounts(&accounts), "No accounts.", output)?)
        }
        Command::Balance(one) => balance(one, environment, output).await,
        Command::Statement(asked) => statement(asked, environment, now, output).await,
        Command::Grant(grant) => enter::grant(grant, environment, now, output).await,
        Command::Topup(money) => enter::money(Kind::TopUp, money, environment, now, output).await,
        Command::Refund(money) => enter::money(Kind::Refund, money, environment, now, output).await,
        Command::Correct(money) => enter::money(Kind::Correction, money, environment, now, output).await,
        Command::Close(close) => enter::close(close, environment, now, output).await,
        Command::Audit(asked) => {
            let ledger = asked.place.write(environment).await?;
            let lines = show::audit(&ledger.lines(asked.account.as_deref(), asked.last).await?);
            Ok(print::list(asked.output, &show::AUDIT, &lines, "Nothing was changed.", output)?)
        }
    };
    done.or_else(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    })
}

async fn balance(one: &One, environment: &Environment, output: &mut dyn Write) -> anyhow::Result<()> {
    let (name, ledger) = (&one.named.account, one.named.place.write(environment).await?);
    let found = ledger.accounts(Some(name)).await?;
    let account = found.first().with_context(|| format!("there is no account {name}"))?;
    if one.output != Output::Table {
        return Ok(print::list(one.output, &show::ACCOUNTS, &show::accounts(&found), "", output)?);
    }
    print::table(output, &show::ACCOUNTS, &show::accounts(&found))?;
    let credits = show::credits(&left(ledger.credits(name).await?, account.balance));
    if !credits.is_empty() {
        writeln!(output)?;
        print::table(output, &show::CREDITS, &credits)?;
    }
    Ok(output.flush()?)
}

async fn statement(
    asked: &Statement,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let (name, ledger) = (&asked.one.named.account, asked.one.named.place.write(environment).await?);
    ensure!(!ledger.accounts(Some(name)).await?.is_empty(), "there is no account {name}");
    let month = asked.month.unwrap_or_else(|| show::Month::of(now));
    let (since, until) = month.bounds()?;
    let statement = ledger.statement(name, since, until).await?;
    Ok(print::list(asked.one.output, &show::LINES, &show::lines(&statement, since, until), "", output)?)
}
