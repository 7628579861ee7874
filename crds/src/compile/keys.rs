//! A tenant's keys and workload identities: who is let in as this tenant.

use std::collections::BTreeSet;

use super::{ObjectKey, access, billing, finding::Report, tenants::Around};
use crate::{
    config::{self, KeyHash},
    v1alpha1::{
        Key, TENANT_KEY_DATA_KEY, TENANT_KEY_MIN_BYTES, TenantSpec, TenantStatus,
        conditions::{ACCEPTED, RESOLVED_REFS, reasons},
    },
};

/// Sorted by name; only those that let somebody in.
pub(super) fn compile(
    tenant: &ObjectKey,
    spec: &TenantSpec,
    status: Option<&TenantStatus>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Vec<config::Key> {
    let mut names = BTreeSet::new();
    let mut keys = Vec::new();
    for (index, key) in spec.keys.iter().enumerate() {
        let field = format!("spec.keys[{index}]");
        if !names.insert(&key.name) {
            let message = format!("there is a key {} already: give each its own name", key.name);
            report.error(format!("{field}.name"), ACCEPTED, reasons::CONFLICTED, message);
            continue;
        }
        let mut hashes: Vec<KeyHash> = present(tenant, key, around, &field, report).into_iter().collect();
        hashes.extend(rotated(key, status, around));
        let models = key
            .models
            .as_ref()
            .map(|models| access::compile_key(&format!("{field}.models"), models, around.catalog, report));
        let budgets = billing::budgets(&format!("{field}.budgets"), &key.budgets, report);
        if !hashes.is_empty() {
            keys.push(config::Key {
                name: key.name.clone(),
                hashes,
                expires_at: key.expires_at,
                disabled: key.disabled,
                models,
                limits: billing::limits(key.limits.as_ref()),
                budgets,
            });
        }
    }
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
}

/// The key that is in the Secret now.
fn present(
    tenant: &ObjectKey,
    key: &Key,
    around: &Around<'_>,
    field: &str,
    report: &mut Report<'_>,
) -> Option<KeyHash> {
    let field = format!("{field}.secretName");
    let secret_key = tenant.sibling(&key.secret_name);
    let Some(secret) = around.resources.secrets.get(&secret_key) else {
        report.error(
            field,
            RESOLVED_REFS,
            reasons::SECRET_NOT_FOUND,
            format!("there is no Secret {secret_key} yet, so the key {} lets nobody in", key.name),
        );
        return None;
    };
    let Some(value) = secret.keys.get(TENANT_KEY_DATA_KEY) else {
        let message = format!("Secret {secret_key} has no value for {TENANT_KEY_DATA_KEY}");
        report.error(field, RESOLVED_REFS, reasons::SECRET_KEY_NOT_FOUND, message);
        return None;
    };
    if value.length < TENANT_KEY_MIN_BYTES {
        let message = format!(
            "the key in Secret {secret_key} has {} bytes, which could be guessed: it needs at least {TENANT_KEY_MIN_BYTES}",
            value.length
        );
        report.error(field, RESOLVED_REFS, reasons::KEY_TOO_SHORT, message);
        return None;
    }
    if let Some(holder) = around.refusals.hashes.get(&(key.name.clone(), value.sha256.clone())) {
        let message = format!(
            "the key in Secret {secret_key} is the key {} of tenant {} already: make another one",
            holder.key, holder.tenant
        );
        report.error(field, ACCEPTED, reasons::CONFLICTED, message);
        return None;
    }
    Some(KeyHash { sha256: value.sha256.clone(), expires_at: None })
}

/// Old keys whose grace may still run; the gateway has the clock.
fn rotated<'a>(
    key: &'a Key,
    status: Option<&'a TenantStatus>,
    around: &'a Around<'_>,
) -> impl Iterator<Item = KeyHash> + 'a {
    let of_this_key =
        status.into_iter().flat_map(|status| &status.keys).filter(|status| status.name == key.name);
    of_this_key
        .flat_map(|status| &status.rotated)
        .filter(|old| !around.refusals.hashes.contains_key(&(key.name.clone(), old.sha256.clone())))
        .map(|old| KeyHash { sha256: old.sha256.clone(), expires_at: Some(old.expires_at) })
}

/// `namespace/serviceAccount`, sorted.
pub(super) fn identities(
    tenant: &ObjectKey,
    spec: &TenantSpec,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Vec<String> {
    let any_namespace = around.resources.hub_namespace.as_ref().is_none_or(|hub| *hub == tenant.namespace);
    let mut identities = BTreeSet::new();
    for (index, identity) in spec.workload_identities.iter().enumerate() {
        let id = format!("{}/{}", identity.namespace, identity.service_account);
        let field = format!("spec.workloadIdentities[{index}]");
        if !any_namespace && identity.namespace != tenant.namespace {
            report.error(
                format!("{field}.namespace"),
                RESOLVED_REFS,
                reasons::REF_NOT_PERMITTED,
                format!(
                    "a Tenant here may claim only ServiceAccounts of its own namespace {}",
                    tenant.namespace
                ),
            );
        } else if let Some(holder) = around.refusals.identities.get(&id) {
            let message = format!("tenant {holder} claims the ServiceAccount {id} already");
            report.error(field, ACCEPTED, reasons::CONFLICTED, message);
        } else {
            identities.insert(id);
        }
    }
    identities.into_iter().collect()
}
