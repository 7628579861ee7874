//! Entering: grants, top-ups, refunds, corrections, and closing.

use std::io::Write;

use anyhow::{bail, ensure};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Named;
use crate::cli::actor::Actor;
use crate::environment::Environment;
use crate::ledger::accounts::{self, Accounts, Done, Kind, Posting, Wish};
use crate::ledger::audit::Audit as _;
use crate::ledger::{dollars, place::Ledger};

/// A kind, and what its references begin with.
pub(super) type What = (Kind, &'static str);

pub(super) const TOP_UP: What = (Kind::TopUp, "topup");
pub(super) const REFUND: What = (Kind::Refund, "refund");
pub(super) const CORRECTION: What = (Kind::Correction, "correction");

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
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    amount: Decimal,
    /// What is left of it lapses then: 2027-03-31T00:00:00Z. Default: never.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
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
    let reference = accounts::reference(&grant.name);
    enter(&grant.named, (Kind::Grant, reference), &grant.details, environment, now, output).await
}

pub(super) async fn money(
    (kind, prefix): What,
    money: &Money,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let reference = format!("{prefix}/{}", money.idempotency_key);
    enter(&money.named, (kind, reference), &money.details, environment, now, output).await
}

async fn enter(
    named: &Named,
    (kind, reference): (Kind, String),
    details: &Details,
    environment: &Environment,
    now: Timestamp,
    output: &mut dyn Write,
) -> anyhow::Result<()> {
    let amount = details.nanos(kind)?;
    let (account, ledger) = (&named.account, named.place.write(environment).await?);
    ensure!(
        details.new || !ledger.accounts(Some(account)).await?.is_empty(),
        "there is no account {account}: a mistake? It begins with its first usage or grant; --new begins it here"
    );
    let posting = Posting {
        kind,
        reference: reference.clone(),
        amount,
        expires_at: details.expires_at.map(Timestamp::as_millisecond),
        note: details.note.clone(),
    };
    let command = match kind {
        Kind::Grant => "accounts grant",
        Kind::TopUp => "accounts topup",
        Kind::Refund => "accounts refund",
        _ => "accounts correct",
    };
    let note = details.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    let detail = format!("{} as {reference}{note}", dollars(amount.into()));
    let by = details.actor.by(environment, command, detail);
    match ledger.fulfil_as(account, &Wish::Post(posting), now.as_millisecond(), &by).await? {
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
        Done::Expired => bail!("--expires-at is in the past: nothing has changed"),
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
    /// Exact, or refused.
    fn nanos(&self, kind: Kind) -> anyhow::Result<i64> {
        let nanos = accounts::nanos(self.amount);
        ensure!(
            Decimal::new(nanos, 9) == self.amount,
            "--amount {} is more than can be kept, or finer than a nano-dollar",
            self.amount
        );
        ensure!(nanos != 0, "--amount is nothing");
        ensure!(
            nanos > 0 || kind == Kind::Correction,
            "--amount must be more than nothing; `accounts correct` takes something away"
        );
        ensure!(nanos > 0 || self.expires_at.is_none(), "what is taken away does not expire");
        Ok(nanos)
    }
}
