//! What each kind of object says.

use std::{fmt::Debug, sync::Arc};

use aigne_hub_crds::{
    compile::ObjectKey,
    distribution::{
        INDEX_KEY, INDEX_NAME, Index, PART_KEY, Part, REFUSED_ANNOTATION, SECRETS_ROLE, SEQUENCE_ANNOTATION,
        lease_name, part_number,
    },
    v1alpha1::{AIProvider, ModelPricing, Tenant},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{coordination::v1::Lease, core::v1::ConfigMap, rbac::v1::Role},
    apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta},
};
use kube::{
    Resource,
    core::{DeserializeGuard, error_boundary::InvalidObject},
};
use serde::de::DeserializeOwned;

use super::secret::Facts;
use crate::{
    apply::secrets_of,
    change::{Broken, Change, Object, Owned, SeenGateway},
};

/// What an object says: a change, and the status of its condition Ready. `None` if it says nothing to us.
type Says = Option<(Change, Option<String>)>;

/// A kind that is watched.
pub(crate) trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// As people write it.
    const KIND: &'static str;

    /// What it says.
    fn seen(self, key: &ObjectKey) -> Says;

    /// That it is gone.
    fn gone(key: &ObjectKey) -> Option<Change>;
}

macro_rules! resources {
    ($($kind:ident as $change:ident;)*) => { $(
        impl Watched for DeserializeGuard<$kind> {
            const KIND: &'static str = stringify!($kind);

            fn seen(self, key: &ObjectKey) -> Says {
                let mut object = match self.0 {
                    Ok(object) => object,
                    Err(invalid) => return Some(broken(Object::$change(key.clone()), invalid)),
                };
                slim(&mut object.metadata);
                let ready = object.status.as_ref().map(|status| ready(&status.conditions)).unwrap_or_default();
                Some((Change::$change(key.clone(), Some(Arc::new(object))), Some(ready)))
            }

            fn gone(key: &ObjectKey) -> Option<Change> {
                Some(Change::$change(key.clone(), None))
            }
        }
    )* };
}

resources! {
    AIProvider as Provider;
    ModelPricing as Pricing;
    Tenant as Tenant;
}

/// It is not ready, whatever it says of itself.
fn broken(object: Object, invalid: InvalidObject) -> (Change, Option<String>) {
    let InvalidObject { error, metadata } = invalid;
    let broken = Broken { uid: metadata.uid.unwrap_or_default(), generation: metadata.generation, error };
    (Change::Broken(object, broken), Some("False".to_owned()))
}

/// Leaves out what nobody reads: it is more than the object itself, and there are thousands.
fn slim(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

fn ready(conditions: &[Condition]) -> String {
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map_or_else(String::new, |condition| condition.status.clone())
}

impl Watched for Facts {
    const KIND: &'static str = "Secret";

    fn seen(self, key: &ObjectKey) -> Says {
        Some((Change::Secret(key.clone(), Some(Facts::seen(self))), None))
    }

    fn gone(key: &ObjectKey) -> Option<Change> {
        Some(Change::Secret(key.clone(), None))
    }
}

impl Watched for ConfigMap {
    const KIND: &'static str = "ConfigMap";

    fn seen(self, key: &ObjectKey) -> Says {
        let text = |name| self.data.as_ref().and_then(|data| data.get(name));
        // What cannot be read is written anew, so it is no more than absent.
        let owned = if key.name == INDEX_NAME {
            Some(Owned::Index(text(INDEX_KEY).and_then(|text| Index::from_data(text).ok())))
        } else {
            part_number(&key.name)
                .map(|number| Owned::Part(number, text(PART_KEY).and_then(|text| Part::from_data(text).ok())))
        };
        owned.map(|owned| (Change::Owned(owned), None))
    }

    fn gone(key: &ObjectKey) -> Option<Change> {
        if key.name == INDEX_NAME {
            return Some(Change::Owned(Owned::Index(None)));
        }
        part_number(&key.name).map(|number| Change::Owned(Owned::Part(number, None)))
    }
}

impl Watched for Role {
    const KIND: &'static str = "Role";

    fn seen(self, key: &ObjectKey) -> Says {
        let owned = || Change::Owned(Owned::Role(secrets_of(&self)));
        (key.name == SECRETS_ROLE).then(|| (owned(), None))
    }

    fn gone(key: &ObjectKey) -> Option<Change> {
        (key.name == SECRETS_ROLE).then_some(Change::Owned(Owned::Role(None)))
    }
}

impl Watched for Lease {
    const KIND: &'static str = "Lease";

    fn seen(self, key: &ObjectKey) -> Says {
        let pod = pod(&key.name)?;
        let annotation = |name| self.metadata.annotations.as_ref().and_then(|all| all.get(name));
        let spec = self.spec.as_ref();
        let renewed =
            spec.and_then(|spec| spec.renew_time.as_ref()).map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let gateway = SeenGateway {
            sequence: annotation(SEQUENCE_ANNOTATION).and_then(|text| text.parse().ok()).unwrap_or_default(),
            refused: annotation(REFUSED_ANNOTATION).cloned(),
            expires_at: renewed
                .saturating_add(SignedDuration::from_secs(seconds.into()))
                .unwrap_or(Timestamp::MAX),
        };
        Some((Change::Gateway(pod.to_owned(), Some(gateway)), None))
    }

    fn gone(key: &ObjectKey) -> Option<Change> {
        pod(&key.name).map(|pod| Change::Gateway(pod.to_owned(), None))
    }
}

/// The pod whose Lease this is.
fn pod(lease: &str) -> Option<&str> {
    lease.strip_prefix(lease_name("").as_str()).filter(|pod| !pod.is_empty())
}

#[cfg(test)]
mod tests;
