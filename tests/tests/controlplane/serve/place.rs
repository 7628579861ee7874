//! A namespace with what an operator would have written by now, and gateways in it.

use aigne_hub_crds::compile::{ObjectKey, SecretFacts, ValueFacts, compile};
use aigne_hub_crds::config::FORMAT;
use aigne_hub_crds::distribution::{Index, Part, SECRETS_ROLE, entries, lease_name, part_name};
use aigne_hub_crds::manifest::Manifests;
use aigne_hub_tests::harness::{
    Client, ControlPlane, Gateway, Gateways, Outcome, asks::chat, eventually, key,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};

const POD: &str = "gateway-1";

pub(super) struct Place {
    pub(super) namespace: String,
    client: kube::Client,
    gateways: Gateways,
    upstream: String,
}

impl Place {
    pub(super) async fn new(plane: &ControlPlane, upstream: &Scripted) -> anyhow::Result<Self> {
        let namespace = plane.namespace("serve").await?;
        let gateways = Gateways::new(plane, &namespace).await?;
        let client = plane.client().await?;
        Ok(Self { namespace, client, gateways, upstream: format!("{}/v1", upstream.origin()) })
    }

    /// With usage in this Postgres database.
    pub(super) fn database(mut self, url: &str) -> anyhow::Result<Self> {
        self.gateways = self.gateways.database(url)?;
        Ok(self)
    }

