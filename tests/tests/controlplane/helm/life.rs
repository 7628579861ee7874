//! Install, upgrade, rollback, uninstall, install again; and what stays.

use aigne_hub_tests::harness::Outcome;
use aigne_hub_tests::harness::controlplane::ControlPlane;
use anyhow::ensure;
use serde_json::{Value, json};

use super::{BUNDLED, PRODUCTION, chart, objects};

#[tokio::test]
async fn an_uninstall_leaves_money_and_keys_and_a_reinstall_finds_them() -> Outcome {
    // Its own: what is cluster-wide must not meet other tests.
    let plane = &ControlPlane::start().await?;
    let helm = async |words: &[&str]| plane.helm(words).ok().await;
    let hub = plane.namespace("ai").await?;
    let hub = hub.as_str();
    let (crds, main) = (chart("aigne-hub-crds"), chart("aigne-hub"));
    let (crds, main) = (&*crds.to_string_lossy(), &*main.to_string_lossy());

    helm(&["install", "aigne-hub-crds", crds, "-n", hub]).await?;
    let notes = helm(&[&["install", "hub", main, "-n", hub], BUNDLED].concat()).await?;
    ensure!(notes.contains("wait --for=condition=Ready aiprovider/openai"), "{notes}");

    // What its notes say to apply is accepted by the API server.
    let manifest: Vec<&str> = notes.lines().skip_while(|line| !line.contains("<<'END'")).skip(1).collect();
    let manifest = manifest.iter().take_while(|line| **line != "END").copied().collect::<Vec<_>>().join("\n");
    plane.kubectl(["apply", "--validate=strict", "-n", hub, "-f", "-"]).input(manifest).ok().await?;

    // As the StatefulSet's controller and the operator would.
    let set = objects(plane, hub, BUNDLED).await?.into_iter().find(|object| object["kind"] == "StatefulSet");
    let mut claim = set.unwrap_or_default()["spec"]["volumeClaimTemplates"][0].clone();
    claim["apiVersion"] = json!("v1");
    claim["kind"] = json!("PersistentVolumeClaim");
    claim["metadata"]["name"] = json!("data-hub-aigne-hub-postgres-0");
    plane.kubectl(["create", "-n", hub, "-f", "-"]).input(claim.to_string()).ok().await?;
    for name in ["hub-aigne-hub-database", "first-hub"] {
        let create = ["create", "secret", "generic", name, "-n", hub, "--from-literal=password=kept"];
        plane.kubectl(create).ok().await?;
    }

    // Another release in the same namespace would fight over the configuration.
    let second = plane.helm(["install", "other", main, "-n", hub]).args(BUNDLED).run().await?;
    ensure!(!second.success, "two hubs in one namespace");
    let owned = "RoleBinding \"aigne-hub-gateway-secrets\"";
    ensure!(second.stderr.contains(owned) && second.stderr.contains("release-name"), "{}", second.stderr);

    let replicas = async || -> anyhow::Result<String> {
        let get =
            ["get", "deployment", "hub-aigne-hub-gateway", "-n", hub, "-o", "jsonpath={.spec.replicas}"];
        plane.kubectl(get).ok().await
    };
    let more = "--set=gateway.replicas=5,tls.mode=Secret,tls.secretName=tls,networkPolicy.enabled=false";
    helm(&[&["upgrade", "hub", main, "-n", hub, more], BUNDLED].concat()).await?;
    assert_eq!(replicas().await?, "5");
    helm(&["rollback", "hub", "1", "-n", hub]).await?;
    assert_eq!(replicas().await?, "2");
    helm(&["upgrade", "aigne-hub-crds", crds, "-n", hub]).await?;

    helm(&["uninstall", "hub", "-n", hub]).await?;
    helm(&["uninstall", "aigne-hub-crds", "-n", hub]).await?;
    let kept = async || -> anyhow::Result<Vec<String>> {
        let kinds = "secrets,persistentvolumeclaims,aiproviders,tenants";
        let list = plane.kubectl(["get", kinds, "-n", hub, "-o", "json"]).ok().await?;
        let list: Value = serde_json::from_str(&list)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let uid = |object: &Value| format!("{} {}", super::title(object), object["metadata"]["uid"]);
        Ok(items.iter().filter(|item| item["type"] != "helm.sh/release.v1").map(uid).collect())
    };
    let left = kept().await?;
    assert_eq!(left.len(), 5, "{left:#?}");
    let gone = plane
        .kubectl(["get", "all,roles,rolebindings,networkpolicies", "-n", hub, "-o", "name"])
        .ok()
        .await?;
    assert_eq!(gone, "", "nothing else stays");
    let wide = plane.kubectl(["get", "clusterroles,clusterrolebindings", "-o", "name"]).ok().await?;
    ensure!(!wide.contains("aigne-hub"), "{wide}");

    helm(&["install", "aigne-hub-crds", crds, "-n", hub]).await?;
    helm(&[&["install", "hub", main, "-n", hub], BUNDLED].concat()).await?;
    assert_eq!(kept().await?, left, "the same objects, not new ones");
    Ok(())
}

#[tokio::test]
async fn what_a_second_hub_in_the_cluster_needs_is_its_own() -> Outcome {
    let plane = super::plane().await?;
    let mut names = Vec::new();
    for namespace in ["one", "other"] {
        let objects = objects(plane, namespace, PRODUCTION).await?;
        let wide = objects
            .iter()
            .filter(|object| object["kind"].as_str().is_some_and(|kind| kind.starts_with("Cluster")));
        names.push(wide.map(super::title).collect::<Vec<_>>());
    }
    ensure!(!names[0].is_empty() && names[0].iter().all(|name| !names[1].contains(name)), "{names:?}");
    Ok(())
}
