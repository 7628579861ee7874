//! What the operator may do: exactly what the chart grants.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::super::controlplane::ControlPlane;
use super::ACCOUNT;

/// The rules of the rendered chart, as in a Role.
#[derive(Clone, Debug)]
pub struct Rights {
    /// In the hub's namespace.
    pub hub: Value,
    /// In a tenants' namespace.
    pub tenants: Value,
    /// In every namespace, where `tenantNamespaces` is `["*"]`.
    pub everywhere: Value,
}

const GROUP: &str = "rbac.authorization.k8s.io";

/// Rendered once a process.
pub async fn rights(plane: &ControlPlane) -> anyhow::Result<&'static Rights> {
    static RIGHTS: OnceCell<Rights> = OnceCell::const_new();
    RIGHTS
        .get_or_try_init(async || {
            let some = rendered(plane, "{team}").await?;
            let all = rendered(plane, "{*}").await?;
            Ok(Rights {
                hub: rules(&some, "Role", "gateway-operator")?,
                tenants: rules(&some, "Role", "gateway-tenants")?,
                everywhere: rules(&all, "ClusterRole", "ai:gateway:tenants")?,
            })
        })
        .await
}

async fn rendered(plane: &ControlPlane, tenant_namespaces: &str) -> anyhow::Result<Vec<Value>> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/aigne-hub");
    let call = plane.helm(["template", "hub", "--namespace=ai", "--set=database.bundled.enabled=true"]);
    let call = call.args(["--set=fullnameOverride=gateway"]);
    let call = call.args([format!("--set=tenantNamespaces={tenant_namespaces}")]);
    Ok(serde_saphyr::from_multiple(&call.args([chart]).ok().await?)?)
}

fn rules(objects: &[Value], kind: &str, name: &str) -> anyhow::Result<Value> {
    let role = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let rules =
        role.map(|role| role["rules"].clone()).with_context(|| format!("the chart has no {kind} {name}"))?;
    ensure!(rules.is_array(), "{kind} {name} has no rules");
    Ok(rules)
}

/// What may be done, each with what: `("leases", "patch")`.
pub type Grants = BTreeSet<(String, String)>;

/// What the rules of a Role let somebody do.
pub fn grants(rules: &Value) -> Grants {
    let words = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut grants = Grants::new();
    for rule in rules.as_array().into_iter().flatten() {
        for resource in words(&rule["resources"]) {
            grants.extend(words(&rule["verbs"]).into_iter().map(|verb| (resource.clone(), verb)));
        }
    }
    grants
}

/// Gives the operator of the hub in `hub` these rights in `namespace`; everywhere, if that is none.
pub(super) async fn grant(
    plane: &ControlPlane,
    hub: &str,
    namespace: Option<&str>,
    rules: &Value,
) -> anyhow::Result<()> {
    let name = format!("operator-of-{hub}");
    let prefix = if namespace.is_some() { "" } else { "Cluster" };
    let metadata = json!({ "name": name, "namespace": namespace });
    let role = json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": format!("{prefix}Role"), "metadata": metadata, "rules": rules
    });
    let binding = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": format!("{prefix}RoleBinding"),
        "metadata": metadata,
        "roleRef": { "apiGroup": GROUP, "kind": format!("{prefix}Role"), "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": hub }]
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] });
    let applied = plane.kubectl(["apply", "-f", "-"]).input(list.to_string()).ok().await;
    applied.map(drop).with_context(|| format!("rights in {namespace:?}"))
}
