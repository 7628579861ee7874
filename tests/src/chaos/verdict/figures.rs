//! The figures, as a table.

use std::collections::BTreeMap;
use std::fmt;

use super::super::events::Happened;
use super::caps::{AllCaps, Caps};
use super::joining::Joined;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// It can be repeated.
    pub seed: u64,
    /// Clients' requests that reached a gateway.
    pub requests: usize,
    /// Whole answers.
    pub whole: usize,
    /// Answers that clients left, or that broke off.
    pub left: usize,
    /// Other answers, by status and code.
    pub refused: BTreeMap<String, usize>,
    /// Attempts that the provider has seen.
    pub seen: usize,
    /// Usage rows.
    pub rows: usize,
    /// Usage rows by source.
    pub by_source: BTreeMap<String, usize>,
    /// What was done to them.
    pub happened: Happened,
    /// Connections cut at random bytes, on both networks.
    pub cuts: u64,
    /// Attempts with two rows.
    pub double: usize,
    /// Tokens.
    pub joined: Joined,
    /// Money.
    pub caps: AllCaps,
    /// Nano-dollars charged.
    pub priced: i64,
    /// Nano-dollars in suspense.
    pub suspense: i64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &dyn fmt::Display| writeln!(f, "| {name} | {value} |");
        let happened = self.happened;
        line("seed", &self.seed)?;
        line("requests", &self.requests)?;
        line("answered in full", &self.whole)?;
        line("left or broken off", &self.left)?;
        line("refused", &list(&self.refused))?;
        line("attempts that the provider has seen", &self.seen)?;
        line("usage rows", &self.rows)?;
        line("by source", &list(&self.by_source))?;
        line("gateways killed / terminated", &format!("{} / {}", happened.kills, happened.terms))?;
        line(
            "Postgres stopped / hung / its network slow or cut",
            &format!("{} / {} / {}", happened.ledger_stops, happened.ledger_pauses, happened.ledger_storms),
        )?;
        line("network to the provider slow or cut", &happened.provider_storms)?;
        line("connections cut at random bytes", &self.cuts)?;
        line("tokens by the provider, in rows that say so", &self.joined.rows)?;
        line("difference to its own count", &(self.joined.rows - self.joined.provider).abs())?;
        line("tokens estimated", &self.joined.estimated)?;
        line("its own count of the same", &self.joined.estimated_provider)?;
        line(
            "rows of attempts that never arrived",
            &format!("{}, charged {}", self.joined.unseen, dollars(self.joined.unseen_price)),
        )?;
        line("double charges", &self.double)?;
        line("charged", &dollars(self.priced))?;
        let all = self.priced.saturating_add(self.suspense).max(1);
        let share = self.suspense.saturating_mul(10_000) / all;
        line("in suspense", &format!("{}, {}.{:02} %", dollars(self.suspense), share / 100, share % 100))?;
        line("overrun of money caps", &dollars(self.caps.budgets.overrun + self.caps.credits.overrun))?;
        line("budgets", &caps(&self.caps.budgets))?;
        line("credits", &caps(&self.caps.credits))?;
        line("requests of tenants with rate limits refused", &self.caps.rates)
    }
}

fn caps(caps: &Caps) -> String {
    if caps.tenants == 0 {
        return "no caps in this run".to_owned();
    }
    format!(
        "{} of {} tenants refused, {} requests; the refused had spent {} % (median), the nearest {} %",
        caps.refused, caps.tenants, caps.refusals, caps.median, caps.nearest
    )
}

fn list(counts: &BTreeMap<String, usize>) -> String {
    let parts: Vec<_> = counts.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    parts.join(", ")
}

fn dollars(nanos: i64) -> String {
    format!("${}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}
