//! A tenant's or a key's caps, as handles to what is known of each.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use aigne_hub_crds::{
    allowance,
    config::{self, BillingMode, Budget, BudgetAction, Limits},
};
use arc_swap::ArcSwapOption;
use rust_decimal::Decimal;

use super::{
    Need,
    lease::{Lease, Taken},
    shared::Shared,
    window::{Cut, Window},
};
use crate::ledger::{
    accounts::nanos,
    leases::{Cap, Class, Name, Place},
};

/// Which of a tenant's or a key's caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Requests per minute.
    Requests,
    /// Tokens per minute.
    Tokens,
    /// Requests under way.
    Concurrent,
    /// A budget.
    Budget {
        /// Its name, unique within the tenant or the key.
        name: Arc<str>,
    },
    /// The account's balance.
    Credits,
}

/// A tenant's or a key's caps. Empty where it has none. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Caps {
    pub(super) limits: Arc<[Arc<Limit>]>,
}

impl Caps {
    /// Whether money is capped, not only counted: what a request can cost must be known then.
    pub fn of_money(&self) -> bool {
        self.limits.iter().any(|limit| limit.is_money() && !limit.alert)
    }
}

/// One cap as configured, and what is known of it.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) state: Arc<State>,
    pub(super) cut: Cut,
    pub(super) which: Which,
    pub(super) of_key: bool,
    /// Only counted, never refused.
    pub(super) alert: bool,
}

/// What is known of an allowance. Keyed by its name: outlives revisions.
#[derive(Debug)]
pub(super) struct State {
    pub(super) name: Name,
    pub(super) class: Class,
    /// The cap is what the account was given, and so much below zero; else it is the cap.
    pub(super) balance: bool,
    cap: AtomicI64,
    /// The lease that is spent from now.
    pub(super) current: ArcSwapOption<Lease>,
    /// Spent after the window had ended in which it was reserved, and not charged to a later one yet.
    pub(super) debt: AtomicI64,
}

/// What is known, by name.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<HashMap<Name, Weak<State>>>);

impl Registry {
    fn state(&self, name: &str, class: Class, balance: bool, cap: i64) -> Arc<State> {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get(name).and_then(Weak::upgrade) {
            state.cap.store(cap, Relaxed);
            return state;
        }
        let name: Name = name.into();
        let state = Arc::new(State {
            name: Arc::clone(&name),
            class,
            balance,
            cap: AtomicI64::new(cap),
            current: ArcSwapOption::empty(),
            debt: AtomicI64::new(0),
        });
        states.insert(name, Arc::downgrade(&state));
        state
    }

    /// Whether everything is forgotten.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Forgets the names that nobody has a handle to.
    pub(super) fn sweep(&self) {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.retain(|_, state| state.strong_count() > 0);
    }
}

impl State {
    pub(super) fn cap(&self) -> Cap {
        let cap = self.cap.load(Relaxed);
        if self.balance { Cap::Balance { overdraft: cap } } else { Cap::Fixed(cap) }
    }

    /// The cap where it is configured; of a balance, its overdraft.
    pub(super) fn fixed(&self) -> i64 {
        self.cap.load(Relaxed)
    }

    /// More was used than was reserved from `lease`. Where its window is over, a later one pays.
    pub(super) fn owe(&self, lease: &Arc<Lease>, debt: i64) {
        let current = self.current.load();
        match current.as_ref() {
            Some(current) if Arc::ptr_eq(current, lease) => {}
            _ if lease.is_void() => {}
            Some(current) => current.settle(0, debt),
            None => {
                self.debt.fetch_add(debt, Relaxed);
            }
        }
    }

    pub(super) fn place(&self, window: Window) -> Place {
        Place { allowance: Arc::clone(&self.name), window: window.start }
    }
}

impl Limit {
    /// The most and the least that a request needs of this; 0 where it needs nothing.
    pub(super) fn needs(&self, need: &Need) -> (i64, i64) {
        match self.which {
            Which::Requests | Which::Concurrent => (1, 1),
            Which::Tokens => (need.tokens, need.tokens),
            Which::Budget { .. } => (need.money, need.money),
            Which::Credits => (need.money, need.least_money.min(need.money)),
        }
    }

    /// Takes from the lease that there is.
    pub(super) fn take(&self, amount: i64, shared: &Shared, now: u64) -> Option<Taken> {
        let current = self.state.current.load();
        let lease = current.as_ref()?;
        if !lease.covers(shared.ledger_time(now)) || !shared.may_spend(now) || !lease.take(amount, now) {
            return None;
        }
        Some(Taken::new(Arc::clone(lease), amount))
    }

    /// Whether what it counts is nano-dollars.
    pub(super) fn is_money(&self) -> bool {
        self.state.class == Class::Money
    }
}

/// The caps of a tenant.
pub(super) fn of_tenant(registry: &Registry, tenant: &config::Tenant) -> Caps {
    let mut limits = Vec::new();
    rates(registry, &tenant.id, false, &tenant.limits, &mut limits);
    if tenant.billing.mode == BillingMode::Credits {
        let name = allowance::account(&tenant.account_id);
        let overdraft = nanos(tenant.billing.overdraft.unwrap_or(Decimal::ZERO));
        limits.push(Arc::new(Limit {
            state: registry.state(&name, Class::Money, true, overdraft),
            cut: Cut::Forever,
            which: Which::Credits,
            of_key: false,
            alert: false,
        }));
    }
    budgets(registry, &tenant.id, None, &tenant.budgets, &mut limits);
    Caps { limits: limits.into() }
}

/// The caps of one of its keys.
pub(super) fn of_key(registry: &Registry, tenant: &config::Tenant, key: &config::Key) -> Caps {
    let owner = format!("{}#{}", tenant.id, key.name);
    let mut limits = Vec::new();
    rates(registry, &owner, true, &key.limits, &mut limits);
    budgets(registry, &tenant.id, Some(&key.name), &key.budgets, &mut limits);
    Caps { limits: limits.into() }
}

fn rates(registry: &Registry, owner: &str, of_key: bool, limits: &Limits, into: &mut Vec<Arc<Limit>>) {
    let rates = [
        ("requests", Which::Requests, Class::Rate, Cut::Minute, limits.requests_per_minute),
        ("tokens", Which::Tokens, Class::Rate, Cut::Minute, limits.tokens_per_minute),
        ("concurrent", Which::Concurrent, Class::Held, Cut::Forever, limits.concurrent_requests),
    ];
    for (kind, which, class, cut, cap) in rates {
        let Some(cap) = cap else { continue };
        let cap = i64::try_from(cap).unwrap_or(i64::MAX);
        let state = registry.state(&format!("{kind}:{owner}"), class, false, cap);
        into.push(Arc::new(Limit { state, cut, which, of_key, alert: false }));
    }
}

fn budgets(
    registry: &Registry,
    tenant: &str,
    key: Option<&str>,
    budgets: &[Budget],
    into: &mut Vec<Arc<Limit>>,
) {
    for budget in budgets {
        let name = allowance::budget(tenant, key, &budget.name);
        into.push(Arc::new(Limit {
            state: registry.state(&name, Class::Money, false, nanos(budget.amount)),
            cut: Cut::of_budget(budget.period, &budget.time_zone),
            which: Which::Budget { name: budget.name.as_str().into() },
            of_key: key.is_some(),
            alert: budget.action == BudgetAction::Alert,
        }));
    }
}
