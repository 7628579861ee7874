//! What the operator writes: tenants' Secrets, made once and rotated; configuration, put back where somebody changes it.

use std::collections::BTreeMap;

use aigne_hub_tests::harness::controlplane::{self, ControlPlane};
use aigne_hub_tests::harness::{Operator, Operators, Outcome, eventually};
use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::rbac::v1::Role;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

const ROLE: &str = "aigne-hub-gateway-secrets";
const INDEX: &str = "aigne-hub-config";
const PART: &str = "aigne-hub-config-0000";

/// A hub and a team, and a Tenant `acme` there whose key is in the Secret `acme-hub`.
struct Place {
    plane: &'static ControlPlane,
    hub: String,
    team: String,
    operators: Operators,
}

impl Place {
    async fn new() -> anyhow::Result<Self> {
        let plane = controlplane::shared().await?;
        let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
        let operators = Operators::new(plane, &hub, &[&team]).await?;
        Ok(Self { plane, hub, team, operators })
    }

    async fn apply(&self, object: Value) -> Outcome {
        self.plane.kubectl(["apply", "-f", "-"]).input(object.to_string()).ok().await.map(drop)
    }

    async fn tenant(&self) -> Outcome {
        self.apply(json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "acme", "namespace": self.team },
            "spec": { "keys": [{ "name": "app", "secretName": "acme-hub", "rotationGrace": "1h" }] }
        }))
        .await
    }

    async fn provider(&self) -> Outcome {
        self.apply(json!({
            "apiVersion": "v1", "kind": "List", "items": [{
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {
                    "name": "openai", "namespace": self.hub, "labels": { "hub.aigne.io/credential": "true" }
                },
                "stringData": { "apiKey": "sk-not-a-real-key" }
            }, {
                "apiVersion": "hub.aigne.io/v1alpha1", "kind": "AIProvider",
                "metadata": { "name": "openai", "namespace": self.hub },
                "spec": {
                    "type": "OpenAI",
                    "credentials": [{ "name": "one", "secretKeyRef": { "name": "openai", "key": "apiKey" } }],
                    "models": [{
                        "name": "gpt", "type": "Chat", "contextWindow": 1000, "maxOutputTokens": 100
                    }]
                }
            }]
        }))
        .await
    }

    async fn secrets(&self) -> anyhow::Result<Api<Secret>> {
        Ok(Api::namespaced(self.plane.client().await?, &self.team))
    }

    async fn maps(&self) -> anyhow::Result<Api<ConfigMap>> {
        Ok(Api::namespaced(self.plane.client().await?, &self.hub))
    }

    async fn roles(&self) -> anyhow::Result<Api<Role>> {
        Ok(Api::namespaced(self.plane.client().await?, &self.hub))
    }

    async fn key(&self) -> anyhow::Result<Secret> {
        let secrets = self.secrets().await?;
        eventually("the tenant's Secret", async || Ok(secrets.get_opt("acme-hub").await?)).await
    }

    /// The Role that gateways have, once it names this Secret.
    async fn names(&self, secret: &str) -> anyhow::Result<Role> {
        let roles = self.roles().await?;
        eventually(&format!("the Role names {secret}"), async || {
            let role = roles.get_opt(ROLE).await?;
            let names = |role: &Role| {
                let granted = role.rules.iter().flatten();
                granted.flat_map(|rule| rule.resource_names.iter().flatten()).any(|name| name == secret)
            };
            Ok(role.filter(names))
        })
        .await
    }

    /// The index, once all of its parts are there and `text` stands in one of them.
    async fn holds(&self, text: &str) -> anyhow::Result<ConfigMap> {
        let maps = self.maps().await?;
        eventually(&format!("the configuration holds {text}"), async || {
            let all = maps.list(&kube::api::ListParams::default()).await?.items;
            let there = all.iter().any(|map| {
                map.data.iter().flatten().any(|(key, value)| key == "part.json" && value.contains(text))
            });
            let index = all.into_iter().find(|map| map.metadata.name.as_deref() == Some(INDEX));
            Ok(index.filter(|_| there))
        })
        .await
    }
}

