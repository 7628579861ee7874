//! The whole of it: an operator, gateways, Postgres and a scripted provider around a control plane.

use anyhow::Context;
use base64::Engine as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::controlplane::ControlPlane;
use super::eventually;
use super::gateway::{Gateway, Gateways};
use super::operator::{Operator, Operators};
use super::postgres::Postgres;
use crate::scripted::Scripted;

/// What the scripted provider serves, and what it costs, in every system.
pub const MODEL: &str = "gpt";

/// The whole of it. Everything ends when it is dropped, but for the control plane and Postgres.
#[expect(missing_debug_implementations, reason = "a client has none")]
pub struct System {
    /// The hub's namespace.
    pub hub: String,
    /// Teams' namespaces.
    pub teams: Vec<String>,
    /// The provider.
    pub provider: Scripted,
    /// How operators are started here.
    pub operators: Operators,
    /// The one that was.
    pub operator: Operator,
    /// How gateways are started here.
    pub gateways: Gateways,
    /// Those that were.
    pub serving: Vec<Gateway>,
    /// The ledger.
    pub database: String,
    client: Client,
}

impl System {
    /// So many teams' namespaces and gateways; the provider, its Secret and its prices are there, and all is ready.
    pub async fn start(
        plane: &ControlPlane,
        postgres: &Postgres,
        teams: usize,
        gateways: usize,
    ) -> anyhow::Result<Self> {
        let hub = plane.namespace("hub").await?;
        let mut names = Vec::new();
        for _ in 0..teams {
            names.push(plane.namespace("team").await?);
        }
        let of: Vec<&str> = names.iter().map(String::as_str).collect();
        let database = postgres.database().await?;
        let operators = Operators::new(plane, &hub, &of).await?.database(&database)?;
        let operator = operators.start().await?;
        let starting = Gateways::new(plane, &hub).await?.database(&database)?;
        let mut serving = Vec::new();
        for number in 0..gateways {
            serving.push(starting.start(&format!("gateway-{number}")).await?);
        }
        let (provider, client) = (Scripted::start().await?, plane.client().await?);
        let system = Self {
            hub,
            teams: names,
            provider,
            operators,
            operator,
            gateways: starting,
            serving,
            database,
            client,
        };
        system.put_credential("sk-first").await?;
        let (provider, pricing) = (system.provider_manifest(), system.pricing_manifest("1"));
        system.apply(provider).await?;
        system.apply(pricing).await?;
        system.operator.leads().await?;
        for gateway in &system.serving {
            gateway.ready().await?;
        }
        Ok(system)
    }

    /// The provider, as YAML would have it.
    pub fn provider_manifest(&self) -> Value {
        let url = format!("{}/v1", self.provider.origin());
        self.manifest("AIProvider", &self.hub, "openai", &json!({
            "type": "OpenAI", "baseURL": url, "allowInsecure": true, "allowPrivate": true, "retry": { "attempts": 1 },
            "credentials": [{ "name": "main", "secretKeyRef": { "name": "openai", "key": "apiKey" } }],
            "models": [{ "name": MODEL, "type": "Chat", "contextWindow": 128_000, "maxOutputTokens": 4096 }],
        }))
    }

    /// Its prices: a million tokens of input cost so many dollars.
    pub fn pricing_manifest(&self, input: &str) -> Value {
        let rate = json!({ "model": MODEL, "cost": { "input": input, "output": "2" } });
        self.manifest(
            "ModelPricing",
            &self.hub,
            "openai",
            &json!({ "providerRef": { "name": "openai" }, "rates": [rate] }),
        )
    }

    /// A tenant with one key, `app`, whose Secret has the tenant's name.
    pub fn tenant_manifest(&self, namespace: &str, name: &str) -> Value {
        self.manifest("Tenant", namespace, name, &json!({ "keys": [{ "name": "app", "secretName": name }] }))
    }

    /// An object of one of the three kinds.
    pub fn manifest(&self, kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": kind,
            "metadata": { "namespace": namespace, "name": name }, "spec": spec,
        })
    }

    /// Puts the provider's key in its Secret.
    pub async fn put_credential(&self, value: &str) -> anyhow::Result<()> {
        self.put_secret(&self.hub, "openai", value, &[("hub.aigne.io/credential", "true")]).await
    }

    /// Puts a value under `apiKey` in a Secret.
    pub async fn put_secret(
        &self,
        namespace: &str,
        name: &str,
        value: &str,
        labels: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let labels: serde_json::Map<_, _> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": labels },
            "data": { "apiKey": base64::engine::general_purpose::STANDARD.encode(value) },
        });
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        api.patch(name, &PatchParams::apply("person").force(), &Patch::Apply(secret)).await?;
        Ok(())
    }

    /// As `kubectl apply --server-side` does.
    pub async fn apply(&self, object: Value) -> anyhow::Result<DynamicObject> {
        let (api, name) = self.api_of(&object)?;
        Ok(api.patch(&name, &PatchParams::apply("person").force(), &Patch::Apply(object)).await?)
    }

    /// As `kubectl create` does: cheaper than applying where it is known not to be there.
    pub async fn create(&self, object: Value) -> anyhow::Result<()> {
        let (api, _) = self.api_of(&object)?;
        api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(())
    }

    /// As `kubectl delete` does.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        self.api(kind, namespace).delete(name, &DeleteParams::background()).await?;
        Ok(())
    }

    /// One of the three kinds in a namespace.
    pub fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let plural = format!("{}s", kind.to_lowercase());
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("hub.aigne.io", "v1alpha1", kind),
            &plural,
        );
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    fn api_of(&self, object: &Value) -> anyhow::Result<(Api<DynamicObject>, String)> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no manifest");
        let (kind, namespace) = (text(&object["kind"])?, text(&object["metadata"]["namespace"])?);
        Ok((self.api(&kind, &namespace), text(&object["metadata"]["name"])?))
    }

    /// The status and reason of a condition.
    pub async fn condition(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        r#type: &str,
    ) -> anyhow::Result<Option<(String, String)>> {
        let object = self.api(kind, namespace).get(name).await?;
        let conditions = object.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let generation = object.metadata.generation;
        let found = conditions
            .into_iter()
            .find(|one| one["type"] == r#type && one["observedGeneration"].as_i64() == generation);
        Ok(found.map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (text("status"), text("reason"))
        }))
    }

    /// Waits until it is ready.
    pub async fn ready(&self, kind: &str, namespace: &str, name: &str) -> anyhow::Result<()> {
        let mut last = None;
        let ready = eventually("it is ready", async || {
            last = self.condition(kind, namespace, name, "Ready").await?;
            Ok(last.as_ref().filter(|(status, _)| status == "True").map(drop))
        });
        let ready = ready.await;
        ready.with_context(|| {
            format!("{kind} {namespace}/{name}: Ready is {last:?}; {}", self.operator.logs().text())
        })
    }

    /// The key that the operator made, once it is there.
    pub async fn key(&self, namespace: &str, secret: &str) -> anyhow::Result<String> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        eventually("the key is made", async || {
            let Some(secret) = api.get_opt(secret).await? else { return Ok(None) };
            let value = secret.data.and_then(|mut data| data.remove("apiKey")).context("apiKey")?;
            Ok(Some(String::from_utf8(value.0)?))
        })
        .await
    }
}
