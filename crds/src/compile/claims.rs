//! What only one tenant can have: an account, a key's hash, a workload identity. The first keeps it.

use std::collections::BTreeMap;

use super::{ObjectKey, Resources, resources::by_age};
use crate::v1alpha1::{Key, TENANT_KEY_DATA_KEY, Tenant};

/// What one tenant asked for and another, earlier one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Who holds the tenant's account: then the tenant as a whole is left out.
    pub account: Option<ObjectKey>,
    /// By the key's name and hash.
    pub hashes: BTreeMap<(String, String), Holder>,
    /// By `namespace/serviceAccount`.
    pub identities: BTreeMap<String, ObjectKey>,
}

/// Who holds a key's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The tenant.
    pub tenant: ObjectKey,
    /// The name of its key.
    pub key: String,
}

/// The tenants that were refused something. The oldest tenant is asked first, then by namespace and name; one that is
/// left out holds nothing.
pub fn settle_claims(resources: &Resources) -> BTreeMap<ObjectKey, Refusals> {
    let mut accounts: BTreeMap<String, ObjectKey> = BTreeMap::new();
    let mut hashes: BTreeMap<String, Holder> = BTreeMap::new();
    let mut identities: BTreeMap<String, ObjectKey> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (tenant_key, tenant) in by_age(&resources.tenants, |object| &object.metadata) {
        let mut refusals = Refusals::default();
        let account = account_id(tenant_key, tenant.spec.account_id.as_deref());
        if let Some(holder) = accounts.get(&account) {
            refusals.account = Some(holder.clone());
            all.insert(tenant_key.clone(), refusals);
            continue;
        }
        accounts.insert(account, tenant_key.clone());
        let mut keys: Vec<&Key> = tenant.spec.keys.iter().collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        for key in keys {
            for hash in hashes_of(resources, tenant_key, tenant, key) {
                let claim = Holder { tenant: tenant_key.clone(), key: key.name.clone() };
                match hashes.get(&hash) {
                    Some(holder) if *holder != claim => {
                        refusals.hashes.insert((claim.key, hash), holder.clone());
                    }
                    Some(_) => {}
                    None => {
                        hashes.insert(hash, claim);
                    }
                }
            }
        }
        for identity in &tenant.spec.workload_identities {
            let id = format!("{}/{}", identity.namespace, identity.service_account);
            match identities.get(&id) {
                Some(holder) if holder != tenant_key => {
                    refusals.identities.insert(id, holder.clone());
                }
                Some(_) => {}
                None => {
                    identities.insert(id, tenant_key.clone());
                }
            }
        }
        if refusals != Refusals::default() {
            all.insert(tenant_key.clone(), refusals);
        }
    }
    all
}

/// The ledger account of a tenant.
pub(super) fn account_id(tenant: &ObjectKey, written: Option<&str>) -> String {
    written.map_or_else(|| tenant.to_string(), ToOwned::to_owned)
}

/// The hash of the present key, and those of rotated ones.
fn hashes_of<'a>(
    resources: &'a Resources,
    tenant_key: &ObjectKey,
    tenant: &'a Tenant,
    key: &'a Key,
) -> impl Iterator<Item = String> + 'a {
    let present = resources
        .secrets
        .get(&tenant_key.sibling(&key.secret_name))
        .and_then(|secret| secret.keys.get(TENANT_KEY_DATA_KEY))
        .map(|value| value.sha256.clone());
    let rotated =
        tenant.status.iter().flat_map(|status| &status.keys).filter(|status| status.name == key.name);
    present
        .into_iter()
        .chain(rotated.flat_map(|status| &status.rotated).map(|rotated| rotated.sha256.clone()))
}
