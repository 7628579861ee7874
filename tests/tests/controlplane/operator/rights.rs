//! Whatever the chart grants the operator is used in a life of objects, and whatever it asks for is granted.

use aigne_hub_tests::harness::controlplane::{ControlPlane, Options};
use aigne_hub_tests::harness::operator::{Grants, grants, rights};
use aigne_hub_tests::harness::{Operators, Outcome, eventually};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// What is granted and does not stand in the audit log as such: a server-side apply that makes something is allowed only
/// with `create` too, and is logged as `patch`.
const BEHIND_AN_APPLY: [(&str, &str); 2] = [("configmaps", "create"), ("roles", "create")];

async fn apply(plane: &ControlPlane, object: Value) -> Outcome {
    plane.kubectl(["apply", "-f", "-"]).input(object.to_string()).ok().await.map(drop)
}

fn secret(namespace: &str, name: &str, r#type: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": r#type,
        "metadata": { "name": name, "namespace": namespace, "labels": { "hub.aigne.io/credential": "true" } },
        "stringData": data
    })
}

fn own(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "hub.aigne.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec
    })
}

async fn reason(plane: &ControlPlane, namespace: &str, object: &str, reason: &str) -> Outcome {
    let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    eventually(&format!("{object} is {reason}"), async || {
        let said = plane.kubectl(["get", "-n", namespace, object, "-o", path]).ok().await?;
        Ok((said == reason).then_some(()))
    })
    .await
}

/// Tenants whose key is made and rotated, cannot be made, is too short and mended and too short again.
async fn tenants(plane: &ControlPlane, namespace: &str) -> Outcome {
    let keyed = |secret: &str| json!({ "keys": [{ "name": "app", "secretName": secret }] });
    let brought = |key: &str| secret(namespace, "brought", "Opaque", &json!({ "apiKey": key }));
    let good = format!("brought-along-0123456789-{namespace}");
    apply(plane, secret(namespace, "tls", "kubernetes.io/tls", &json!({ "tls.crt": "", "tls.key": "" })))
        .await?;
    apply(plane, brought("short")).await?;
    for (name, secret) in [("made", "made-hub"), ("tls", "tls"), ("brought", "brought")] {
        apply(plane, own("Tenant", namespace, name, &keyed(secret))).await?;
    }
    reason(plane, namespace, "tenant/made", "NoGateways").await?;
    reason(plane, namespace, "tenant/tls", "SecretNotFound").await?;
    reason(plane, namespace, "tenant/brought", "KeyTooShort").await?;
    apply(plane, brought(&good)).await?;
    reason(plane, namespace, "tenant/brought", "NoGateways").await?;
    apply(plane, brought("short")).await?;
    reason(plane, namespace, "tenant/brought", "KeyTooShort").await?;
    plane.kubectl(["annotate", "-n", namespace, "secret", "made-hub", "hub.aigne.io/rotate=1"]).ok().await?;
    let rotated = "jsonpath={.metadata.annotations.hub\\.aigne\\.io/rotated}";
    eventually("the key is rotated", async || {
        let said = plane.kubectl(["get", "-n", namespace, "secret", "made-hub", "-o", rotated]).ok().await?;
        Ok((said == "1").then_some(()))
    })
    .await
}

async fn parts(plane: &ControlPlane, hub: &str) -> anyhow::Result<usize> {
    let list = plane.kubectl(["get", "-n", hub, "configmaps", "-o", "name"]).ok().await?;
    Ok(list.lines().filter(|name| name.starts_with("configmap/aigne-hub-config-")).count())
}

/// Everything that may happen to objects.
async fn life(plane: &ControlPlane, hub: &str, team: &str) -> Outcome {
    apply(plane, secret(hub, "openai", "Opaque", &json!({ "apiKey": "sk-not-a-real-key" }))).await?;
    let credentials = json!([{ "name": "one", "secretKeyRef": { "name": "openai", "key": "apiKey" } }]);
    let models = json!([{ "name": "gpt", "type": "Chat" }]);
    let spec = json!({ "type": "OpenAI", "models": models, "credentials": credentials });
    apply(plane, own("AIProvider", hub, "openai", &spec)).await?;
    let rates = json!([{ "model": "gpt", "cost": { "input": "1", "output": "2" } }]);
    let spec = json!({ "providerRef": { "name": "openai" }, "rates": rates });
    apply(plane, own("ModelPricing", hub, "openai", &spec)).await?;
    reason(plane, hub, "aiprovider/openai", "NoGateways").await?;
    reason(plane, hub, "modelpricing/openai", "NoGateways").await?;
    tenants(plane, hub).await?;
    tenants(plane, team).await?;
    // So many that parts are worth leaving out again: two would stay.
    let many: Vec<_> = (0..300)
        .map(|number| {
            own("Tenant", team, &format!("many-{number}"), &json!({ "displayName": "One of many" }))
        })
        .collect();
    let many = json!({ "apiVersion": "v1", "kind": "List", "items": many }).to_string();
    plane.kubectl(["create", "-f", "-"]).input(many).ok().await?;
    eventually("there are parts", async || Ok((parts(plane, hub).await? > 2).then_some(()))).await?;
    plane.kubectl(["delete", "-n", team, "tenants", "--all", "--wait=false"]).ok().await?;
    eventually("there is one part", async || Ok((parts(plane, hub).await? == 1).then_some(()))).await
}