fn data(secret: &Secret, name: &str) -> anyhow::Result<String> {
    let value = secret.data.as_ref().and_then(|data| data.get(name)).with_context(|| name.to_owned())?;
    Ok(String::from_utf8(value.0.clone())?)
}

fn annotation<'a>(annotations: Option<&'a BTreeMap<String, String>>, name: &str) -> Option<&'a str> {
    annotations?.get(name).map(String::as_str)
}

fn text(map: &ConfigMap, key: &str) -> anyhow::Result<String> {
    map.data.as_ref().and_then(|data| data.get(key)).cloned().with_context(|| key.to_owned())
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

fn silent_about(operator: &Operator, secret: &str) -> Outcome {
    ensure!(!operator.logs().text().contains(secret), "a secret is in the log");
    Ok(())
}

#[tokio::test]
async fn a_tenants_secret_is_made_once_whoever_leads() -> Outcome {
    let place = Place::new().await?;
    place.tenant().await?;
    let (mut first, second) = tokio::try_join!(place.operators.start(), place.operators.start())?;
    let made = place.key().await?;
    let key = data(&made, "apiKey")?;
    ensure!(key.len() == 68 && key.starts_with("hub-"));
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AIGNE_HUB_API_KEY"] {
        assert_eq!(data(&made, name)?, key, "{name}");
    }
    let address = format!("http://aigne-hub.{}.svc:8080", place.hub);
    assert_eq!(data(&made, "OPENAI_BASE_URL")?, format!("{address}/v1"));
    assert_eq!(data(&made, "AIGNE_HUB_API_URL")?, address);
    // Gateways know its hash and nothing more.
    place.holds(&sha256(&key)).await?;
    ensure!(!text(&place.holds(&sha256(&key)).await?, "index.json")?.contains(&key));

    first.sigkill().await?;
    second.leads().await?;
    let restarted = place.operators.start().await?;
    restarted.ready().await?;
    place.provider().await?;
    place.names("openai").await?;
    let now = place.key().await?;
    assert_eq!(now.metadata.resource_version, made.metadata.resource_version);
    for operator in [&first, &second, &restarted] {
        silent_about(operator, &key)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_was_brought_along_is_used_and_never_written() -> Outcome {
    let place = Place::new().await?;
    let key = "brought-along-0123456789-0123456789";
    place
        .apply(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "acme-hub", "namespace": place.team },
            "stringData": { "apiKey": key }
        }))
        .await?;
    let before = place.key().await?;
    place.tenant().await?;
    let operator = place.operators.start().await?;
    place.holds(&sha256(key)).await?;
    // Not even when somebody asks for a rotation: it is not the operator's to change.
    place
        .plane
        .kubectl(["annotate", "secret", "-n", &place.team, "acme-hub", "hub.aigne.io/rotate=1"])
        .ok()
        .await?;
    place.provider().await?;
    place.names("openai").await?;
    let now = place.key().await?;
    assert_eq!(now.data, before.data);
    assert_eq!(now.metadata.labels, before.metadata.labels);
    silent_about(&operator, key)
}

