//! Entering: grants, top-ups, refunds, corrections, and closing.

use std::io::Write;

use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Named;
use crate::cli::actor::Actor;
use crate::environment::Environment;
use crate::ledger::accounts::{self, Accounts as _, Asked, Done, Kind, Mistake, Wish};
use crate::ledger::audit::Audit as _;
use crate::ledger::{dollars, place::Ledger};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Grant {
    #[command(flatten)]
    named: Named,
    /// The grant's name, which counts once for the account, for ever.
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    details: Details,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Money {
    #[command(flatten)]
    named: Named,
    /// Whatever tells this from all others of its kind, such as an invoice's number: the same key again enters nothing.
    #[arg(long, value_name = "KEY")]
    idempotency_key: String,
    #[command(flatten)]
    details: Details,
}

#[derive(Clone, Debug, clap::Args)]
struct Details {
    /// US dollars, to the nano-dollar.
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true, value_parser = accounts::amount)]
    amount: Decimal,
    /// What is left of it lapses then: 2027-03-31T00:00:00Z. Default: never.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
    /// 0 to 100: lower is spent first, then what expires first, then what was given first. Default: 50.
    #[arg(long, value_name = "NUMBER")]
    priority: Option<u8>,
    /// For the statement.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// The account need not exist yet.
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Close {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn grant(
    grant: &Grant,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    enter(&grant.named, (Kind::Grant, &grant.name), &grant.details, environment, now, output).await
}

pub(super) async fn money(
    kind: Kind,
    money: &Money,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    enter(&money.named, (kind, &money.idempotency_key), &money.details, environment, now, output).await
}

async fn enter(
    named: &Named,
    (kind, key): (Kind, &str),
    details: &Details,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let posting = details.asked(kind, key).posting().map_err(|mistake| said(&mistake))?;
    let (account, ledger) = (&named.account, named.place.write(environment).await?);
    let command = match kind {
        Kind::Grant => "accounts grant",
        Kind::TopUp => "accounts topup",
        Kind::Refund => "accounts refund",
        _ => "accounts correct",
    };
    let by = details.actor.by(environment, command, posting.detail());
    let done = accounts::enter(&ledger, account, &posting, details.new, now.as_millisecond(), &by).await?;
    let done = done.with_context(|| {
        format!(
            "there is no account {account}: a mistake? It begins with its first usage or grant; --new begins it here"
        )
    })?;
    let (reference, amount) = (&posting.reference, posting.amount);
    match done {
        Done::Entered => writeln!(output, "Entered {} as {reference}.", dollars(amount.into()))?,
        Done::Already(before) if before == amount => {
            writeln!(output, "{reference} was entered before: nothing has changed.")?;
        }
        Done::Already(before) => bail!(
            "{reference} was entered before, with {} instead of {}: nothing has changed",
            dollars(before.into()),
            dollars(amount.into())
        ),
        Done::Closed => bail!("the account {account} is closed"),
        Done::Expired => return Err(said(&Mistake::Expired)),
    }
    balance(&ledger, account, output).await
}

pub(super) async fn close(
    close: &Close,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let (account, ledger) = (&close.named.account, close.named.place.write(environment).await?);
    ensure!(!ledger.accounts(Some(account)).await?.is_empty(), "there is no account {account}");
    let by = close.actor.by(environment, "accounts close", "what was left has lapsed".to_owned());
    match ledger.fulfil_as(account, &Wish::Close, now.as_millisecond(), &by).await? {
        Done::Closed => writeln!(output, "{account} was closed before.")?,
        _ => writeln!(output, "{account} is closed.")?,
    }
    balance(&ledger, account, output).await
}

async fn balance(ledger: &Ledger, account: &str, output: &mut dyn Write) -> anyhow::Result<()> {
    for found in ledger.accounts(Some(account)).await? {
        writeln!(output, "{account} has {}.", dollars(found.balance.into()))?;
    }
    Ok(output.flush()?)
}

impl Details {
    fn asked(&self, kind: Kind, key: &str) -> Asked {
        let Self { amount, expires_at, priority, .. } = *self;
        Asked { kind, key: key.to_owned(), amount, expires_at, priority, note: self.note.clone() }
    }
}

/// With the option that it is about.
fn said(mistake: &Mistake) -> anyhow::Error {
    anyhow!("--{} {mistake}", mistake.field().replace('_', "-"))
}
