//! Accounts, credits and statements as columns of cells, and months.

use std::str::FromStr;

use anyhow::Context as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::cli::usage::cells::{Cell, Column, column};
use crate::ledger::accounts::{Account, Credit, Statement};
use crate::ledger::audit;

pub(super) const ACCOUNTS: [Column; 6] = [
    column("account", "account"),
    column("balance_nanos", "balance"),
    column("leased_nanos", "leased"),
    column("frozen_nanos", "frozen"),
    column("suspense_nanos", "suspense"),
    column("closed_at", "closed"),
];

pub(super) fn accounts(accounts: &[Account]) -> Vec<Vec<Cell>> {
    let cells = |account: &Account| {
        vec![
            Cell::Text(account.account.clone()),
            Cell::Nanos(account.balance.into()),
            Cell::Nanos(account.leased.into()),
            Cell::Nanos(account.frozen.into()),
            Cell::Nanos(account.suspense.into()),
            account.closed_at.map_or(Cell::None, time),
        ]
    };
    accounts.iter().map(cells).collect()
}

pub(super) const CREDITS: [Column; 6] = [
    column("reference", "credit"),
    column("amount_nanos", "given"),
    column("remaining_nanos", "left"),
    column("given_at", "at"),
    column("expires_at", "expires"),
    column("priority", "priority"),
];

pub(super) fn credits(credits: &[Credit]) -> Vec<Vec<Cell>> {
    let cells = |credit: &Credit| {
        vec![
            Cell::Text(credit.reference.clone()),
            Cell::Nanos(credit.amount.into()),
            Cell::Nanos(credit.remaining.into()),
            time(credit.given_at),
            credit.expires_at.map_or(Cell::None, time),
            Cell::Count(credit.priority.into()),
        ]
    };
    credits.iter().map(cells).collect()
}

pub(super) const LINES: [Column; 6] = [
    column("at", "at"),
    column("kind", "kind"),
    column("reference", "reference"),
    column("entries", "entries"),
    column("amount_nanos", "amount"),
    column("note", "note"),
];

/// The balance before, each line, the balance after.
pub(super) fn lines(statement: &Statement, since: i64, until: i64) -> Vec<Vec<Cell>> {
    let optional = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::Text);
    let edge = |at, kind: &str, amount| {
        vec![time(at), Cell::Text(kind.to_owned()), Cell::None, Cell::None, Cell::Nanos(amount), Cell::None]
    };
    let lines = statement.lines.iter().map(|line| {
        vec![
            time(line.at),
            Cell::Text(line.kind.clone()),
            optional(&line.reference),
            Cell::Count(line.entries.into()),
            Cell::Nanos(line.amount.into()),
            optional(&line.note),
        ]
    });
    let opening = edge(since, "Opening", statement.opening.into());
    std::iter::once(opening).chain(lines).chain([edge(until, "Closing", statement.closing())]).collect()
}

pub(super) const AUDIT: [Column; 5] = [
    column("at", "at"),
    column("actor", "actor"),
    column("command", "command"),
    column("account", "account"),
    column("detail", "detail"),
];

pub(super) fn audit(lines: &[audit::Line]) -> Vec<Vec<Cell>> {
    let cells = |line: &audit::Line| {
        vec![
            time(line.at),
            Cell::Text(line.actor.clone()),
            Cell::Text(line.command.clone()),
            line.account.clone().map_or(Cell::None, Cell::Text),
            Cell::Text(line.detail.clone()),
        ]
    };
    lines.iter().map(cells).collect()
}

pub(in crate::cli) fn time(milliseconds: i64) -> Cell {
    Timestamp::from_millisecond(milliseconds).map_or(Cell::None, |time| Cell::Text(time.to_string()))
}

/// A calendar month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month(Date);

impl Month {
    /// The month of a time.
    pub(super) fn of(time: Timestamp) -> Self {
        Self(time.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// Its first Unix millisecond, and the next month's.
    pub(super) fn bounds(self) -> anyhow::Result<(i64, i64)> {
        let next = self.0.checked_add(1.month()).context("the month is too late")?;
        let begin = |date: Date| anyhow::Ok(date.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond());
        Ok((begin(self.0)?, begin(next)?))
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = format!("{text}-01").parse().ok().filter(|_| text.len() == "2026-03".len());
        first.map(Self).ok_or_else(|| "must be a month, as 2026-03".to_owned())
    }
}
