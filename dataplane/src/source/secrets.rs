//! The values that providers and tenants refer to: from Secret manifests, from the environment, or made here.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::{
    compile::{Finding, ObjectKey, Resources, SecretFacts, Severity, ValueFacts},
    config::SecretRef,
    manifest::{Body, Manifests, Object, Secret},
    v1alpha1::{
        CREDENTIAL_LABEL, KeyStatus, TENANT_KEY_DATA_KEY, TENANT_KEY_MIN_BYTES, TenantStatus,
        conditions::{RESOLVED_REFS, reasons},
    },
};
use jiff::Timestamp;

use super::resolve::{Form, Resolver, Unresolved};
use crate::secret::{SecretValue, keyring::Keyring};

/// A value lies in clear where it could be sealed.
pub const STORED_IN_CLEAR: &str = "StoredInClear";
/// A value is to be found only where the hub runs.
pub const NOT_FOUND_HERE: &str = "NotFoundHere";

/// What to do about values that are not in the manifests.
#[derive(Clone, Debug)]
pub enum Missing {
    /// The hub serves: it makes tenant keys, and a value that is missing is missing.
    Make(Keyring),
    /// Manifests are only checked: what the place where they run provides is taken for granted, with a warning.
    Assume {
        /// Whole Secrets may come from elsewhere too.
        secrets: bool,
    },
}

/// What was gathered.
#[derive(Default)]
pub(super) struct Gathered {
    /// Of the references that resolved.
    pub(super) values: BTreeMap<SecretRef, SecretValue>,
    pub(super) findings: Vec<Finding>,
}

/// Adds to `resources` what compile needs to know of Secrets, and of keys that were rotated.
pub(super) fn gather(
    manifests: &Manifests,
    resources: &mut Resources,
    resolver: &Resolver<'_>,
    missing: &Missing,
    now: Timestamp,
) -> Gathered {
    let mut gathered = Gathered::default();
    let wanted = Wanted::of(resources);
    for object in &manifests.objects {
        if let Body::Secret(secret) = &object.body {
            let facts = gathered.secret(object, secret, &wanted, resolver, missing);
            resources.secrets.insert(object.key.clone(), facts);
        }
    }
    match missing {
        Missing::Make(keyring) => gathered.made_keys(resources, keyring, now),
        Missing::Assume { secrets } => wanted.assume(resources, *secrets),
    }
    gathered
}

/// The references in providers and tenants.
struct Wanted {
    credentials: BTreeSet<SecretRef>,
    keys: BTreeSet<SecretRef>,
}

impl Wanted {
    fn of(resources: &Resources) -> Self {
        let credentials =
            resources.providers.iter().flat_map(|(key, provider)| {
                let of = |name: &str, data: &str| reference(&key.sibling(name), data);
                provider.spec.credentials.iter().map(move |credential| {
                    of(&credential.secret_key_ref.name, &credential.secret_key_ref.key)
                })
            });
        let keys = resources.tenants.iter().flat_map(|(key, tenant)| {
            let of = |name: &str| reference(&key.sibling(name), TENANT_KEY_DATA_KEY);
            tenant.spec.keys.iter().map(move |tenant_key| of(&tenant_key.secret_name))
        });
        Self { credentials: credentials.collect(), keys: keys.collect() }
    }

    /// Facts of Secrets that stand in no manifest. Tenant keys are always made by the hub.
    fn assume(&self, resources: &mut Resources, secrets: bool) {
        let keys = self.keys.iter().filter(|wanted| !resources.secrets.contains_key(&object(wanted)));
        let credentials = self
            .credentials
            .iter()
            .filter(|wanted| secrets && !resources.secrets.contains_key(&object(wanted)));
        for wanted in keys.chain(credentials).cloned().collect::<Vec<_>>() {
            let known = resources.secrets.entry(object(&wanted)).or_default();
            known.labels.insert(CREDENTIAL_LABEL.to_owned(), "true".to_owned());
            known.keys.insert(wanted.key.clone(), assumed(&wanted));
        }
    }
}

