//! One tenant's figures, and what they mean.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    allowance::{self, Calendar, Window},
    config::{BillingMode, Budget, Decimal, Tenant},
    v1alpha1::{BudgetSpend, TenantStatus},
};
use jiff::Timestamp;

use super::{Reading, budgets, nanos, parsed};

/// A key's name, where it is a key's, and a budget's.
pub(crate) type Scope = (Option<String>, String);

/// What a tenant has and has spent, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Nano-dollars.
    pub(crate) balance: Option<i64>,
    pub(crate) spent: BTreeMap<Scope, Spent>,
}

/// What was spent of a budget in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// When the window began, in Unix milliseconds.
    pub(crate) since: i64,
    pub(crate) nanos: i64,
}

/// How a balance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    Available,
    /// No more than `lowBalance`.
    Low,
    /// Nothing, also of the overdraft.
    Exhausted,
}

/// What a person must hear of at once where it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) credit: Option<Credit>,
    pub(crate) exceeded: BTreeSet<Scope>,
}

fn scope(key: Option<&str>, budget: &Budget) -> Scope {
    (key.map(str::to_owned), budget.name.clone())
}

impl Figures {
    /// What is read of a tenant; what was not asked for is as it was.
    pub(crate) fn read(tenant: &Tenant, reading: &Reading, former: &Self) -> Self {
        let balance = match reading.balances.get(&tenant.account_id) {
            _ if tenant.billing.mode != BillingMode::Credits => None,
            Some(Some(balance)) => Some(*balance),
            // Gateways are about to enter what it is given; else nobody gave it anything.
            Some(None) => (!is_promised_credit(tenant, reading.at)).then_some(0),
            None => former.balance,
        };
        let spent = budgets(tenant).filter_map(|(key, budget)| {
            let scope = scope(key, budget);
            let since = Calendar::of(budget).window(reading.at.as_millisecond())?.start;
            let place = (allowance::budget(&tenant.id, key, &budget.name), since);
            let spent = match reading.spent.get(&place) {
                Some(nanos) => Spent { since, nanos: *nanos },
                None => *former.spent.get(&scope)?,
            };
            Some((scope, spent))
        });
        Self { balance, spent: spent.collect() }
    }

    /// What a status says.
    pub(crate) fn of_status(status: &TenantStatus) -> Self {
        let own = status.spend.iter().map(|spend| (None, spend));
        let of_keys =
            status.keys.iter().flat_map(|key| key.spend.iter().map(|spend| (Some(key.name.clone()), spend)));
        let spent = own.chain(of_keys).filter_map(|(key, spend): (_, &BudgetSpend)| {
            let spent = Spent { since: spend.since?.as_millisecond(), nanos: parsed(&spend.amount)? };
            Some(((key, spend.budget.clone()), spent))
        });
        Self { balance: status.balance.as_deref().and_then(parsed), spent: spent.collect() }
    }

    /// What was spent of a budget, and in which window; `None` where that is not known.
    pub(crate) fn of_budget(&self, key: Option<&str>, budget: &Budget) -> Option<(i64, Window)> {
        let spent = self.spent.get(&scope(key, budget))?;
        let window = Calendar::of(budget).window(spent.since)?;
        // Else its period or zone was another one.
        (window.start == spent.since).then_some((spent.nanos, window))
    }

    /// The balance, where it matters.
    pub(crate) fn balance(&self, tenant: &Tenant) -> Option<i64> {
        self.balance.filter(|_| tenant.billing.mode == BillingMode::Credits)
    }

    pub(crate) fn verdict(&self, tenant: &Tenant) -> Verdict {
        let billing = &tenant.billing;
        let credit = self.balance(tenant).map(|balance| {
            let overdraft = nanos(billing.overdraft.unwrap_or_default());
            if balance.saturating_add(overdraft) <= 0 {
                Credit::Exhausted
            } else if billing.low_balance.is_some_and(|low| balance <= nanos(low)) {
                Credit::Low
            } else {
                Credit::Available
            }
        });
        let exceeded = budgets(tenant).filter(|(key, budget)| {
            self.of_budget(*key, budget).is_some_and(|(spent, _)| spent >= nanos(budget.amount))
        });
        Verdict { credit, exceeded: exceeded.map(|(key, budget)| scope(key, budget)).collect() }
    }
}

fn is_promised_credit(tenant: &Tenant, at: Timestamp) -> bool {
    let billing = &tenant.billing;
    let alive = |end: Option<Timestamp>| end.is_none_or(|end| end > at);
    billing.starter_credits.is_some_and(|amount| amount > Decimal::ZERO)
        || billing.grants.iter().any(|grant| grant.amount > Decimal::ZERO && alive(grant.expires_at))
}
