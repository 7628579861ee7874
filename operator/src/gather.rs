//! Everything that is known, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    compile::{Finding, ObjectKey, Resources, Severity},
    distribution::{EntryId, EntryKind, price_entry, provider_entry, tenant_entry},
    v1alpha1::{
        Tenant, TenantStatus,
        conditions::{RESOLVED_REFS, reasons},
    },
};
use jiff::Timestamp;

use crate::{
    backoff::Backoff,
    build::Build,
    change::{Broken, Change, Object, SeenSecret},
    compile::{Compilation, Compiled},
    gateways::Gateways,
    keys,
    money::{Question, Reading, purses::Purses},
    plan::{Configuration, Failed, KeyWork, Plan},
    status::{Around, Subject, Subjects},
};

/// What does not change while the operator runs.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The hub's own namespace.
    pub hub_namespace: String,
    /// Where applications reach gateways, for example `http://aigne-hub.ai.svc:8080`; without a trailing slash.
    pub address: String,
    /// The ledger is asked: statuses say what tenants have and have spent.
    pub ledger: bool,
}

/// Everything that is known.
#[derive(Debug)]
pub struct World {
    setting: Setting,
    resources: Resources,
    secrets: BTreeMap<ObjectKey, SeenSecret>,
    /// Which tenants name a Secret.
    named_by: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    gateways: Gateways,
    subjects: Subjects,
    compilation: Compilation,
    build: Build,
    /// Tenants whose keys are to be looked at.
    stale_keys: BTreeSet<ObjectKey>,
    /// When a tenant's rotated key expires next.
    graces: BTreeMap<ObjectKey, Timestamp>,
    /// Secrets that are being written; they come back as changes.
    writing: BTreeSet<ObjectKey>,
    /// Tenants' Secrets that exist but are of a type that is not watched.
    hidden: BTreeMap<ObjectKey, String>,
    backoff: Backoff<Failed>,
    /// What tenants have and have spent.
    purses: Purses,
    /// What the ledger said since the last plan.
    reading: Option<Reading>,
}

impl World {
    /// Knows nothing yet.
    pub fn new(setting: Setting) -> Self {
        let resources =
            Resources { hub_namespace: Some(setting.hub_namespace.clone()), ..Resources::default() };
        Self {
            setting,
            resources,
            secrets: BTreeMap::new(),
            named_by: BTreeMap::new(),
            gateways: Gateways::default(),
            subjects: Subjects::default(),
            compilation: Compilation::default(),
            build: Build::default(),
            stale_keys: BTreeSet::new(),
            graces: BTreeMap::new(),
            writing: BTreeSet::new(),
            hidden: BTreeMap::new(),
            backoff: Backoff::default(),
            purses: Purses::default(),
            reading: None,
        }
    }

