//! Decides what is to be done about tenants' Secrets.
//!
//! A key is made once, and from then on it is whatever the Secret says: a Secret that was brought along is never
//! written. Old keys are noted on the Secret itself, in the same write that replaces them: nothing can come between.

use aigne_hub_crds::{
    compile::ObjectKey,
    v1alpha1::{Key, KeyStatus, MOST_ROTATED_KEYS, RotatedKey, TENANT_KEY_DATA_KEY, Tenant},
};
use jiff::Timestamp;

use crate::{
    change::SeenSecret,
    plan::{KeyAction, KeyWork},
};

/// What is to be done about one key; nothing where its Secret is as it should be.
pub(crate) fn work(
    tenant: &ObjectKey,
    key: &Key,
    secret: Option<&SeenSecret>,
    address: &str,
    now: Timestamp,
) -> Option<KeyWork> {
    let action = match secret {
        None => KeyAction::Make,
        Some(secret) => {
            let made = secret.made.as_ref()?;
            let present = secret.facts.keys.get(TENANT_KEY_DATA_KEY);
            match &made.rotate {
                Some(asked) if made.rotated.as_ref() != Some(asked) => {
                    let expires_at = now.saturating_add(key.grace()).unwrap_or(Timestamp::MAX);
                    let replaced =
                        present.map(|value| RotatedKey { sha256: value.sha256.clone(), expires_at });
                    KeyAction::Rotate {
                        resource_version: secret.resource_version.clone(),
                        asked: asked.clone(),
                        rotated_keys: replaced
                            .into_iter()
                            .chain(honoured(&made.rotated_keys, now).cloned())
                            .take(MOST_ROTATED_KEYS)
                            .collect(),
                    }
                }
                _ if made.address.as_deref() != Some(address) => KeyAction::Readdress,
                _ => return None,
            }
        }
    };
    Some(KeyWork {
        secret: tenant.sibling(&key.secret_name),
        tenant: tenant.clone(),
        key: key.name.clone(),
        action,
    })
}

/// The keys of a Tenant's status, from what their Secrets say.
pub(crate) fn statuses<'a>(
    tenant: &Tenant,
    secret: impl Fn(&str) -> Option<&'a SeenSecret>,
    now: Timestamp,
) -> Vec<KeyStatus> {
    let mut statuses: Vec<_> = tenant
        .spec
        .keys
        .iter()
        .map(|key| {
            let made = secret(&key.secret_name).and_then(|secret| secret.made.as_ref());
            let rotated = made.into_iter().flat_map(|made| honoured(&made.rotated_keys, now).cloned());
            let rotated = rotated.take(MOST_ROTATED_KEYS).collect();
            KeyStatus { name: key.name.clone(), rotated, spend: Vec::new() }
        })
        .collect();
    statuses.sort_by(|a, b| a.name.cmp(&b.name));
    statuses
}

/// When the grace of one of these ends next.
pub(crate) fn next_expiry(statuses: &[KeyStatus], now: Timestamp) -> Option<Timestamp> {
    let rotated = statuses.iter().flat_map(|status| &status.rotated);
    rotated.map(|old| old.expires_at).filter(|at| *at > now).min()
}

fn honoured(rotated: &[RotatedKey], now: Timestamp) -> impl Iterator<Item = &RotatedKey> {
    rotated.iter().filter(move |old| old.expires_at > now)
}
