//! What the operator may do. The chart grants the same.

use anyhow::Context;
use serde_json::{Value, json};

use super::super::controlplane::ControlPlane;
use super::ACCOUNT;

/// In the hub's namespace.
pub fn hub_rules() -> Value {
    json!([
        { "apiGroups": ["hub.aigne.io"], "resources": ["aiproviders", "modelpricings", "tenants"],
          "verbs": ["get", "list", "watch"] },
        { "apiGroups": ["hub.aigne.io"],
          "resources": ["aiproviders/status", "modelpricings/status", "tenants/status"], "verbs": ["patch"] },
        // It can hand on to gateways only what it may do itself: get, list and watch.
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "patch"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch", "create", "patch", "delete"] },
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list", "watch", "create"] },
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["aigne-hub-operator"],
          "verbs": ["get", "update"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["create"] },
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"],
          "resourceNames": ["aigne-hub-gateway-secrets"], "verbs": ["list", "watch", "patch"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"] }
    ])
}

/// In a tenants' namespace.
pub fn tenant_rules() -> Value {
    json!([
        { "apiGroups": ["hub.aigne.io"], "resources": ["tenants"], "verbs": ["get", "list", "watch"] },
        { "apiGroups": ["hub.aigne.io"], "resources": ["tenants/status"], "verbs": ["patch"] },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "patch"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"] }
    ])
}

/// Gives the operator of the hub in `hub` these rights in `namespace`.
pub(super) async fn grant(
    plane: &ControlPlane,
    hub: &str,
    namespace: &str,
    rules: &Value,
) -> anyhow::Result<()> {
    let name = format!("operator-of-{hub}");
    let group = "rbac.authorization.k8s.io";
    let metadata = json!({ "name": name, "namespace": namespace });
    let role =
        json!({ "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata, "rules": rules });
    let binding = json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": hub }]
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] });
    let applied = plane.kubectl(["apply", "-f", "-"]).input(list.to_string()).ok().await;
    applied.map(drop).with_context(|| format!("rights in {namespace}"))
}
