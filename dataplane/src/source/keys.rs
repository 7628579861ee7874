//! The keys of all tenants, as a person looks at them.

use std::collections::BTreeMap;

use aigne_hub_crds::{
    compile::ObjectKey,
    manifest::{Body, Object, Secret},
    v1alpha1::{RotatedKey, TENANT_KEY_DATA_KEY},
};
use jiff::{SignedDuration, Timestamp};

use super::{Problem, directory::Directory, resolve::Resolver, secrets::reference};
use crate::secret::{SecretValue, keyring::Keyring};

/// One key of one tenant.
#[derive(Clone, Debug)]
pub struct TenantKey {
    /// The tenant.
    pub tenant: ObjectKey,
    /// The key's name.
    pub name: String,
    /// The Secret that holds it, or would.
    pub secret: ObjectKey,
    /// The manifest of that Secret, where there is one; else the hub makes the key.
    pub brought_by: Option<String>,
    /// What the tenant sends; absent where it is not made yet, or cannot be had.
    pub value: Option<SecretValue>,
    /// Why it cannot be had.
    pub trouble: Option<String>,
    /// Earlier keys that may still be honoured.
    pub rotated: Vec<RotatedKey>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How long a rotated key is honoured.
    pub grace: SignedDuration,
    disabled: bool,
    suspended: bool,
}

impl TenantKey {
    /// Whether it lets anybody in, in a word.
    pub fn state(&self, now: Timestamp) -> &'static str {
        if self.trouble.is_some() {
            "unusable"
        } else if self.suspended {
            "suspended"
        } else if self.disabled {
            "disabled"
        } else if self.expires_at.is_some_and(|end| end <= now) {
            "expired"
        } else if self.value.is_none() {
            "not made yet"
        } else {
            "active"
        }
    }
}

/// By tenant and name. Makes no key.
pub fn list(directory: &Directory, keyring: &Keyring) -> Result<Vec<TenantKey>, Vec<Problem>> {
    let manifests = directory.manifests()?;
    if !manifests.errors.is_empty() {
        return Err(manifests.errors.into_iter().map(Problem::from).collect());
    }
    let seal_key = directory.seal_key();
    let resolver = Resolver { environment: &directory.environment, key: &seal_key };
    let mut secrets: BTreeMap<&ObjectKey, (&Object, &Secret)> = BTreeMap::new();
    let mut tenants: BTreeMap<&ObjectKey, &v1alpha1::Tenant> = BTreeMap::new();
    for object in &manifests.objects {
        match &object.body {
            Body::Secret(secret) => drop(secrets.insert(&object.key, (object, secret))),
            Body::Tenant(tenant) => drop(tenants.insert(&object.key, tenant)),
            _ => {}
        }
    }
    let mut keys = Vec::new();
    for (tenant, object) in tenants {
        for key in &object.spec.keys {
            let mut found = TenantKey {
                tenant: tenant.clone(),
                name: key.name.clone(),
                secret: tenant.sibling(&key.secret_name),
                brought_by: None,
                value: None,
                trouble: None,
                rotated: Vec::new(),
                expires_at: key.expires_at,
                grace: key.grace(),
                disabled: key.disabled,
                suspended: object.spec.suspended,
            };
            match secrets.get(&found.secret) {
                Some((object, secret)) => found.bring(object, secret, &resolver),
                None => found.look_up(keyring),
            }
            keys.push(found);
        }
    }
    keys.sort_by(|a, b| (&a.tenant, &a.name).cmp(&(&b.tenant, &b.name)));
    Ok(keys)
}

impl TenantKey {
    fn bring(&mut self, object: &Object, secret: &Secret, resolver: &Resolver<'_>) {
        self.brought_by = Some(object.file.clone());
        let place = reference(&self.secret, TENANT_KEY_DATA_KEY);
        match secret.values.get(TENANT_KEY_DATA_KEY).map(|written| resolver.resolve(&place, written)) {
            Some(Ok(found)) => self.value = Some(found.value),
            Some(Err(unresolved)) => self.trouble = Some(unresolved.to_string()),
            None => self.trouble = Some(format!("its Secret has no value for {TENANT_KEY_DATA_KEY}")),
        }
    }

    fn look_up(&mut self, keyring: &Keyring) {
        match keyring.read(&self.secret) {
            Ok(made) => {
                let (value, rotated) = made.map(|made| (made.value, made.rotated)).unzip();
                self.value = value;
                self.rotated = rotated.unwrap_or_default();
            }
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }
}
