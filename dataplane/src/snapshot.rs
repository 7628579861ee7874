//! Everything that a request reads, prepared once per revision of the configuration.
//!
//! A request takes one snapshot at the door and never another. State that outlives a revision (circuits, pools)
//! is not here, only handles to it.

mod provider;
mod tenant;

use std::{collections::HashMap, sync::Arc};

use aigne_hub_crds::config::Config;

pub use provider::{Credential, Model, Provider};
pub use tenant::{Access, Key, Tenant};

use crate::{health::Registry, secret::SecretStore};

/// One revision, prepared.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Which revision.
    pub revision: String,
    /// By id; what did not change is taken over by the next revision.
    tenants: HashMap<Arc<str>, Arc<Tenant>>,
    keys: HashMap<[u8; 32], KeyRef>,
    /// By `namespace/serviceAccount`.
    identities: HashMap<String, (Arc<Tenant>, Arc<Key>)>,
    models: HashMap<String, Vec<Served>>,
    /// Sorted by qualified name; what `GET /v1/models` lists, before access is applied.
    listing: Vec<Served>,
}

#[derive(Clone, Debug)]
struct KeyRef {
    tenant: Arc<Tenant>,
    key: usize,
    /// Unix milliseconds; a rotated key's end of grace.
    expires_at: Option<i64>,
}

/// A model at a provider.
#[derive(Clone, Debug)]
pub struct Served {
    /// The provider.
    pub provider: Arc<Provider>,
    model: usize,
}

impl Served {
    /// The model.
    pub fn model(&self) -> &Model {
        // The index was made from this very list.
        &self.provider.models[self.model]
    }
}

impl Snapshot {
    /// Prepares a revision. What cannot be prepared is left out and logged; compile has already said why.
    pub fn new(config: &Config, secrets: &SecretStore, registry: &Registry, revision: String) -> Self {
        Self::default().next(config, secrets, registry, revision)
    }

    /// Prepares the revision that comes after this one. Tenants that are the same are not prepared again.
    #[must_use]
    pub fn next(
        &self,
        config: &Config,
        secrets: &SecretStore,
        registry: &Registry,
        revision: String,
    ) -> Self {
        let mut snapshot = Self {
            revision,
            tenants: HashMap::with_capacity(config.tenants.len()),
            keys: HashMap::with_capacity(self.keys.len() + 1),
            ..Self::default()
        };
        for (id, provider) in &config.shared.providers {
            let sheets = config.shared.prices.get(id).map(Vec::as_slice).unwrap_or_default();
            match Provider::new(provider, sheets, secrets, registry) {
                Ok(provider) => snapshot.serve(&Arc::new(provider)),
                Err(error) => tracing::error!(provider = %id, %error, "this provider is left out"),
            }
        }
        snapshot.listing.sort_by(|a, b| a.model().qualified.cmp(&b.model().qualified));
        for tenant in config.tenants.values() {
            let former = self.tenants.get(tenant.id.as_str());
            let tenant = match former.filter(|former| Arc::ptr_eq(&former.config, tenant)) {
                Some(former) => Arc::clone(former),
                None => Arc::new(Tenant::new(tenant, &registry.allowances)),
            };
            snapshot.tenants.insert(Arc::clone(&tenant.id), Arc::clone(&tenant));
            for (key, hash) in tenant.hashes() {
                let entry = KeyRef { tenant: Arc::clone(&tenant), key, expires_at: hash.expires_at };
                snapshot.keys.insert(hash.sha256, entry);
            }
            for identity in &tenant.config.workload_identities {
                let key = Arc::new(Key::of_workload(identity));
                snapshot.identities.insert(identity.clone(), (Arc::clone(&tenant), key));
            }
        }
        snapshot
    }

    fn serve(&mut self, provider: &Arc<Provider>) {
        for (model, prepared) in provider.models.iter().enumerate() {
            let served = Served { provider: Arc::clone(provider), model };
            for name in prepared.client_names(&provider.config.name) {
                self.models.entry(name).or_default().push(served.clone());
            }
            self.listing.push(served);
        }
    }

    /// The tenant and key of a hash, whatever their state, and when a rotated key's grace ends.
    pub fn key(&self, sha256: &[u8; 32]) -> Option<(&Arc<Tenant>, &Arc<Key>, Option<i64>)> {
        let found = self.keys.get(sha256)?;
        Some((&found.tenant, found.tenant.keys.get(found.key)?, found.expires_at))
    }

    /// The tenant that claims a `ServiceAccount` (`namespace/name`), and what stands for its key.
    pub fn identity(&self, id: &str) -> Option<&(Arc<Tenant>, Arc<Key>)> {
        self.identities.get(id)
    }

    /// Whether anyone may come without a key.
    pub fn has_identities(&self) -> bool {
        !self.identities.is_empty()
    }

    /// Everything that serves a model of this name: `provider/model`, `model` or an alias, in no order yet.
    pub fn serving(&self, name: &str) -> &[Served] {
        self.models.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every model once, sorted by qualified name.
    pub fn listing(&self) -> &[Served] {
        &self.listing
    }
}
