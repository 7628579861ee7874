//! Tenants of every kind, none of which comes near a cap: whatever refuses them is wrong.

use aigne_hub_tests::harness::e2e::{Space, Upstream};
use serde_json::{Value, json};

/// Makes them and the scripted provider's models, waits until they are served, and gives the names of their keys' Secrets.
pub(crate) async fn open(space: &Space, upstream: &Upstream) -> anyhow::Result<Vec<String>> {
    let credits = json!({"mode": "Credits", "starterCredits": "1000.00"});
    let budgets = json!([{"name": "month", "amount": "1000", "period": "Month", "action": "Block"}]);
    let limits =
        json!({"requestsPerMinute": 100_000, "tokensPerMinute": 100_000_000, "concurrentRequests": 10_000});
    let tenants = [
        ("free", json!({})),
        ("paid", json!({"billing": credits})),
        ("capped", json!({"budgets": budgets, "limits": limits})),
        ("strict", json!({"billing": credits, "budgets": budgets, "limits": limits})),
    ];
    space.apply(upstream.both()).await?;
    space.apply(tenants.iter().map(|(name, spec)| tenant(name, spec))).await?;
    for object in ["aiprovider/near", "aiprovider/anear"] {
        space.condition(object, "Ready").await?;
    }
    for (name, _) in &tenants {
        space.condition(&format!("tenant/{name}"), "Ready").await?;
    }
    Ok(tenants.iter().map(|(name, _)| secret(name)).collect())
}

/// The Service, as pods reach it.
pub(crate) fn target(space: &Space) -> String {
    format!("aigne-hub.{}.svc:8080", space.name())
}

fn secret(tenant: &str) -> String {
    format!("{tenant}-hub")
}

/// A Tenant whose key is in the Secret `NAME-hub`, with further members.
pub(crate) fn tenant(name: &str, more: &Value) -> Value {
    let mut spec = json!({"displayName": name, "keys": [{"name": "app", "secretName": secret(name)}]});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec})
}
