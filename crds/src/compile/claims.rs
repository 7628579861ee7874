//! What only one tenant can have: an account, a key's hash, a workload identity. The first keeps it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ObjectKey, Resources};
use crate::v1alpha1::{TENANT_KEY_DATA_KEY, Tenant};

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

/// Who asks first: the oldest tenant, then by namespace and name.
type Rank = (Option<Timestamp>, ObjectKey);

/// What one tenant asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    rank: Rank,
    account: String,
    /// Names of keys with their hashes, present and rotated.
    hashes: BTreeSet<(String, String)>,
    identities: BTreeSet<String>,
}

/// Who asks for what, kept as tenants come and go. One that does not hold its account holds nothing.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    asked: BTreeMap<ObjectKey, Asked>,
    accounts: BTreeMap<String, BTreeSet<Rank>>,
    /// Of tenants that hold their account; with the key's name.
    hashes: BTreeMap<String, BTreeSet<(Rank, String)>>,
    /// Of tenants that hold their account.
    identities: BTreeMap<String, BTreeSet<Rank>>,
}

/// The tenants that were refused something.
pub fn settle_claims(resources: &Resources) -> BTreeMap<ObjectKey, Refusals> {
    let mut claims = Claims::default();
    for (key, tenant) in &resources.tenants {
        claims.set(key, Some(Asked::by(resources, key, tenant)));
    }
    let refused = resources.tenants.keys().map(|key| (key.clone(), claims.refusals(key)));
    refused.filter(|(_, refusals)| *refusals != Refusals::default()).collect()
}

impl Asked {
    /// What a tenant asks for.
    pub fn by(resources: &Resources, key: &ObjectKey, tenant: &Tenant) -> Self {
        let identities = tenant.spec.workload_identities.iter();
        Self {
            rank: (tenant.metadata.creation_timestamp.as_ref().map(|time| time.0), key.clone()),
            account: account_id(key, tenant.spec.account_id.as_deref()),
            hashes: hashes(resources, key, tenant),
            identities: identities.map(|id| format!("{}/{}", id.namespace, id.service_account)).collect(),
        }
    }
}

impl Claims {
    /// Takes what a tenant asks for now, nothing where it is gone. Returns it and the tenants whose
    /// [`Claims::refusals`] may be others now.
    pub fn set(&mut self, tenant: &ObjectKey, asked: Option<Asked>) -> BTreeSet<ObjectKey> {
        let mut affected = BTreeSet::from([tenant.clone()]);
        if self.asked.get(tenant) == asked.as_ref() {
            return affected;
        }
        if let Some(old) = self.asked.remove(tenant) {
            self.change_account(&old.account, &mut affected, |ranks| {
                ranks.remove(&old.rank);
            });
            self.withdraw(&old, &mut affected);
        }
        if let Some(new) = asked {
            self.asked.insert(tenant.clone(), new.clone());
            self.change_account(&new.account, &mut affected, |ranks| {
                ranks.insert(new.rank.clone());
            });
        }
        affected
    }

    /// What a tenant asked for and does not get.
    pub fn refusals(&self, tenant: &ObjectKey) -> Refusals {
        let mut refusals = Refusals::default();
        let Some(asked) = self.asked.get(tenant) else { return refusals };
        let holder = self.account_holder(&asked.account);
        if let Some(holder) = holder.filter(|holder| *holder != tenant) {
            refusals.account = Some(holder.clone());
            return refusals;
        }
        for (key, hash) in &asked.hashes {
            let first = self.hashes.get(hash).and_then(BTreeSet::first);
            if let Some(((_, holder), holders_key)) =
                first.filter(|((_, of), name)| (of, name) != (tenant, key))
            {
                let holder = Holder { tenant: holder.clone(), key: holders_key.clone() };
                refusals.hashes.insert((key.clone(), hash.clone()), holder);
            }
        }
        for identity in &asked.identities {
            let first = self.identities.get(identity).and_then(BTreeSet::first);
            if let Some((_, holder)) = first.filter(|(_, of)| of != tenant) {
                refusals.identities.insert(identity.clone(), holder.clone());
            }
        }
        refusals
    }

