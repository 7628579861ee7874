//! A Secret, of which nothing is kept but what may be known: values are hashed while they are read.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use aigne_hub_crds::{
    compile::{SecretFacts, ValueFacts},
    distribution::{
        COMPONENT_LABEL, KEY_COMPONENT, ROTATE_ANNOTATION, ROTATED_ANNOTATION, ROTATED_KEYS_ANNOTATION,
    },
};
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Resource;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use zeroize::Zeroizing;

use crate::{
    apply::ADDRESS_DATA_KEY,
    change::{MadeSecret, SeenSecret},
};

/// What may be known of a Secret.
#[derive(Clone, Deserialize)]
pub(crate) struct Facts {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Clone, Default)]
struct Data {
    keys: BTreeMap<String, ValueFacts>,
    /// The gateways' address, which is no secret.
    address: Option<String>,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Hashing)
    }
}

struct Hashing;

impl<'de> Visitor<'de> for Hashing {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of a Secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut data = Data::default();
        while let Some(key) = map.next_key::<String>()? {
            let value = Zeroizing::new(map.next_value::<ByteString>()?.0);
            if key == ADDRESS_DATA_KEY {
                data.address = String::from_utf8(value.to_vec()).ok();
            }
            data.keys.insert(key, ValueFacts::of(&value));
        }
        Ok(data)
    }
}

impl Facts {
    pub(super) fn seen(self) -> SeenSecret {
        let Data { keys, address } = self.data.unwrap_or_default();
        let labels = self.metadata.labels.unwrap_or_default();
        let annotation = |name| self.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
        let is_made = labels.get(COMPONENT_LABEL).is_some_and(|component| component == KEY_COMPONENT);
        let made = is_made.then(|| MadeSecret {
            rotate: annotation(ROTATE_ANNOTATION),
            rotated: annotation(ROTATED_ANNOTATION),
            rotated_keys: annotation(ROTATED_KEYS_ANNOTATION)
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            address,
        });
        SeenSecret {
            facts: SecretFacts { labels, keys },
            resource_version: self.metadata.resource_version.unwrap_or_default(),
            made,
        }
    }
}

// Annotations may hold what was applied, values and all.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("name", &self.metadata.name).finish_non_exhaustive()
    }
}

impl Resource for Facts {
    type DynamicType = ();
    type Scope = <Secret as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        Secret::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Secret::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Secret::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Secret::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &serde_json::Value) -> Facts {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn values_become_hashes_and_nothing_prints_them() {
        let facts = read(&json!({
            "metadata": {
                "name": "openai", "resourceVersion": "7", "labels": {"hub.aigne.io/credential": "true"},
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "c2stc2VjcmV0"}
            },
            "data": {"apiKey": "c2stc2VjcmV0", "AIGNE_HUB_API_URL": "aHR0cDovL2h1Yg=="},
            "type": "Opaque",
        }));
        assert!(!format!("{facts:?}").contains("c2st"));
        let seen = facts.seen();
        assert_eq!(seen.facts.keys["apiKey"], ValueFacts::of(b"sk-secret"));
        assert_eq!(
            (seen.resource_version.as_str(), &seen.made),
            ("7", &None),
            "brought along: nothing more is read"
        );
        assert!(!format!("{seen:?}").contains("sk-secret"));
    }

    #[test]
    fn of_a_made_one_the_notes_are_read_too() {
        let seen = read(&json!({
            "metadata": {
                "labels": {"hub.aigne.io/component": "key"},
                "annotations": {
                    "hub.aigne.io/rotate": "2", "hub.aigne.io/rotated": "1",
                    "hub.aigne.io/rotated-keys":
                        format!("[{{\"sha256\":\"{}\",\"expiresAt\":\"2027-01-01T00:00:00Z\"}}]", "a".repeat(64))
                }
            },
            "data": {"AIGNE_HUB_API_URL": "aHR0cDovL2h1Yg=="}
        }))
        .seen();
        let made = seen.made.unwrap();
        assert_eq!((made.rotate.as_deref(), made.rotated.as_deref()), (Some("2"), Some("1")));
        assert_eq!(made.rotated_keys[0].sha256, "a".repeat(64));
        assert_eq!(made.address.as_deref(), Some("http://hub"));
    }

    #[test]
    fn a_secret_may_be_empty() {
        assert_eq!(read(&json!({"metadata": {}})).seen(), SeenSecret::default());
        assert_eq!(read(&json!({"metadata": {}, "data": null})).seen(), SeenSecret::default());
    }
}