#[tokio::test]
async fn everything_that_is_granted_is_used_and_nothing_else_is_asked_for() -> Outcome {
    let plane = ControlPlane::start_with(Options { audit_log: true }).await?;
    plane.install_crds().await?;
    let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
    let operators = Operators::new(&plane, &hub, &[&team]).await?;
    let operator = operators.start().await?;
    operator.leads().await?;
    life(&plane, &hub, &team).await?;

    let account = format!("system:serviceaccount:{hub}:operator");
    let asked: Vec<_> = plane.audited()?.into_iter().filter(|asked| asked.user == account).collect();
    let forbidden: Vec<_> =
        asked.iter().filter(|asked| asked.status == 403).map(|asked| &asked.event).collect();
    ensure!(forbidden.is_empty(), "{forbidden:#?}");
    let rights = rights(&plane).await?;
    for (namespace, rules) in [(&hub, &rights.hub), (&team, &rights.tenants)] {
        let here = asked.iter().filter(|asked| asked.namespace == *namespace);
        let mut used: Grants = here.map(|asked| (asked.resource.clone(), asked.verb.clone())).collect();
        let granted = grants(rules);
        let behind = BEHIND_AN_APPLY.map(|(resource, verb)| (resource.to_owned(), verb.to_owned()));
        used.extend(behind.into_iter().filter(|grant| granted.contains(grant)));
        let unused: Vec<_> = granted.difference(&used).collect();
        ensure!(unused.is_empty(), "granted in {namespace} and not used: {unused:?}");
        let beyond: Vec<_> = used.difference(&granted).collect();
        ensure!(beyond.is_empty(), "used in {namespace} and not granted: {beyond:?}");
    }
    Ok(())
}

#[tokio::test]
async fn with_every_namespace_it_needs_no_more_than_the_chart_grants() -> Outcome {
    let plane = ControlPlane::start_with(Options { audit_log: true }).await?;
    plane.install_crds().await?;
    let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
    let operator = Operators::everywhere(&plane, &hub).await?.start().await?;
    operator.leads().await?;
    life(&plane, &hub, &team).await?;
    // A namespace that comes later too.
    let later = plane.namespace("later").await?;
    let keys = json!({ "keys": [{ "name": "app", "secretName": "app-hub" }] });
    apply(&plane, own("Tenant", &later, "app", &keys)).await?;
    reason(&plane, &later, "tenant/app", "NoGateways").await?;

    let account = format!("system:serviceaccount:{hub}:operator");
    let asked: Vec<_> = plane.audited()?.into_iter().filter(|asked| asked.user == account).collect();
    let forbidden: Vec<_> =
        asked.iter().filter(|asked| asked.status == 403).map(|asked| &asked.event).collect();
    ensure!(forbidden.is_empty(), "{forbidden:#?}");
    let used: Grants = asked
        .iter()
        .filter(|asked| asked.namespace != hub)
        .map(|asked| (asked.resource.clone(), asked.verb.clone()))
        .collect();
    let everywhere = grants(&rights(&plane).await?.everywhere);
    let unused: Vec<_> = everywhere.difference(&used).collect();
    ensure!(unused.is_empty(), "granted everywhere and not used: {unused:?}");
    Ok(())
}

#[tokio::test]
async fn a_rule_is_read_as_the_grants_that_it_makes() -> Outcome {
    let rules = json!([{ "apiGroups": [""], "resources": ["a", "b"], "verbs": ["get", "list"] }]);
    let grants = grants(&rules);
    assert_eq!(grants.len(), 4);
    grants.get(&("b".into(), "list".into())).context("b: list").map(drop)
}
