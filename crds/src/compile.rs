//! From what people wrote to what a gateway loads. Pure, total, deterministic.
//!
//! ```text
//!   providers, pricings, Secrets' facts ──► compile_shared ──┐
//!                                                            ├─► compose ──► Config + findings
//!   all tenants ──► settle_claims ──► compile_tenant, each ──┘
//! ```
//!
//! What cannot be used becomes a [`Finding`] and is left out; everything else serves. The same inputs in any order
//! give the same bytes. A change to one tenant needs its [`Claims`] and that tenant's [`compile_tenant`] again, and those
//! of tenants whose [`Refusals`] changed: nothing else.

mod access;
mod billing;
mod catalog;
mod claims;
mod credentials;
mod defaults;
mod finding;
mod keys;
mod models;
mod prices;
mod providers;
mod resources;
pub mod served;
mod tenants;
#[cfg(test)]
mod tests;
pub mod unenforced;

use std::{collections::BTreeMap, sync::Arc};

use crate::config::{self, Config};

pub use self::{
    claims::{Asked, Claims, Holder, Refusals, settle_claims},
    finding::{Finding, Severity},
    resources::{ObjectKey, Resources, SecretFacts, ValueFacts},
};

/// Everything that could be used, and everything that a person should hear of.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What a gateway loads.
    pub config: Config,
    /// Sorted by object, then field.
    pub findings: Vec<Finding>,
}

/// Providers and prices: the part that all tenants share.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedPart {
    /// What a gateway loads.
    pub shared: config::Shared,
    /// Of providers and pricings.
    pub findings: Vec<Finding>,
    catalog: catalog::Catalog,
}

impl SharedPart {
    /// Whether tenants compile to the same against the other.
    pub fn is_same_to_tenants(&self, other: &Self) -> bool {
        self.catalog == other.catalog
    }
}

/// One tenant's part.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantPart {
    /// Absent when the tenant as a whole cannot be used.
    pub tenant: Option<config::Tenant>,
    /// Of this Tenant.
    pub findings: Vec<Finding>,
}

/// From resources to configuration. Never fails: what cannot be used becomes a [`Finding`] and is left out.
pub fn compile(resources: &Resources) -> Compiled {
    let shared = compile_shared(resources);
    let refusals = settle_claims(resources);
    let parts = resources
        .tenants
        .keys()
        .map(|key| (key.clone(), compile_tenant(resources, key, &shared, refusals.get(key))))
        .collect();
    compose(shared, parts)
}

/// Providers and prices. Reads no tenant.
pub fn compile_shared(resources: &Resources) -> SharedPart {
    let mut findings = Vec::new();
    let providers = providers::compile(resources, &mut findings);
    let prices = prices::compile(resources, &mut findings);
    let shared = config::Shared { providers, prices };
    let catalog = catalog::Catalog::of(&shared);
    SharedPart { shared, findings, catalog }
}

/// One tenant. Reads no other tenant: what others hold comes as `refusals`.
pub fn compile_tenant(
    resources: &Resources,
    key: &ObjectKey,
    shared: &SharedPart,
    refusals: Option<&Refusals>,
) -> TenantPart {
    let none = Refusals::default();
    match resources.tenants.get(key) {
        Some(tenant) => tenants::compile(
            key,
            &tenant.spec,
            tenant.status.as_ref(),
            &tenants::Around { resources, catalog: &shared.catalog, refusals: refusals.unwrap_or(&none) },
        ),
        None => TenantPart { tenant: None, findings: Vec::new() },
    }
}

/// Puts the parts together.
pub fn compose(shared: SharedPart, parts: BTreeMap<ObjectKey, TenantPart>) -> Compiled {
    let mut findings = shared.findings;
    let mut tenants = BTreeMap::new();
    for (key, part) in parts {
        findings.extend(part.findings);
        tenants.extend(part.tenant.map(|tenant| (key.to_string(), Arc::new(tenant))));
    }
    findings.sort();
    findings.dedup();
    Compiled { config: Config { format: config::FORMAT, shared: shared.shared, tenants }, findings }
}
