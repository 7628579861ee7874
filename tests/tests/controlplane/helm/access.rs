//! What the two accounts may do, in full; and by asking the API server, what they may not.

use std::collections::BTreeSet;

use aigne_hub_tests::harness::{Outcome, eventually};
use anyhow::{Context, ensure};
use serde_json::Value;

use super::{BUNDLED, EVERYWHERE, PRODUCTION, chart, objects, plane};

/// One line a permission, of everything that is bound to an account.
fn permissions(objects: &[Value], account: &str) -> anyhow::Result<String> {
    let kinds = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let words = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut lines = BTreeSet::new();
    for binding in kinds("RoleBinding").chain(kinds("ClusterRoleBinding")) {
        let subjects = binding["subjects"].as_array().context("subjects")?;
        if !subjects.iter().any(|subject| subject["name"] == account) {
            continue;
        }
        let wide = binding["kind"] == "ClusterRoleBinding";
        let place =
            if wide { "everywhere" } else { binding["metadata"]["namespace"].as_str().unwrap_or("hub") };
        let (kind, name) = (&binding["roleRef"]["kind"], &binding["roleRef"]["name"]);
        let role = objects.iter().find(|object| {
            object["kind"] == *kind
                && object["metadata"]["name"] == *name
                && (wide || object["metadata"]["namespace"] == binding["metadata"]["namespace"])
        });
        let Some(role) = role else {
            lines.insert(format!(
                "{place}: whatever {} {} says",
                kind.as_str().context("kind")?,
                name.as_str().context("name")?
            ));
            continue;
        };
        for rule in role["rules"].as_array().context("rules")? {
            for resource in words(&rule["resources"]) {
                let group = words(&rule["apiGroups"]).join(",");
                let only = match words(&rule["resourceNames"]) {
                    names if names.is_empty() => String::new(),
                    names => format!(" named {}", names.join(",")),
                };
                lines.insert(format!(
                    "{place}: {group}/{resource}{only}: {}",
                    words(&rule["verbs"]).join(" ")
                ));
            }
        }
    }
    Ok(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn accounts_may_do_this_and_no_more() -> Outcome {
    let plane = plane().await?;
    let mut accounts = Vec::new();
    for (set, values, name) in [
        ("bundled", BUNDLED, "hub-aigne-hub"),
        ("production", PRODUCTION, "hub-aigne-hub"),
        ("everywhere", EVERYWHERE, "gateway"),
    ] {
        let objects = objects(plane, "ai", values).await?;
        for account in ["gateway", "operator"] {
            let may = permissions(&objects, &format!("{name}-{account}"))?;
            accounts.push(format!("# {set}: {account}\n{may}"));
        }
        assert_eq!(permissions(&objects, &format!("{name}-postgres"))?, "");
    }
    insta::with_settings!({snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("permissions", accounts.join("\n\n"));
    });
    Ok(())
}

#[tokio::test]
async fn the_api_server_says_no_to_the_rest() -> Outcome {
    let plane = plane().await?;
    let (hub, team, foreign) =
        (plane.namespace("hub").await?, plane.namespace("team").await?, plane.namespace("foreign").await?);
    let values = ["--set=database.existingSecret=db", &format!("--set=tenantNamespaces={{{team}}}")];
    plane.helm(["install", "aigne-hub", "-n", &hub]).args([chart("aigne-hub")]).args(values).ok().await?;

    let may = async |account: &str, namespace: &str, verb: &str, what: &str| -> anyhow::Result<bool> {
        let who = format!("--as=system:serviceaccount:{hub}:aigne-hub-{account}");
        let groups = ["--as-group=system:serviceaccounts", "--as-group=system:authenticated"];
        let ask =
            plane.kubectl(["auth", "can-i", verb, what, "-n", namespace, &who]).args(groups).run().await?;
        Ok(ask.stdout.trim() == "yes")
    };
    eventually("RBAC knows the new roles", async || {
        let known = may("gateway", &hub, "list", "configmaps").await?
            && may("operator", &hub, "list", "secrets").await?
            && may("operator", &team, "create", "secrets").await?;
        Ok(known.then_some(()))
    })
    .await?;
    for (account, namespace, verb, what) in [
        ("gateway", &hub, "list", "secrets"),
        ("gateway", &hub, "get", "secrets/db"),
        ("gateway", &hub, "list", "tenants.hub.aigne.io"),
        ("gateway", &hub, "patch", "configmaps"),
        ("gateway", &hub, "create", "pods"),
        ("gateway", &team, "list", "configmaps"),
        ("operator", &foreign, "get", "secrets"),
        ("operator", &foreign, "list", "tenants.hub.aigne.io"),
        ("operator", &team, "delete", "secrets"),
        ("operator", &team, "get", "configmaps"),
        ("operator", &team, "patch", "tenants.hub.aigne.io"),
        ("operator", &hub, "patch", "tenants.hub.aigne.io"),
        ("operator", &hub, "delete", "secrets"),
        ("operator", &hub, "patch", "roles.rbac.authorization.k8s.io/other"),
        ("operator", &hub, "escalate", "roles.rbac.authorization.k8s.io"),
        ("operator", &hub, "bind", "roles.rbac.authorization.k8s.io"),
        ("operator", &hub, "create", "rolebindings.rbac.authorization.k8s.io"),
        ("operator", &hub, "create", "pods"),
    ] {
        ensure!(!may(account, namespace, verb, what).await?, "{account} may {verb} {what}");
    }
    // What the operator has to write: a Role that grants some of what it has itself.
    for (account, namespace, verb, what) in [
        ("operator", &hub, "patch", "roles.rbac.authorization.k8s.io/aigne-hub-gateway-secrets"),
        ("operator", &hub, "patch", "tenants.hub.aigne.io/status"),
        ("operator", &team, "create", "secrets"),
        ("gateway", &hub, "create", "leases.coordination.k8s.io"),
    ] {
        let (what, sub) = what.strip_suffix("/status").map_or((what, None), |what| (what, Some("status")));
        let who = format!("--as=system:serviceaccount:{hub}:aigne-hub-{account}");
        let mut ask = plane.kubectl(["auth", "can-i", verb, what, "-n", namespace, &who]);
        if let Some(sub) = sub {
            ask = ask.args([format!("--subresource={sub}")]);
        }
        ensure!(ask.run().await?.stdout.trim() == "yes", "{account} may not {verb} {what}");
    }
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: aigne-hub-gateway-secrets, namespace: {hub}}}\n\
         rules: [{{apiGroups: [\"\"], resources: [secrets], resourceNames: [openai], verbs: [get, list, watch]}}]\n"
    );
    let operator = plane.kubeconfig_as(&hub, "aigne-hub-operator").await?;
    let apply = ["apply", "--server-side", "--field-manager=aigne-hub-operator", "-f", "-"];
    plane.kubectl(apply).input(role).kubeconfig(&operator).ok().await?;
    eventually("the gateways may read that Secret", async || {
        Ok(may("gateway", &hub, "watch", "secrets/openai").await?.then_some(()))
    })
    .await?;
    ensure!(!may("gateway", &hub, "watch", "secrets/db").await?);
    Ok(())
}