impl Gathered {
    fn secret(
        &mut self,
        object: &Object,
        secret: &Secret,
        wanted: &Wanted,
        resolver: &Resolver<'_>,
        missing: &Missing,
    ) -> SecretFacts {
        let mut known = SecretFacts { labels: secret.labels.clone(), keys: BTreeMap::new() };
        let mut in_clear = None;
        // What nobody refers to is none of our business: a certificate may stand in the same folder.
        for (key, written) in &secret.values {
            let place = reference(&object.key, key);
            let is_credential = wanted.credentials.contains(&place);
            if !is_credential && !wanted.keys.contains(&place) {
                continue;
            }
            match resolver.resolve(&place, written) {
                Ok(found) => {
                    known.keys.insert(key.clone(), facts(&found.value));
                    if is_credential {
                        if found.form == Form::Plain && in_clear.is_none() {
                            in_clear = Some(key);
                        }
                        self.values.insert(place, found.value);
                    }
                }
                Err(unresolved) => {
                    let assume = unresolved.is_local() && matches!(missing, Missing::Assume { .. });
                    if assume {
                        known.keys.insert(key.clone(), assumed(&place));
                    }
                    self.unresolved(object, key, &unresolved, assume);
                }
            }
        }
        if let Some(key) = in_clear {
            let message = format!(
                "the provider key lies here in clear: `aigne-hub seal -f {}` encrypts it, or write env:NAME to take it from the environment",
                object.file
            );
            self.find(object, key, Severity::Warning, STORED_IN_CLEAR, message);
        }
        known
    }

    fn unresolved(&mut self, object: &Object, key: &str, unresolved: &Unresolved, assume: bool) {
        let (severity, reason) =
            if assume { (Severity::Warning, NOT_FOUND_HERE) } else { (Severity::Error, reasons::INVALID) };
        self.find(object, key, severity, reason, unresolved.to_string());
    }

    fn find(&mut self, object: &Object, key: &str, severity: Severity, reason: &str, message: String) {
        self.findings.push(Finding {
            kind: object.kind.clone(),
            object: object.key.clone(),
            field: field_of(object, key),
            severity,
            condition: RESOLVED_REFS.to_owned(),
            reason: reason.to_owned(),
            message,
        });
    }

    /// Keys whose Secret stands in no manifest. A made key that was rotated is told by the Tenant's status, as the
    /// operator does it.
    fn made_keys(&mut self, resources: &mut Resources, keyring: &Keyring, now: Timestamp) {
        let secrets = &mut resources.secrets;
        for (tenant_key, tenant) in &mut resources.tenants {
            for (index, key) in tenant.spec.keys.iter().enumerate() {
                let secret_key = tenant_key.sibling(&key.secret_name);
                if secrets.contains_key(&secret_key) {
                    continue;
                }
                match keyring.read_or_make(&secret_key, now) {
                    Ok(made) => {
                        let known = secrets.entry(secret_key).or_default();
                        known.keys.insert(TENANT_KEY_DATA_KEY.to_owned(), facts(&made.value));
                        let status = tenant.status.get_or_insert_with(TenantStatus::default);
                        status.keys.push(KeyStatus {
                            name: key.name.clone(),
                            rotated: made.rotated,
                            spend: Vec::new(),
                        });
                    }
                    Err(error) => self.findings.push(Finding {
                        kind: "Tenant".to_owned(),
                        object: tenant_key.clone(),
                        field: format!("spec.keys[{index}].secretName"),
                        severity: Severity::Error,
                        condition: RESOLVED_REFS.to_owned(),
                        reason: reasons::INVALID.to_owned(),
                        message: error.to_string(),
                    }),
                }
            }
        }
    }
}

fn facts(value: &SecretValue) -> ValueFacts {
    ValueFacts { sha256: value.sha256(), length: value.len() }
}

/// Of a value that is somewhere else: long enough, and like no other.
fn assumed(place: &SecretRef) -> ValueFacts {
    let like_no_other = format!("assumed {}/{}/{}", place.namespace, place.name, place.key);
    ValueFacts { length: TENANT_KEY_MIN_BYTES, ..ValueFacts::of(like_no_other.as_bytes()) }
}

pub(crate) fn reference(secret: &ObjectKey, key: &str) -> SecretRef {
    SecretRef { namespace: secret.namespace.clone(), name: secret.name.clone(), key: key.to_owned() }
}

fn object(reference: &SecretRef) -> ObjectKey {
    ObjectKey::new(&*reference.namespace, &*reference.name)
}

/// Where a value was written: `stringData` wins over `data`.
pub(crate) fn field_of(object: &Object, key: &str) -> String {
    let word = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let path = |member: &str| if word { format!("{member}.{key}") } else { format!("{member}[{key}]") };
    let plain = path("stringData");
    // A path that was not written is found at what is around it.
    let written = object.places.find(&plain) != object.places.find("stringData");
    if written { plain } else { path("data") }
}
