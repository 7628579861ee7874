//! `Tenant` → [`config::Tenant`].

use super::{
    ObjectKey, Refusals, Resources, TenantPart, access, billing, catalog::Catalog, claims::account_id,
    finding::Report, keys, unenforced,
};
use crate::{
    config::{self, BillingMode, BudgetAction, ClientGone, LedgerUnavailable},
    v1alpha1::{
        Budget, Policy, TenantSpec, TenantStatus,
        conditions::{ACCEPTED, reasons},
    },
};

/// What a tenant is compiled against.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) resources: &'a Resources,
    pub(super) catalog: &'a Catalog,
    pub(super) refusals: &'a Refusals,
}

pub(super) fn compile(
    key: &ObjectKey,
    spec: &TenantSpec,
    status: Option<&TenantStatus>,
    around: &Around<'_>,
) -> TenantPart {
    let mut findings = Vec::new();
    let report = &mut Report::new("Tenant", key, &mut findings);
    let account_id = account_id(key, spec.account_id.as_deref());
    if let Some(holder) = &around.refusals.account {
        let message =
            format!("{holder} has the account {account_id} already: give this Tenant another accountID");
        report.error("spec.accountID", ACCEPTED, reasons::CONFLICTED, message);
        return TenantPart { tenant: None, findings };
    }
    unenforced::tenant(spec, report);
    let models = access::compile(spec.models.as_ref(), around.catalog, report);
    let mode = spec.billing.as_ref().and_then(|billing| billing.mode).unwrap_or_default();
    if mode == BillingMode::Credits {
        access::every_model_can_be_paid(&models, around.catalog, report);
    }
    let blocks = |budgets: &[Budget]| {
        budgets.iter().any(|budget| budget.action.unwrap_or_default() == BudgetAction::Block)
    };
    if mode == BillingMode::Credits
        || blocks(&spec.budgets)
        || spec.keys.iter().any(|key| blocks(&key.budgets))
    {
        access::every_model_is_bounded(&models, around.catalog, report);
    }
    let tenant = config::Tenant {
        id: key.to_string(),
        account_id,
        display_name: spec.display_name.clone().unwrap_or_else(|| key.name.clone()),
        suspended: spec.suspended,
        models,
        keys: keys::compile(key, spec, status, around, report),
        workload_identities: keys::identities(key, spec, around, report),
        billing: billing::compile(spec.billing.as_ref(), report),
        budgets: billing::budgets("spec.budgets", &spec.budgets, report),
        limits: billing::limits(spec.limits.as_ref()),
        policy: policy(mode, spec.policy.as_ref()),
        brand: spec.brand.as_ref().map_or_else(config::Brand::default, |brand| config::Brand {
            name: brand.name.clone(),
            credit_prefix: brand.credit_prefix.clone(),
        }),
    };
    TenantPart { tenant: Some(tenant), findings }
}

/// Where money was prepaid, nothing may be missed; elsewhere work goes on.
fn policy(mode: BillingMode, written: Option<&Policy>) -> config::Policy {
    let (client_gone, ledger_unavailable) = match mode {
        BillingMode::Credits => (ClientGone::Finish, LedgerUnavailable::Refuse),
        BillingMode::Attribution => (ClientGone::Cancel, LedgerUnavailable::Allow),
    };
    config::Policy {
        client_gone: written.and_then(|policy| policy.client_gone).unwrap_or(client_gone),
        ledger_unavailable: written
            .and_then(|policy| policy.ledger_unavailable)
            .unwrap_or(ledger_unavailable),
    }
}

/// A few of many names, for a message.
pub(super) fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}
