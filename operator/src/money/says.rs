//! From a tenant's figures to its status, and to the Events of what was crossed.

use std::collections::BTreeSet;

use aigne_hub_crds::{
    allowance::Calendar,
    config::{Budget, BudgetAction, Period, Tenant},
    v1alpha1::{
        BudgetSpend, TenantStatus,
        conditions::{BUDGET_EXCEEDED, CREDIT_EXHAUSTED, reasons},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    budgets, dollars,
    figures::{Credit, Figures, Scope, Verdict},
    nanos, parsed,
};
use crate::{
    plan::Note,
    report::{Known, condition},
};

/// Puts into a status what is known of a tenant's money.
pub(crate) fn write(status: &mut TenantStatus, tenant: &Tenant, figures: &Figures, known: &Known<'_>) {
    status.balance = figures.balance(tenant).map(dollars);
    let mut sentences = Vec::new();
    let mut is_known = false;
    for (key, budget) in budgets(tenant) {
        let Some((used, window)) = figures.of_budget(key, budget) else { continue };
        is_known = true;
        let cap = nanos(budget.amount);
        let spend = BudgetSpend {
            budget: budget.name.clone(),
            amount: dollars(used),
            of: Some(dollars(cap)),
            since: Timestamp::from_millisecond(window.start).ok(),
        };
        match key {
            None => status.spend.push(spend),
            Some(name) => {
                if let Some(key) = status.keys.iter_mut().find(|key| key.name == *name) {
                    key.spend.push(spend);
                }
            }
        }
        if used >= cap {
            sentences.push(sentence(key, budget, Timestamp::from_millisecond(window.end).ok()));
        }
    }
    if is_known {
        status.conditions.push(budget_exceeded(known, &sentences));
    }
    let Verdict { credit, .. } = figures.verdict(tenant);
    status.conditions.extend(credit.map(|credit| credit_exhausted(known, tenant, credit)));
}

fn budget_exceeded(known: &Known<'_>, sentences: &[String]) -> Condition {
    if sentences.is_empty() {
        let says = "no budget is spent".to_owned();
        condition(known, BUDGET_EXCEEDED, false, reasons::WITHIN_BUDGET, says)
    } else {
        condition(known, BUDGET_EXCEEDED, true, reasons::BUDGET_EXCEEDED, sentences.join("; "))
    }
}

fn sentence(key: Option<&str>, budget: &Budget, end: Option<Timestamp>) -> String {
    let of = key.map(|key| format!(" of the key {key}")).unwrap_or_default();
    let a = match budget.period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
    };
    let then = match budget.action {
        BudgetAction::Block => "requests are refused until it begins anew",
        BudgetAction::Alert => "requests go on; it begins anew",
    };
    let end = end.map(|end| format!(" at {}", Calendar::of(budget).says(end))).unwrap_or_default();
    format!("the budget {}{of}, {} a {a}, is spent: {then}{end}", budget.name, dollars(nanos(budget.amount)))
}

fn credit_exhausted(known: &Known<'_>, tenant: &Tenant, credit: Credit) -> Condition {
    let billing = &tenant.billing;
    let amount = |amount: Option<_>| dollars(nanos(amount.unwrap_or_default()));
    let (holds, reason, says) = match credit {
        Credit::Exhausted if billing.overdraft.is_some_and(|overdraft| nanos(overdraft) > 0) => {
            let says =
                format!("the balance is used up, and so is the overdraft of {}", amount(billing.overdraft));
            (true, reasons::CREDIT_EXHAUSTED, says)
        }
        Credit::Exhausted => (true, reasons::CREDIT_EXHAUSTED, "the balance is used up".to_owned()),
        Credit::Low => {
            let says = format!(
                "the balance is no more than spec.billing.lowBalance, {}",
                amount(billing.low_balance)
            );
            (false, reasons::LOW_BALANCE, says)
        }
        Credit::Available => (false, reasons::CREDIT_AVAILABLE, "there is a balance".to_owned()),
    };
    condition(known, CREDIT_EXHAUSTED, holds, reason, says)
}

/// What was crossed between two statuses: once, whoever wrote the first.
pub(crate) fn notes(former: &TenantStatus, now: &TenantStatus) -> Vec<Note> {
    let mut notes: Vec<_> = of_credit(former, now).into_iter().collect();
    let Some(condition) = find(now, BUDGET_EXCEEDED) else { return notes };
    let (before, after) = (exceeded(former), exceeded(now));
    if after.difference(&before).next().is_some() {
        notes.push(note(true, reasons::BUDGET_EXCEEDED, condition.message.clone()));
    }
    let over: Vec<_> = before
        .difference(&after)
        .map(|(key, budget)| match key {
            None => budget.clone(),
            Some(key) => format!("{budget} of the key {key}"),
        })
        .collect();
    if !over.is_empty() {
        let says = format!("not spent any more: the budget {}", over.join(", the budget "));
        notes.push(note(false, reasons::WITHIN_BUDGET, says));
    }
    notes
}

fn of_credit(former: &TenantStatus, now: &TenantStatus) -> Option<Note> {
    let reason = |status| find(status, CREDIT_EXHAUSTED).map(|condition| condition.reason.as_str());
    let condition = find(now, CREDIT_EXHAUSTED)?;
    let says = condition.message.clone();
    let graver = |one: &str| match one {
        reasons::CREDIT_EXHAUSTED => 2,
        reasons::LOW_BALANCE => 1,
        _ => 0,
    };
    // Of one that is new, that all is well is no news.
    let (before, after) = (reason(former).map_or(0, graver), graver(&condition.reason));
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => Some(note(true, &condition.reason, says)),
        std::cmp::Ordering::Less => Some(note(false, reasons::CREDIT_AVAILABLE, says)),
        std::cmp::Ordering::Equal => None,
    }
}

fn note(warning: bool, reason: &str, message: String) -> Note {
    Note { warning, reason: reason.to_owned(), message }
}

fn find<'a>(status: &'a TenantStatus, r#type: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == r#type)
}

/// The budgets that a status shows as spent.
fn exceeded(status: &TenantStatus) -> BTreeSet<Scope> {
    let own = status.spend.iter().map(|spend| (None, spend));
    let of_keys =
        status.keys.iter().flat_map(|key| key.spend.iter().map(|spend| (Some(key.name.clone()), spend)));
    let is_spent = |spend: &BudgetSpend| {
        parsed(&spend.amount)
            .zip(spend.of.as_deref().and_then(parsed))
            .is_some_and(|(spent, cap)| spent >= cap)
    };
    own.chain(of_keys)
        .filter(|(_, spend)| is_spent(spend))
        .map(|(key, spend)| (key, spend.budget.clone()))
        .collect()
}