    fn account_holder(&self, account: &str) -> Option<&ObjectKey> {
        self.accounts.get(account)?.first().map(|(_, holder)| holder)
    }

    /// Changes who asks for an account; whoever no longer holds it loses all else, whoever does now gets to ask.
    fn change_account(
        &mut self,
        account: &str,
        affected: &mut BTreeSet<ObjectKey>,
        change: impl FnOnce(&mut BTreeSet<Rank>),
    ) {
        let before = self.account_holder(account).cloned();
        let ranks = self.accounts.entry(account.to_owned()).or_default();
        change(ranks);
        affected.extend(ranks.iter().map(|(_, tenant)| tenant.clone()));
        if ranks.is_empty() {
            self.accounts.remove(account);
        }
        let after = self.account_holder(account).cloned();
        if before == after {
            return;
        }
        if let Some(loser) = before.and_then(|tenant| self.asked.get(&tenant)).cloned() {
            self.withdraw(&loser, affected);
        }
        if let Some(holder) = after.and_then(|tenant| self.asked.get(&tenant)).cloned() {
            for (key, hash) in &holder.hashes {
                let claims = self.hashes.entry(hash.clone()).or_default();
                claims.insert((holder.rank.clone(), key.clone()));
                affected.extend(claims.iter().map(|((_, tenant), _)| tenant.clone()));
            }
            for identity in &holder.identities {
                let claims = self.identities.entry(identity.clone()).or_default();
                claims.insert(holder.rank.clone());
                affected.extend(claims.iter().map(|(_, tenant)| tenant.clone()));
            }
        }
    }

    /// Takes back what a tenant asked for beside its account.
    fn withdraw(&mut self, asked: &Asked, affected: &mut BTreeSet<ObjectKey>) {
        for (key, hash) in &asked.hashes {
            if let Some(claims) = self.hashes.get_mut(hash) {
                claims.remove(&(asked.rank.clone(), key.clone()));
                affected.extend(claims.iter().map(|((_, tenant), _)| tenant.clone()));
            }
            tidy(&mut self.hashes, hash);
        }
        for identity in &asked.identities {
            if let Some(claims) = self.identities.get_mut(identity) {
                claims.remove(&asked.rank);
                affected.extend(claims.iter().map(|(_, tenant)| tenant.clone()));
            }
            tidy(&mut self.identities, identity);
        }
    }
}

/// Forgets what nobody asks for.
fn tidy<T>(claims: &mut BTreeMap<String, BTreeSet<T>>, name: &str) {
    if claims.get(name).is_some_and(BTreeSet::is_empty) {
        claims.remove(name);
    }
}

/// The ledger account of a tenant.
pub(super) fn account_id(tenant: &ObjectKey, written: Option<&str>) -> String {
    written.map_or_else(|| tenant.to_string(), ToOwned::to_owned)
}

/// The hash of each present key, and those of rotated ones.
fn hashes(resources: &Resources, tenant_key: &ObjectKey, tenant: &Tenant) -> BTreeSet<(String, String)> {
    let mut hashes = BTreeSet::new();
    for key in &tenant.spec.keys {
        let secret = resources.secrets.get(&tenant_key.sibling(&key.secret_name));
        let present =
            secret.and_then(|secret| secret.keys.get(TENANT_KEY_DATA_KEY)).map(|value| &value.sha256);
        let statuses = tenant.status.iter().flat_map(|status| &status.keys);
        let rotated = statuses.filter(|status| status.name == key.name).flat_map(|status| &status.rotated);
        let all = present.into_iter().chain(rotated.map(|old| &old.sha256));
        hashes.extend(all.map(|hash| (key.name.clone(), hash.clone())));
    }
    hashes
}