#[tokio::test]
async fn a_key_is_rotated_as_often_as_asked_and_old_ones_have_their_grace() -> Outcome {
    let place = Place::new().await?;
    place.tenant().await?;
    let operator = place.operators.start().await?;
    let secrets = place.secrets().await?;
    let mut old = vec![data(&place.key().await?, "apiKey")?];
    for asked in ["1", "2"] {
        let patch = json!({ "metadata": { "annotations": { "hub.aigne.io/rotate": asked } } });
        secrets.patch("acme-hub", &PatchParams::default(), &Patch::Merge(&patch)).await?;
        let rotated = eventually("the key is rotated", async || {
            let secret = secrets.get("acme-hub").await?;
            let done =
                annotation(secret.metadata.annotations.as_ref(), "hub.aigne.io/rotated") == Some(asked);
            Ok(done.then_some(secret))
        })
        .await?;
        let key = data(&rotated, "apiKey")?;
        assert_eq!(data(&rotated, "OPENAI_API_KEY")?, key);
        ensure!(!old.contains(&key));
        let noted = annotation(rotated.metadata.annotations.as_ref(), "hub.aigne.io/rotated-keys");
        let noted: Vec<Value> = serde_json::from_str(noted.context("no note of old keys")?)?;
        let hashes: Vec<_> = noted.iter().filter_map(|old| old["sha256"].as_str()).collect();
        let expected: Vec<_> = old.iter().rev().map(|key| sha256(key)).collect();
        assert_eq!(hashes, expected, "the one that is replaced now comes first");
        place.holds(&sha256(&key)).await?;
        for key in &old {
            place.holds(&sha256(key)).await?;
        }
        old.push(key);
    }
    for key in &old {
        silent_about(&operator, key)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_somebody_changes_in_the_configuration_is_put_back() -> Outcome {
    let place = Place::new().await?;
    place.tenant().await?;
    place.provider().await?;
    let operator = place.operators.start().await?;
    let key = data(&place.key().await?, "apiKey")?;
    place.holds(&sha256(&key)).await?;
    place.names("openai").await?;
    let (maps, roles) = (place.maps().await?, place.roles().await?);

    let nonsense = json!({ "data": { "part.json": "{}" } });
    maps.patch(PART, &PatchParams::default(), &Patch::Merge(&nonsense)).await?;
    let is_whole = async || {
        let part = maps.get_opt(PART).await?;
        Ok(part.filter(|part| text(part, "part.json").is_ok_and(|text| text.len() > 100)).map(drop))
    };
    eventually("the part is put back", is_whole).await?;

    let nonsense = json!({ "data": { "index.json": "{}" } });
    maps.patch(INDEX, &PatchParams::default(), &Patch::Merge(&nonsense)).await?;
    let is_index = async || {
        let index = maps.get_opt(INDEX).await?;
        Ok(index.filter(|index| text(index, "index.json").is_ok_and(|text| text.len() > 20)).map(drop))
    };
    eventually("the index is put back", is_index).await?;

    maps.delete(PART, &DeleteParams::default()).await?;
    eventually("the part is made again", is_whole).await?;
    maps.delete(INDEX, &DeleteParams::default()).await?;
    eventually("the index is made again", is_index).await?;

    let wider =
        json!({ "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"] }] });
    roles.patch(ROLE, &PatchParams::default(), &Patch::Merge(&wider)).await?;
    place.names("openai").await?;
    roles.delete(ROLE, &DeleteParams::default()).await?;
    place.names("openai").await?;

    // It comes to rest: what it wrote itself is no news.
    let versions = async || {
        let all = maps.list(&kube::api::ListParams::default()).await?.items;
        let versions: Vec<_> = all.into_iter().filter_map(|map| map.metadata.resource_version).collect();
        anyhow::Ok(versions)
    };
    let before = versions().await?;
    let plans = "aigne_hub_operator_plans_total";
    let planned = operator.metric(plans).await?;
    place
        .apply(json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant",
            "metadata": { "name": "acme", "namespace": place.team, "labels": { "seen": "yes" } },
            "spec": { "keys": [{ "name": "app", "secretName": "acme-hub", "rotationGrace": "1h" }] }
        }))
        .await?;
    let again =
        async || Ok(operator.metric(plans).await?.filter(|now| planned.is_none_or(|then| *now > then)));
    eventually("the label was thought about", again).await?;
    assert_eq!(versions().await?, before, "a label is no change of the configuration");
    Ok(())
}

#[tokio::test]
async fn every_metric_is_explained_and_every_explained_metric_exists() -> Outcome {
    let place = Place::new().await?;
    place.tenant().await?;
    let operator = place.operators.start().await?;
    let key = data(&place.key().await?, "apiKey")?;
    place.holds(&sha256(&key)).await?;
    let shown = operator.metrics().await?;
    let families = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let exist: std::collections::BTreeSet<&str> = families.collect();
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = std::fs::read_to_string(page)?;
    let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let explained = words.filter(|word| word.starts_with("aigne_hub_operator_"));
    let explained: std::collections::BTreeSet<&str> =
        explained.map(|word| word.trim_end_matches("_total")).collect();
    assert_eq!(explained, exist);
    Ok(())
}
