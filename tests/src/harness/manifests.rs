//! What a test configures: providers, prices and tenants as manifests.

use serde_json::{Value, json};

use super::hub::Blueprint;
use crate::scripted::Scripted;

/// Where everything lives.
const NAMESPACE: &str = "hub";

/// The text of a tenant's key: long enough, and easy to find where it must not be.
pub fn key(tenant: &str, name: &str) -> String {
    format!("hub-test-{tenant}-{name}-0123456789abcdefghijklmnopqrstuv")
}

/// An `AIProvider` with one credential. Failures show at once: one attempt, short timeouts.
#[derive(Clone, Debug)]
pub struct Provider {
    name: String,
    spec: Value,
    credential: String,
}

impl Provider {
    /// A provider of this type at the scripted one, in the place where the type has its endpoints.
    pub fn new(name: &str, kind: &str, upstream: &Scripted) -> Self {
        let path = match kind {
            "Anthropic" | "DeepSeek" | "Gemini" | "Bedrock" => "",
            "OpenRouter" => "/api/v1",
            "Doubao" => "/api/v3",
            _ => "/v1",
        };
        Self::at(name, kind, &format!("{}{path}", upstream.origin()))
    }

    /// A provider of this type at this base URL.
    pub fn at(name: &str, kind: &str, base_url: &str) -> Self {
        let spec = json!({
            "type": kind,
            "baseURL": base_url,
            "allowInsecure": true,
            "allowPrivate": true,
            "credentials": [{"name": "primary", "secretKeyRef": {"name": secret(name), "key": "apiKey"}}],
            "models": [],
            "timeouts": {"connect": "5s", "firstToken": "5s", "idle": "5s", "request": "30s"},
            "retry": {"attempts": 1},
        });
        Self { name: name.into(), spec, credential: Self::credential(name) }
    }

    /// Adds a model of type `Chat` that can do everything.
    #[must_use]
    pub fn model(self, name: &str) -> Self {
        let features = json!(["Tools", "Vision", "StructuredOutput", "Reasoning"]);
        self.with_model(
            json!({"name": name, "type": "Chat", "contextWindow": 100_000, "maxOutputTokens": 4096,
            "features": features}),
        )
    }

    /// Adds a model as written.
    #[must_use]
    pub fn with_model(mut self, model: Value) -> Self {
        if let Some(models) = self.spec["models"].as_array_mut() {
            models.push(model);
        }
        self
    }

    /// Sets a member of the spec; null takes it away.
    #[must_use]
    pub fn set(mut self, member: &str, value: Value) -> Self {
        set(&mut self.spec, member, value);
        self
    }

    /// Sets what its credential's Secret holds.
    #[must_use]
    pub fn secret(mut self, text: &str) -> Self {
        self.credential = text.into();
        self
    }

    /// What its credential's Secret holds unless it is set.
    pub fn credential(name: &str) -> String {
        format!("sk-upstream-{name}-0123456789abcdefghijklmnop")
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn manifests(self) -> Vec<Value> {
        let mut secret = secret_manifest(&secret(&self.name), &self.credential);
        secret["metadata"]["labels"] = json!({"hub.aigne.io/credential": "true"});
        vec![resource("AIProvider", &self.name, &self.spec), secret]
    }
}

/// A `ModelPricing`; by default one rate for all models: 1 in, 0.1 cached, 1.25 written, 10 out, margin 20 %.
#[derive(Clone, Debug)]
pub struct Pricing {
    name: String,
    spec: Value,
}

impl Pricing {
    /// For this provider.
    pub fn new(provider: &str) -> Self {
        let cost = json!({"input": "1", "cachedInput": "0.1", "cacheWrite": "1.25", "output": "10"});
        let spec = json!({"providerRef": {"name": provider}, "margin": "20%", "rates": [{"model": "*", "cost": cost}]});
        Self { name: provider.into(), spec }
    }

    /// Sets a member of the spec; null takes it away.
    #[must_use]
    pub fn set(mut self, member: &str, value: Value) -> Self {
        set(&mut self.spec, member, value);
        self
    }

    pub(super) fn manifests(self) -> Vec<Value> {
        vec![resource("ModelPricing", &self.name, &self.spec)]
    }
}

/// A `Tenant`; its keys' texts are what [`key`] says.
#[derive(Clone, Debug)]
pub struct Tenant {
    name: String,
    spec: Value,
}

impl Tenant {
    /// With one key named `app` and all models.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), spec: json!({"displayName": name, "keys": []}) }.key(json!({"name": "app"}))
    }

    /// Adds a key; its Secret follows from the names.
    #[must_use]
    pub fn key(mut self, mut key: Value) -> Self {
        let secret = format!("{}-{}", self.name, key["name"].as_str().unwrap_or_default());
        key["secretName"] = json!(secret);
        if let Some(keys) = self.spec["keys"].as_array_mut() {
            keys.push(key);
        }
        self
    }

    /// Sets a member of the spec; null takes it away.
    #[must_use]
    pub fn set(mut self, member: &str, value: Value) -> Self {
        set(&mut self.spec, member, value);
        self
    }

    /// The text of its key `app`.
    pub fn app_key(&self) -> String {
        key(&self.name, "app")
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn manifests(self) -> Vec<Value> {
        let mut manifests = vec![resource("Tenant", &self.name, &self.spec)];
        for name in self.spec["keys"].as_array().into_iter().flatten().filter_map(|key| key["name"].as_str())
        {
            let secret = format!("{}-{name}", self.name);
            manifests.push(secret_manifest(&secret, &key(&self.name, name)));
        }
        manifests
    }
}

impl Blueprint {
    /// A tenant `acme`, and two providers at the scripted one: `openai` (model `gpt`), `claude` (Anthropic,
    /// model `sonnet`), both priced.
    pub fn usual(upstream: &Scripted) -> Self {
        Self::default()
            .provider(Provider::new("openai", "OpenAI", upstream).model("gpt"))
            .provider(Provider::new("claude", "Anthropic", upstream).model("sonnet"))
            .pricing(Pricing::new("openai"))
            .pricing(Pricing::new("claude"))
            .tenant(Tenant::new("acme"))
    }
}

fn secret(provider: &str) -> String {
    format!("{provider}-credential")
}

fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
}

fn secret_manifest(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
        "type": "Opaque", "stringData": {"apiKey": value}})
}

fn set(spec: &mut Value, member: &str, value: Value) {
    if let Some(members) = spec.as_object_mut() {
        if value.is_null() {
            members.remove(member);
        } else {
            members.insert(member.into(), value);
        }
    }
}
