//! What a tenant has and has spent, and what its status says of it. Pure: the ledger is asked by [`ledger`](crate::ledger).
//!
//! ```text
//!   World ──Question──► ledger ──Reading──► figures: one tenant's ──► purses: shown now, or later ──► says: status, Events
//! ```

pub(crate) mod figures;
pub(crate) mod purses;
pub(crate) mod says;

use std::collections::BTreeMap;

use aigne_hub_crds::{
    allowance::{self, Calendar},
    config::{BillingMode, Budget, Decimal, Tenant},
};
use jiff::Timestamp;

const NANOS: i64 = 1_000_000_000;

/// What is to be read of the ledger, all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// When it was asked: budgets are asked for in the window that has this time.
    pub at: Timestamp,
    /// Accounts, for their balance.
    pub accounts: Vec<String>,
    /// Allowances and their windows (Unix milliseconds), for what was spent.
    pub budgets: Vec<(String, i64)>,
}

impl Question {
    /// There is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.budgets.is_empty()
    }

    /// What one tenant needs to know.
    pub(crate) fn add(&mut self, tenant: &Tenant) {
        if tenant.billing.mode == BillingMode::Credits {
            self.accounts.push(tenant.account_id.clone());
        }
        for (key, budget) in budgets(tenant) {
            let at = Calendar::of(budget).window(self.at.as_millisecond());
            if let Some(window) = at {
                self.budgets.push((allowance::budget(&tenant.id, key, &budget.name), window.start));
            }
        }
    }

    /// Puts the question and what was found together: what was asked for and not found is answered too.
    pub fn answered(
        self,
        balances: impl IntoIterator<Item = (String, i64)>,
        spent: impl IntoIterator<Item = ((String, i64), i64)>,
    ) -> Reading {
        let mut reading = Reading {
            at: self.at,
            balances: self.accounts.into_iter().map(|account| (account, None)).collect(),
            spent: self.budgets.into_iter().map(|budget| (budget, 0)).collect(),
        };
        reading.balances.extend(balances.into_iter().map(|(account, balance)| (account, Some(balance))));
        reading.spent.extend(spent);
        reading
    }
}

/// What the ledger says. Amounts are nano-dollars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// When it was asked.
    pub at: Timestamp,
    /// By account; `None` where there is no such account yet. An account that was not asked for is not here.
    pub balances: BTreeMap<String, Option<i64>>,
    /// By allowance and window. What was not asked for is not here.
    pub spent: BTreeMap<(String, i64), i64>,
}

/// A tenant's budgets, and those of its keys with the key's name.
pub(crate) fn budgets(tenant: &Tenant) -> impl Iterator<Item = (Option<&str>, &Budget)> {
    let own = tenant.budgets.iter().map(|budget| (None, budget));
    let of_keys = tenant
        .keys
        .iter()
        .flat_map(|key| key.budgets.iter().map(move |budget| (Some(key.name.as_str()), budget)));
    own.chain(of_keys)
}

/// Nano-dollars; as many as can be held.
pub(crate) fn nanos(dollars: Decimal) -> i64 {
    let nanos = dollars.checked_mul(Decimal::from(NANOS)).and_then(|nanos| i64::try_from(nanos).ok());
    nanos.unwrap_or(if dollars.is_sign_negative() { i64::MIN } else { i64::MAX })
}

/// Dollars, exact, with at least two digits after the point.
pub(crate) fn dollars(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let fraction = format!("{:09}", nanos % NANOS.unsigned_abs());
    let digits = fraction.trim_end_matches('0').len().max(2);
    format!("{sign}{}.{}", nanos / NANOS.unsigned_abs(), &fraction[..digits])
}

/// What [`dollars`] wrote.
pub(crate) fn parsed(text: &str) -> Option<i64> {
    Decimal::from_str_exact(text).ok().map(nanos)
}
#[cfg(test)]
mod tests;
