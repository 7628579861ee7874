//! A tenant's money and caps.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;

use super::finding::Report;
use crate::{
    config::{self, BillingMode},
    v1alpha1::{
        Billing, Budget, Limits,
        conditions::{ACCEPTED, reasons},
    },
};

/// Bundled, so that no file of the machine is read.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Lowest `max_tokens` that a request is cut down to, where a Credits tenant says nothing.
const MINIMUM_MAX_TOKENS: u64 = 256;

pub(super) fn compile(written: Option<&Billing>, report: &mut Report<'_>) -> config::Billing {
    let nothing = Billing::default();
    let written = written.unwrap_or(&nothing);
    let mode = written.mode.unwrap_or_default();
    let mut grants: Vec<config::Grant> = Vec::new();
    for (index, grant) in written.grants.iter().enumerate() {
        if grants.iter().any(|other| other.name == grant.name) {
            let message =
                format!("there is a grant {} already, and a name counts once: choose another", grant.name);
            report.error(
                format!("spec.billing.grants[{index}].name"),
                ACCEPTED,
                reasons::CONFLICTED,
                message,
            );
            continue;
        }
        grants.push(config::Grant {
            name: grant.name.clone(),
            amount: grant.amount.0,
            expires_at: grant.expires_at,
            priority: grant.priority,
        });
    }
    grants.sort_by(|a, b| a.name.cmp(&b.name));
    config::Billing {
        mode,
        starter_credits: written.starter_credits.map(|money| money.0),
        grants,
        overdraft: written.overdraft.map(|money| money.0),
        low_balance: written.low_balance.map(|money| money.0),
        payment_url: written.payment_url.clone(),
        cost_center: written.cost_center.clone(),
        minimum_max_tokens: match mode {
            BillingMode::Credits => Some(written.minimum_max_tokens.unwrap_or(MINIMUM_MAX_TOKENS)),
            BillingMode::Attribution => None,
        },
    }
}

/// Sorted by name. A cap is never dropped: one with an unknown time zone counts in UTC.
pub(super) fn budgets(field: &str, written: &[Budget], report: &mut Report<'_>) -> Vec<config::Budget> {
    let mut budgets: Vec<config::Budget> = Vec::new();
    for (index, budget) in written.iter().enumerate() {
        if budgets.iter().any(|other| other.name == budget.name) {
            let message = format!("there is a budget {} already: give each its own name", budget.name);
            report.error(format!("{field}[{index}].name"), ACCEPTED, reasons::CONFLICTED, message);
            continue;
        }
        let zone = budget.time_zone.as_deref().unwrap_or("UTC");
        let known = ZONES.get(zone).ok().and_then(|zone| zone.iana_name().map(ToOwned::to_owned));
        if known.is_none() {
            let message = format!("{zone} is no IANA time zone, so the budget counts in UTC");
            report.error(format!("{field}[{index}].timeZone"), ACCEPTED, reasons::INVALID, message);
        }
        budgets.push(config::Budget {
            name: budget.name.clone(),
            amount: budget.amount.0,
            period: budget.period,
            time_zone: known.unwrap_or_else(|| "UTC".to_owned()),
            action: budget.action.unwrap_or_default(),
        });
    }
    budgets.sort_by(|a, b| a.name.cmp(&b.name));
    budgets
}

pub(super) fn limits(written: Option<&Limits>) -> config::Limits {
    written.map_or_else(config::Limits::default, |limits| config::Limits {
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
        concurrent_requests: limits.concurrent_requests,
    })
}
