//! Tenants' Secrets: made once, rotated, and told where gateways are.

use std::fmt;

use aigne_hub_crds::{
    compile::ObjectKey,
    distribution::{KEY_COMPONENT, MANAGER, ROTATED_ANNOTATION, ROTATED_KEYS_ANNOTATION, VARIABLES},
    v1alpha1::TENANT_KEY_DATA_KEY,
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Resource as _,
    api::{GetParams, Patch, PatchParams, PostParams, Request},
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Cluster, WriteError, labels};
use crate::{
    plan::{KeyAction, KeyWork},
    watch,
};

/// On a tenant's Secret: the Tenant that it was made for.
const TENANT_LABEL: &str = "hub.aigne.io/tenant";

/// A tenant's key. It prints as `***`.
struct Key(Zeroizing<String>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// 256 random bits.
    fn random() -> Result<Self, WriteError> {
        let digits = random_hex::<32>()?;
        Ok(Self(Zeroizing::new(format!("hub-{}", *digits))))
    }

    /// Under our own data key, and under what SDKs look for.
    fn data(&self) -> impl Iterator<Item = (String, Value)> {
        let keys = VARIABLES.into_iter().map(|of| of.key);
        [TENANT_KEY_DATA_KEY].into_iter().chain(keys).map(|name| (name.to_owned(), encoded(&self.0)))
    }
}

/// So many random bytes, in hex.
pub(crate) fn random_hex<const N: usize>() -> Result<Zeroizing<String>, WriteError> {
    let mut bytes = Zeroizing::new([0_u8; N]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| WriteError::Random)?;
    Ok(Zeroizing::new(hex::encode(*bytes)))
}

/// As it stands in a Secret.
fn encoded(value: &str) -> Value {
    serde_json::to_value(ByteString(value.as_bytes().to_vec())).unwrap_or_default()
}

/// Where SDKs find gateways. OpenAI's appends `/chat/completions` to it, Anthropic's `/v1/messages`.
fn addresses(address: &str) -> Map<String, Value> {
    VARIABLES
        .into_iter()
        .map(|of| (of.address.to_owned(), encoded(&format!("{address}{}", of.suffix))))
        .collect()
}

/// Does it. An error is one to try again: whether it still makes sense is decided anew.
pub async fn work(cluster: &Cluster, work: &KeyWork) -> Result<(), WriteError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), &work.secret.namespace);
    let name = &work.secret.name;
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match &work.action {
        KeyAction::Make => {
            let secret = secret(work, &Key::random()?, &cluster.address)?;
            let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            match cluster.write("Secret", api.create(&params, &secret)).await {
                // If somebody brought one along in the meantime, it is seen before this is tried again.
                Err(error) if error.code() == Some(409) => match kind_of(cluster, &work.secret).await? {
                    r#type if watch::is_watched(&r#type) => Err(error),
                    r#type => Err(WriteError::Hidden(r#type)),
                },
                result => result.map(drop),
            }
        }
        KeyAction::Rotate { resource_version, asked, rotated_keys } => {
            let data: Map<_, _> =
                addresses(&cluster.address).into_iter().chain(Key::random()?.data()).collect();
            let noted = serde_json::to_string(rotated_keys).unwrap_or_default();
            let patch = json!({
                // Of another version it is refused.
                "metadata": {
                    "resourceVersion": resource_version,
                    "annotations": {ROTATED_ANNOTATION: asked, ROTATED_KEYS_ANNOTATION: noted},
                },
                "data": data,
            });
            cluster.write("Secret", api.patch(name, &params, &Patch::Merge(Hidden(patch)))).await.map(drop)
        }
        KeyAction::Readdress => {
            let patch = json!({"data": addresses(&cluster.address)});
            cluster.write("Secret", api.patch(name, &params, &Patch::Merge(Hidden(patch)))).await.map(drop)
        }
    }
}

/// The type of a Secret, and nothing else of it.
async fn kind_of(cluster: &Cluster, secret: &ObjectKey) -> Result<String, WriteError> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(default)]
        r#type: String,
    }
    let url = Secret::url_path(&(), Some(&secret.namespace));
    let request = Request::new(url).get(&secret.name, &GetParams::default());
    let request = request.map_err(|error| WriteError::Kube(kube::Error::BuildRequest(error)))?;
    let typed = cluster.ask(cluster.client.request::<Typed>(request)).await?;
    Ok(typed.r#type)
}

/// No owner: a Tenant that is deleted and restored finds its key again.
fn secret(work: &KeyWork, key: &Key, address: &str) -> Result<Secret, WriteError> {
    let mut labels = labels(KEY_COMPONENT);
    // A label holds less than a name may have; for people only.
    if work.tenant.name.len() <= 63 {
        labels[TENANT_LABEL] = json!(work.tenant.name);
    }
    let data: Map<_, _> = addresses(address).into_iter().chain(key.data()).collect();
    serde_json::from_value(json!({
        "metadata": {"name": work.secret.name, "namespace": work.secret.namespace, "labels": labels},
        "type": "Opaque",
        "data": data,
    }))
    .map_err(|error| WriteError::Kube(kube::Error::SerdeError(error)))
}

/// A patch that holds a key and is not printed.
#[derive(serde::Serialize)]
struct Hidden(Value);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_256_random_bits_and_does_not_print() {
        let (one, other) = (Key::random().unwrap(), Key::random().unwrap());
        assert_ne!(*one.0, *other.0);
        assert_eq!((one.0.len(), one.0.starts_with("hub-")), (68, true));
        assert_eq!(format!("{one:?}"), "***");
        let data: Map<_, _> = one.data().collect();
        assert_eq!(format!("{:?}", Hidden(Value::Object(data))), "***");
    }

    #[test]
    fn a_secret_has_all_that_env_from_needs_and_no_owner() {
        let tenant = ObjectKey::new("team", "acme");
        let work = KeyWork {
            secret: tenant.sibling("acme-hub"),
            tenant,
            key: "app".into(),
            action: KeyAction::Make,
        };
        let key = Key::random().unwrap();
        let secret = secret(&work, &key, "http://hub.ai.svc:8080").unwrap();
        let text = |name: &str| {
            let data = secret.data.as_ref().unwrap();
            String::from_utf8(data[name].0.clone()).unwrap()
        };
        for name in ["apiKey", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AIGNE_HUB_API_KEY"] {
            assert_eq!(text(name), *key.0, "{name}");
        }
        assert_eq!(text("OPENAI_BASE_URL"), "http://hub.ai.svc:8080/v1");
        assert_eq!(text("ANTHROPIC_BASE_URL"), "http://hub.ai.svc:8080");
        assert_eq!(text("AIGNE_HUB_API_URL"), "http://hub.ai.svc:8080");
        assert_eq!(secret.metadata.owner_references, None);
        let labels = secret.metadata.labels.unwrap();
        assert_eq!(labels["hub.aigne.io/component"], "key");
        assert_eq!(labels["hub.aigne.io/tenant"], "acme");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "aigne-hub-operator");
    }
}
