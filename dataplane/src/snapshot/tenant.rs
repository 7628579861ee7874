//! A tenant, prepared: its keys, and which models they may use.

use std::sync::Arc;

use aigne_hub_crds::{
    config::{self, ModelAccess},
    glob,
};

use crate::allowance::{Allowances, Caps};

/// A tenant, prepared.
#[derive(Debug)]
pub struct Tenant {
    /// As configured.
    pub config: Arc<config::Tenant>,
    /// `namespace/name`.
    pub id: Arc<str>,
    /// The ledger account.
    pub account: Arc<str>,
    /// Which models.
    pub access: Access,
    /// Limits, budgets and balance.
    pub caps: Caps,
    /// As configured, in their order.
    pub keys: Vec<Arc<Key>>,
}

/// A key, prepared.
#[derive(Debug)]
pub struct Key {
    /// Unique within the tenant.
    pub name: Arc<str>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Nothing is admitted.
    pub disabled: bool,
    /// Narrows the tenant's own.
    pub access: Option<Access>,
    /// Limits and budgets, within the tenant's own.
    pub caps: Caps,
    hashes: Vec<Hash>,
}

/// The SHA-256 of a key's text, and when a rotated key's grace ends.
#[derive(Clone, Debug)]
pub(super) struct Hash {
    pub(super) sha256: [u8; 32],
    /// Unix milliseconds.
    pub(super) expires_at: Option<i64>,
}

/// Which models may be used: globs over `provider/model`, deny wins.
#[derive(Clone, Debug)]
pub struct Access {
    allow: Vec<String>,
    deny: Vec<String>,
}

impl Access {
    fn new(models: &ModelAccess) -> Self {
        Self { allow: models.allow.clone(), deny: models.deny.clone() }
    }

    /// Whether `qualified` (`provider/model`) may be used.
    pub fn allows(&self, qualified: &str) -> bool {
        let matches = |glob: &String| glob::matches(glob, qualified);
        self.allow.iter().any(matches) && !self.deny.iter().any(matches)
    }
}

impl Tenant {
    pub(super) fn new(config: &Arc<config::Tenant>, allowances: &Allowances) -> Self {
        Self {
            id: config.id.as_str().into(),
            account: config.account_id.as_str().into(),
            access: Access::new(&config.models),
            caps: allowances.of_tenant(config),
            keys: config
                .keys
                .iter()
                .map(|key| Arc::new(Key::new(key, allowances.of_key(config, key))))
                .collect(),
            config: Arc::clone(config),
        }
    }

    /// Every hash with the place of its key.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (usize, Hash)> {
        self.keys
            .iter()
            .enumerate()
            .flat_map(|(place, key)| key.hashes.iter().map(move |hash| (place, hash.clone())))
    }

    /// Whether both the tenant and the key may use a model.
    pub fn allows(&self, key: &Key, qualified: &str) -> bool {
        self.access.allows(qualified) && key.access.as_ref().is_none_or(|access| access.allows(qualified))
    }
}

impl Key {
    /// What stands for the key of a `ServiceAccount` (`namespace/name`), in usage and logs too. No key that is
    /// configured has a colon in its name.
    pub(super) fn of_workload(id: &str) -> Self {
        Self {
            name: format!("serviceaccount:{id}").into(),
            expires_at: None,
            disabled: false,
            access: None,
            caps: Caps::default(),
            hashes: Vec::new(),
        }
    }

    fn new(config: &config::Key, caps: Caps) -> Self {
        let hash = |hash: &config::KeyHash| {
            let mut sha256 = [0; 32];
            hex::decode_to_slice(&hash.sha256, &mut sha256).ok()?;
            Some(Hash { sha256, expires_at: hash.expires_at.map(jiff::Timestamp::as_millisecond) })
        };
        Self {
            name: config.name.as_str().into(),
            expires_at: config.expires_at.map(jiff::Timestamp::as_millisecond),
            disabled: config.disabled,
            access: config.models.as_ref().map(Access::new),
            caps,
            hashes: config.hashes.iter().filter_map(hash).collect(),
        }
    }
}