    /// With further options.
    pub(super) fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.gateways = self.gateways.args(arguments);
        self
    }

    /// As the operator's Role does.
    pub(super) async fn allow_secrets(&self) -> Outcome {
        let rule = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["openai"], "verbs": ["list", "watch"] }]);
        let api = "apis/rbac.authorization.k8s.io/v1";
        self.apply(api, "roles", "Role", SECRETS_ROLE, json!({ "rules": rule })).await
    }

    async fn apply(&self, api: &str, plural: &str, kind: &str, name: &str, mut object: Value) -> Outcome {
        object["apiVersion"] = json!(api.trim_start_matches("apis/").trim_start_matches("api/"));
        object["kind"] = json!(kind);
        object["metadata"]["name"] = json!(name);
        let path =
            format!("/{api}/namespaces/{}/{plural}/{name}?fieldManager=test&force=true", self.namespace);
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        self.client.request::<Value>(request.body(serde_json::to_vec(&object)?)?).await?;
        Ok(())
    }

    async fn map(&self, name: &str, file: &str, text: &str) -> Outcome {
        let map = json!({ "metadata": { "labels": { "hub.aigne.io/component": "config" } }, "data": { file: text } });
        self.apply("api/v1", "configmaps", "ConfigMap", name, map).await
    }

    fn part(&self, sequence: u64, tenants: &[&str]) -> anyhow::Result<(Part, Index)> {
        let mut objects = vec![json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "AIProvider", "metadata": { "name": "openai", "namespace": self.namespace },
            "spec": { "type": "OpenAI", "baseURL": self.upstream, "allowInsecure": true, "allowPrivate": true,
                "credentials": [{ "name": "main", "secretKeyRef": { "name": "openai", "key": "apiKey" } }],
                "models": [{ "name": "gpt", "type": "Chat" }], "retry": { "attempts": 1 } },
        })];
        objects.extend(tenants.iter().map(|name| {
            json!({
                "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": { "name": name, "namespace": self.namespace },
                "spec": { "displayName": name, "keys": [{ "name": "app", "secretName": name }],
                    "workloadIdentities": [{ "namespace": self.namespace, "serviceAccount": name }] },
            })
        }));
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let manifests = Manifests::read([("all.yaml", texts.join("\n---\n").as_str())]);
        ensure!(manifests.errors.is_empty(), "{:?}", manifests.errors);
        let mut resources = manifests.resources();
        let mut know = |name: &str, file: &str, value: &str| {
            let facts = SecretFacts {
                labels: [("hub.aigne.io/credential".to_owned(), "true".to_owned())].into(),
                keys: [(file.to_owned(), ValueFacts::of(value.as_bytes()))].into(),
            };
            resources.secrets.insert(ObjectKey::new(&*self.namespace, name), facts);
        };
        know("openai", "apiKey", "sk-1");
        for name in tenants {
            know(name, "apiKey", &key(name, "app"));
        }
        let config = compile(&resources).config;
        let index = Index { format: FORMAT, sequence, digest: config.digest(), parts: 1 };
        Ok((Part { sequence, entries: entries(&config) }, index))
    }

    pub(super) async fn write(&self, sequence: u64, tenants: &[&str]) -> Outcome {
        let (part, index) = self.part(sequence, tenants)?;
        self.map(&part_name(0), "part.json", &part.to_data()).await?;
        self.map("aigne-hub-config", "index.json", &index.to_data()).await
    }

    pub(super) async fn tamper(&self) -> Outcome {
        let (part, _) = self.part(3, &["acme"])?;
        let text = part.to_data().replace("\"suspended\":false", "\"suspended\":true");
        self.map(&part_name(0), "part.json", &text).await
    }

    pub(super) async fn unknown_format(&self) -> Outcome {
        let (_, index) = self.part(4, &["acme"])?;
        self.map("aigne-hub-config", "index.json", &index.to_data().replace("\"format\":1", "\"format\":99"))
            .await
    }

    pub(super) async fn delete_index(&self) -> Outcome {
        let path = format!("/api/v1/namespaces/{}/configmaps/aigne-hub-config", self.namespace);
        self.client.request::<Value>(http::Request::delete(path).body(Vec::new())?).await?;
        Ok(())
    }

    pub(super) async fn secret(&self, value: &str) -> Outcome {
        self.apply("api/v1", "secrets", "Secret", "openai", json!({ "stringData": { "apiKey": value } }))
            .await
    }

    pub(super) async fn delete_secret(&self) -> Outcome {
        let path = format!("/api/v1/namespaces/{}/secrets/openai", self.namespace);
        self.client.request::<Value>(http::Request::delete(path).body(Vec::new())?).await?;
        Ok(())
    }

    pub(super) async fn lease(&self) -> anyhow::Result<Option<Lease>> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get_opt(&lease_name(POD)).await?)
    }

    pub(super) async fn lease_says(&self, sequence: Option<&str>, refused: bool) -> Outcome {
        eventually("the Lease says it", async || {
            let annotations =
                self.lease().await?.and_then(|lease| lease.metadata.annotations).unwrap_or_default();
            let is_refused = annotations.contains_key("hub.aigne.io/refused");
            let same = annotations.get("hub.aigne.io/sequence").map(String::as_str) == sequence;
            Ok((same && is_refused == refused).then_some(()))
        })
        .await
    }

    /// The gateway, or its container again.
    pub(super) async fn start(&self) -> anyhow::Result<Gateway> {
        self.gateways.start(POD).await
    }

    /// Where it keeps what a restart begins with.
    pub(super) fn kept(&self, file: &str) -> std::path::PathBuf {
        self.gateways.keeps(POD).join("cache/configuration").join(&self.namespace).join(file)
    }

    /// What a restart needs has been written.
    pub(super) async fn keeps(&self) -> Outcome {
        let files = ["secrets", "aigne-hub-config", "aigne-hub-config-0000"];
        eventually("kept", async || Ok(files.iter().all(|file| self.kept(file).exists()).then_some(()))).await
    }
}

/// A client with a tenant's key.
pub(super) fn client(hub: &Gateway, tenant: &str) -> anyhow::Result<Client> {
    hub.client(&key(tenant, "app"))
}

/// Waits until a tenant is answered so.
pub(super) async fn asks(hub: &Gateway, tenant: &str, status: u16) -> Outcome {
    let what = format!("{tenant} is answered {status}");
    let asked = eventually(&what, async || {
        let answer = client(hub, tenant)?.chat(&chat("gpt", "hi")).await?;
        Ok((answer.status == status).then_some(()))
    });
    asked.await.with_context(|| hub.logs().text())
}

/// Why what was found is not all in use.
pub(super) async fn rejected(hub: &Gateway) -> anyhow::Result<String> {
    let findings = hub.admin_client().get("/config/findings").await?.json()?;
    Ok(findings["rejected"].to_string())
}