    /// Takes what was seen.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Provider(key, object) => {
                self.subjects.see(Object::Provider(key.clone()), object.as_deref().map(Subject::provider));
                let object = object.map(std::sync::Arc::unwrap_or_clone);
                let same = |before: &aigne_hub_crds::v1alpha1::AIProvider| {
                    object.as_ref().is_some_and(|now| before.spec == now.spec && born(before) == born(now))
                };
                if !self.resources.providers.get(&key).is_some_and(same) {
                    self.compilation.shared_changed();
                }
                put(&mut self.resources.providers, key, object);
            }
            Change::Pricing(key, object) => {
                self.subjects.see(Object::Pricing(key.clone()), object.as_deref().map(Subject::pricing));
                let object = object.map(std::sync::Arc::unwrap_or_clone);
                let same = |before: &aigne_hub_crds::v1alpha1::ModelPricing| {
                    object.as_ref().is_some_and(|now| before.spec == now.spec && born(before) == born(now))
                };
                if !self.resources.pricings.get(&key).is_some_and(same) {
                    self.compilation.shared_changed();
                }
                put(&mut self.resources.pricings, key, object);
            }
            Change::Tenant(key, object) => {
                self.subjects.see(Object::Tenant(key.clone()), object.as_deref().map(Subject::tenant));
                self.purses.see(&key, object.as_deref());
                self.take_tenant(key, object.map(std::sync::Arc::unwrap_or_clone));
            }
            Change::Broken(object, broken) => self.take_broken(object, broken),
            Change::Secret(key, secret) => self.take_secret(key, secret),
            Change::Gateway(pod, gateway) => {
                if self.gateways.take(pod, gateway) {
                    self.subjects.gateways_changed();
                }
            }
            Change::Owned(owned) => self.build.seen(owned),
            Change::Money(reading) => self.reading = Some(reading),
        }
    }

    /// What there is to do now. Takes for granted that it will be done: whatever is not is told to [`World::failed`].
    pub fn plan(&mut self, now: Timestamp) -> Plan {
        let keys = self.look_at_keys(now);
        let compiled = self.compilation.run(&self.resources);
        self.set_entries(&compiled);
        let may_write = self.backoff.permits(&Failed::Index, now);
        let mut configuration = if may_write { self.build.plan() } else { Configuration::default() };
        if self.backoff.permits(&Failed::Role, now) {
            configuration.role = self.build.plan_role();
        }
        if let Some(reading) = self.reading.take() {
            for tenant in self.purses.read(&reading, self.compilation.tenants(), now) {
                self.subjects.changed(Object::Tenant(tenant));
            }
        }
        let hidden = self.hidden_findings();
        let around = Around {
            hidden: &hidden,
            compilation: &self.compilation,
            build: &self.build,
            gateways: &self.gateways,
            resources: &self.resources,
            purses: Some(&self.purses).filter(|_| self.setting.ledger),
        };
        let may_send = |uid: &str| self.backoff.permits(&Failed::Status(uid.to_owned()), now);
        let statuses = self.subjects.report(&around, may_send, now);
        Plan { keys, configuration, statuses, wake_at: self.wake_at(now) }
    }

    /// What to ask the ledger now. The answer is a [`Change::Money`].
    pub fn question(&self, now: Timestamp) -> Question {
        Purses::question(self.compilation.tenants(), now)
    }

    /// A step of an earlier plan could not be done.
    pub fn failed(&mut self, step: Failed, now: Timestamp) {
        match &step {
            Failed::Role => self.build.forget_role(),
            Failed::Part(number) => self.build.forget_part(*number),
            Failed::Index => self.build.forget_index(),
            Failed::Key(secret) | Failed::Hidden(secret, _) => {
                self.writing.remove(secret);
                self.stale_keys.extend(self.named_by.get(secret).into_iter().flatten().cloned());
            }
            Failed::Status(uid) => self.subjects.forget(uid),
        }
        let what = match step {
            // Parts and index are one thing: where one fails, all of it waits.
            Failed::Part(_) | Failed::Index => Failed::Index,
            Failed::Hidden(secret, r#type) => {
                if self.named_by.contains_key(&secret) {
                    self.hidden.insert(secret.clone(), r#type);
                }
                Failed::Key(secret)
            }
            Failed::Role | Failed::Key(_) | Failed::Status(_) => step,
        };
        self.backoff.failed(what, now);
    }

    /// How many objects gateways have still to confirm, and since when the oldest of them waits.
    pub fn unconfirmed(&self) -> (usize, Option<Timestamp>) {
        self.subjects.unconfirmed()
    }

    /// What was known of it goes on holding: nobody loses service because one field is not understood.
    fn take_broken(&mut self, object: Object, broken: Broken) {
        let resources = &self.resources;
        let known = match &object {
            Object::Provider(key) => resources.providers.get(key).map(|known| &known.metadata),
            Object::Pricing(key) => resources.pricings.get(key).map(|known| &known.metadata),
            Object::Tenant(key) => resources.tenants.get(key).map(|known| &known.metadata),
        };
        // But not what was known of another one of that name.
        if known.is_some_and(|known| known.uid.as_deref() != Some(&broken.uid)) {
            self.take(match object.clone() {
                Object::Provider(key) => Change::Provider(key, None),
                Object::Pricing(key) => Change::Pricing(key, None),
                Object::Tenant(key) => Change::Tenant(key, None),
            });
        }
        self.subjects.broke(object, broken);
    }

    fn take_tenant(&mut self, key: ObjectKey, object: Option<Tenant>) {
        let before = self.resources.tenants.get(&key);
        let same = |before: &Tenant, now: &Tenant| before.spec == now.spec && born(before) == born(now);
        if let (Some(before), Some(now)) = (before, &object)
            && same(before, now)
        {
            return;
        }
        for written in before.iter().flat_map(|tenant| &tenant.spec.keys) {
            let secret = key.sibling(&written.secret_name);
            if let Some(names) = self.named_by.get_mut(&secret) {
                names.remove(&key);
                if names.is_empty() {
                    self.named_by.remove(&secret);
                    self.hidden.remove(&secret);
                }
            }
        }
        for written in object.iter().flat_map(|tenant| &tenant.spec.keys) {
            self.named_by.entry(key.sibling(&written.secret_name)).or_default().insert(key.clone());
        }
        self.graces.remove(&key);
        self.stale_keys.insert(key.clone());
        put(&mut self.resources.tenants, key, object);
    }

    fn take_secret(&mut self, key: ObjectKey, secret: Option<SeenSecret>) {
        self.writing.remove(&key);
        self.hidden.remove(&key);
        let facts = secret.as_ref().map(|secret| secret.facts.clone());
        let facts_changed = self.resources.secrets.get(&key) != facts.as_ref();
        let noted = |secret: Option<&SeenSecret>| secret.map(|secret| secret.made.clone());
        if !facts_changed && noted(self.secrets.get(&key)) == noted(secret.as_ref()) {
            put(&mut self.secrets, key, secret);
            return;
        }
        let named = |provider: &ObjectKey, object: &aigne_hub_crds::v1alpha1::AIProvider| {
            let names = object.spec.credentials.iter().map(|credential| &credential.secret_key_ref.name);
            provider.namespace == key.namespace && names.into_iter().any(|name| *name == key.name)
        };
        if facts_changed && self.resources.providers.iter().any(|(provider, object)| named(provider, object))
        {
            self.compilation.shared_changed();
        }
        self.stale_keys.extend(self.named_by.get(&key).into_iter().flatten().cloned());
        put(&mut self.resources.secrets, key.clone(), facts);
        put(&mut self.secrets, key, secret);
    }

    /// Looks at the keys of tenants that changed, or whose Secrets did, or whose old keys expired.
    fn look_at_keys(&mut self, now: Timestamp) -> Vec<KeyWork> {
        let expired = self.graces.iter().filter(|(_, at)| **at <= now).map(|(tenant, _)| tenant.clone());
        self.stale_keys.extend(expired.collect::<Vec<_>>());
        let mut work = Vec::new();
        let mut later = BTreeSet::new();
        for key in std::mem::take(&mut self.stale_keys) {
            self.graces.remove(&key);
            self.compilation.tenant_changed(key.clone());
            let Some(tenant) = self.resources.tenants.get_mut(&key) else { continue };
            let secret = |name: &str| self.secrets.get(&key.sibling(name));
            let statuses = keys::statuses(tenant, secret, now);
            if let Some(at) = keys::next_expiry(&statuses, now) {
                self.graces.insert(key.clone(), at);
            }
            tenant.status = Some(TenantStatus { keys: statuses, ..TenantStatus::default() });
            for written in &tenant.spec.keys {
                let Some(todo) =
                    keys::work(&key, written, secret(&written.secret_name), &self.setting.address, now)
                else {
                    continue;
                };
                if !self.backoff.permits(&Failed::Key(todo.secret.clone()), now) {
                    later.insert(key.clone());
                } else if self.writing.insert(todo.secret.clone()) {
                    work.push(todo);
                }
            }
        }
        self.stale_keys = later;
        work
    }

    /// What tenants should hear of Secrets that are there but hold no key.
    fn hidden_findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (secret, r#type) in &self.hidden {
            for tenant in self.named_by.get(secret).into_iter().flatten() {
                let keys = self.resources.tenants.get(tenant).into_iter().flat_map(|known| &known.spec.keys);
                let named = keys.enumerate().filter(|(_, key)| key.secret_name == secret.name);
                findings.extend(named.map(|(index, _)| Finding {
                    kind: "Tenant".to_owned(),
                    object: tenant.clone(),
                    field: format!("spec.keys[{index}].secretName"),
                    severity: Severity::Error,
                    condition: RESOLVED_REFS.to_owned(),
                    reason: reasons::SECRET_NOT_FOUND.to_owned(),
                    message: format!(
                        "Secret {secret} exists and is of type {type}, in which no key is looked for: name another \
                         Secret, or delete this one"
                    ),
                }));
            }
        }
        findings
    }

    /// Hands what was compiled to the builder.
    fn set_entries(&mut self, compiled: &Compiled) {
        let Some(part) = self.compilation.shared() else { return };
        if compiled.shared {
            let shared = &part.shared;
            let mut entries: BTreeMap<EntryId, _> = shared.providers.values().map(provider_entry).collect();
            for (provider, sheets) in &shared.prices {
                entries.extend(sheets.iter().map(|sheet| price_entry(provider, sheet)));
            }
            let gone =
                self.build.ids().filter(|id| id.kind != EntryKind::Tenant && !entries.contains_key(*id));
            for id in gone.cloned().collect::<Vec<_>>() {
                self.build.set(&id, None);
            }
            for (id, text) in entries {
                self.build.set(&id, Some(text));
            }
            let credentials = shared.providers.values().flat_map(|provider| &provider.credentials);
            self.build.set_secrets(credentials.map(|credential| credential.secret.name.clone()).collect());
            self.subjects.shared_changed();
        }
        for tenant in &compiled.tenants {
            let id = EntryId { kind: EntryKind::Tenant, id: tenant.to_string() };
            let config = self.compilation.tenant(tenant).and_then(|part| part.tenant.as_ref());
            self.build.set(&id, config.map(|config| tenant_entry(config).1));
            self.subjects.changed(Object::Tenant(tenant.clone()));
        }
    }

    fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let gateway = self.subjects.is_waiting().then(|| self.gateways.next_expiry(now)).flatten();
        let grace = self.graces.values().min().copied();
        [gateway, grace, self.backoff.next(now)].into_iter().flatten().min()
    }
}

fn put<V>(map: &mut BTreeMap<ObjectKey, V>, key: ObjectKey, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

/// An object of the same name that was made later is another one.
fn born<K: kube::Resource>(object: &K) -> impl PartialEq + '_ {
    (object.meta().uid.as_deref(), object.meta().creation_timestamp.as_ref())
}

#[cfg(test)]
mod tests;
