//! Compiles what changed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    compile::{
        Asked, Claims, Finding, ObjectKey, Resources, SharedPart, TenantPart, compile_shared, compile_tenant,
    },
    config::Tenant,
};

/// What was compiled so far.
#[derive(Debug, Default)]
pub(crate) struct Compilation {
    claims: Claims,
    shared: Option<SharedPart>,
    tenants: BTreeMap<ObjectKey, TenantPart>,
    shared_is_stale: bool,
    stale: BTreeSet<ObjectKey>,
}

/// What is otherwise than before.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// Providers and prices were compiled again.
    pub(crate) shared: bool,
    /// These tenants were compiled again, or are gone.
    pub(crate) tenants: BTreeSet<ObjectKey>,
}

impl Compilation {
    /// A provider, a price or one of a provider's Secrets changed.
    pub(crate) fn shared_changed(&mut self) {
        self.shared_is_stale = true;
    }

    /// A tenant, or one of its Secrets, changed.
    pub(crate) fn tenant_changed(&mut self, tenant: ObjectKey) {
        self.stale.insert(tenant);
    }

    /// Brings everything to what `resources` say.
    pub(crate) fn run(&mut self, resources: &Resources) -> Compiled {
        let mut compiled = Compiled::default();
        let mut stale = BTreeSet::new();
        for tenant in std::mem::take(&mut self.stale) {
            let asked = resources.tenants.get(&tenant).map(|object| Asked::by(resources, &tenant, object));
            stale.extend(self.claims.set(&tenant, asked));
        }
        let shared = match self.shared.take() {
            Some(shared) if !self.shared_is_stale => shared,
            former => {
                let shared = compile_shared(resources);
                if !former.is_some_and(|former| former.is_same_to_tenants(&shared)) {
                    stale.extend(resources.tenants.keys().cloned());
                }
                self.shared_is_stale = false;
                compiled.shared = true;
                shared
            }
        };
        for tenant in &stale {
            if resources.tenants.contains_key(tenant) {
                let refusals = self.claims.refusals(tenant);
                let part = compile_tenant(resources, tenant, &shared, Some(&refusals));
                self.tenants.insert(tenant.clone(), part);
            } else {
                self.tenants.remove(tenant);
            }
        }
        self.shared = Some(shared);
        compiled.tenants = stale;
        compiled
    }

    /// Providers and prices.
    pub(crate) fn shared(&self) -> Option<&SharedPart> {
        self.shared.as_ref()
    }

    /// One tenant; `None` where it is gone.
    pub(crate) fn tenant(&self, tenant: &ObjectKey) -> Option<&TenantPart> {
        self.tenants.get(tenant)
    }

    /// All tenants that are part of the configuration.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&ObjectKey, &Tenant)> {
        self.tenants.iter().filter_map(|(key, part)| Some((key, part.tenant.as_ref()?)))
    }

    /// What was found of a provider or a pricing.
    pub(crate) fn findings_of<'a>(
        &'a self,
        kind: &'a str,
        object: &'a ObjectKey,
    ) -> impl Iterator<Item = &'a Finding> {
        let all = self.shared.iter().flat_map(|shared| &shared.findings);
        all.filter(move |finding| finding.kind == kind && finding.object == *object)
    }
}
