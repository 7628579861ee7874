//! The scripted provider as a pod.

use anyhow::Context;
use serde_json::{Value, json};

use super::super::client::Client;
use super::{Pod, Space};
use crate::scripted::{Record, Totals, records_in};

const NAME: &str = "scripted-provider";
/// One that the chart's `NetworkPolicy` lets gateways out to, where it is enforced.
const PORT: u16 = 6443;

/// A provider in a namespace. Requests script it themselves: `[[chunks=3 pause=100]]`.
#[derive(Clone, Debug)]
pub struct Upstream {
    space: Space,
}

impl Upstream {
    /// Starts it and waits until it listens.
    pub async fn start(space: &Space) -> anyhow::Result<Self> {
        let listen = format!("--listen=0.0.0.0:{PORT}");
        let probe = json!({"tcpSocket": {"port": PORT}, "periodSeconds": 1});
        let pod =
            Pod::program(NAME, &["/scripted-provider", &listen]).container(json!({"readinessProbe": probe}));
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]}
        });
        space.apply([pod.manifest(), service]).await?;
        space.condition(&format!("pod/{NAME}"), "Ready").await?;
        Ok(Self { space: space.clone() })
    }

    /// Where pods reach it: Anthropic's base URL, or OpenAI's with `/v1` added.
    pub fn origin(&self) -> String {
        format!("http://{NAME}.{}.svc:{PORT}", self.space.name())
    }

    /// An `AIProvider` of type `OpenAI` with this model, its price (1 in, 10 out, margin 20 %) and its key.
    pub fn manifests(&self, name: &str, model: &str) -> Vec<Value> {
        provider(name, "OpenAI", &format!("{}/v1", self.origin()), model)
    }

    /// The same for each of both wires, as [`compare`](crate::chaos::compare) needs them: `gpt` of `near`, and `sonnet` of
    /// `anear`, whose answers may take five minutes.
    pub fn both(&self) -> Vec<Value> {
        let openai = provider("near", "OpenAI", &format!("{}/as/near/v1", self.origin()), "gpt");
        let anthropic = provider("anear", "Anthropic", &format!("{}/as/anear", self.origin()), "sonnet");
        [openai, anthropic].concat()
    }

    /// What it has counted itself.
    pub async fn totals(&self) -> anyhow::Result<Totals> {
        let way = self.space.forward(&format!("pod/{NAME}"), PORT).await?;
        let journal = Client::new(way.origin(), None).get("/__scripted/journal").await?.good()?;
        serde_json::from_value(journal["totals"].clone()).context("its count")
    }

    /// What it has counted of each request that was marked.
    pub async fn records(&self) -> anyhow::Result<Vec<Record>> {
        let way = self.space.forward(&format!("pod/{NAME}"), PORT).await?;
        records_in(&Client::new(way.origin(), None).get("/__scripted/records").await?.text())
    }
}

fn provider(name: &str, kind: &str, base: &str, model: &str) -> Vec<Value> {
    let secret = format!("{name}-credential");
    let spec = json!({
        "type": kind, "baseURL": base, "allowInsecure": true, "allowPrivate": true,
        "timeouts": {"request": "300s"},
        "credentials": [{"name": "primary", "secretKeyRef": {"name": secret, "key": "apiKey"}}],
        "models": [{"name": model, "contextWindow": 100_000, "maxOutputTokens": 4096}]
    });
    let rates = json!([{"model": "*", "cost": {"input": "1", "cachedInput": "0.1", "output": "10"}}]);
    let pricing = json!({"providerRef": {"name": name}, "margin": "20%", "rates": rates});
    vec![
        object("AIProvider", name, &spec),
        object("ModelPricing", name, &pricing),
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": secret, "labels": {"hub.aigne.io/credential": "true"}},
            "stringData": {"apiKey": "sk-upstream-0123456789abcdefghijklmnop"}
        }),
    ]
}

/// An object of ours.
fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}
