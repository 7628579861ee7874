//! The sidecar, put into pods by the API server; and that `aigne-hub inject` does the same to manifests.

use aigne_hub_tests::harness::controlplane::ControlPlane;
use aigne_hub_tests::harness::{self, Outcome, Tool, eventually};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{chart, plane, template};

const LABEL: &str = "hub.aigne.io/inject";

fn pod(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { LABEL: "sidecar" } }, "spec": spec })
}

/// Pods of many kinds, each of which a restricted namespace lets in.
fn pods() -> Vec<Value> {
    let safe = json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } });
    let container = |name: &str, more: Value| {
        let mut container = json!({ "name": name, "image": "app:1", "securityContext": safe });
        if let (Value::Object(of), Value::Object(more)) = (&mut container, more) {
            of.extend(more);
        }
        container
    };
    let from = json!([{ "secretRef": { "name": "acme-hub" } }]);
    let own = json!({ "name": "OPENAI_BASE_URL", "value": "https://elsewhere.example/v1" });
    let specs = [
        json!({ "containers": [container("app", json!({}))] }),
        json!({
            "initContainers": [container("first", json!({})), container("beside", json!({ "restartPolicy": "Always" }))],
            "containers": [
                container("plain", json!({ "env": [{ "name": "A", "value": "b" }] })),
                container("from", json!({ "envFrom": from })),
                container("own", json!({ "env": [own] })),
                container("own-and-from", json!({ "env": [own, { "name": "B", "value": "c" }], "envFrom": from })),
                container("key", json!({ "env": [{ "name": "ANTHROPIC_API_KEY",
                    "valueFrom": { "secretKeyRef": { "name": "keys", "key": "a" } } }] })),
            ],
            "volumes": [{ "name": "data", "emptyDir": {} }, { "name": "more", "configMap": { "name": "c", "optional": true } }],
        }),
        json!({ "restartPolicy": "Never", "automountServiceAccountToken": false, "initContainers": [],
            "containers": [container("app", json!({ "env": [], "envFrom": [] }))], "volumes": [] }),
    ];
    let with_account = |mut spec: Value| {
        // Elsewhere the API server says `default` by itself.
        spec["serviceAccountName"] = json!("app");
        spec["securityContext"] = json!({ "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } });
        spec
    };
    specs
        .into_iter()
        .enumerate()
        .map(|(number, spec)| pod(&format!("pod-{number}"), &with_account(spec)))
        .collect()
}

/// A namespace that restricted Pod Security watches over, with the policy or without.
async fn namespace(plane: &ControlPlane, prefix: &str, labels: &[&str]) -> anyhow::Result<String> {
    let name = plane.namespace(prefix).await?;
    if !labels.is_empty() {
        plane.kubectl(["label", "namespace", &name]).args(labels).ok().await?;
    }
    Ok(name)
}

/// The pod as it would be stored, or was.
async fn created(
    plane: &ControlPlane,
    namespace: &str,
    manifest: &str,
    how: &[&str],
) -> anyhow::Result<Value> {
    let call = plane.kubectl(["create", "--validate=strict", "-n", namespace, "-o", "json", "-f", "-"]);
    Ok(serde_json::from_str(&call.args(how).input(manifest).ok().await?)?)
}

async fn injected(manifest: &str, flags: &[&str]) -> anyhow::Result<String> {
    Tool::new(harness::binary()?, ["inject", "-f", "-"]).args(flags).input(manifest).ok().await
}

#[tokio::test]
async fn the_api_server_and_the_command_do_the_same_to_a_pod() -> Outcome {
    let plane = plane().await?;
    let hub = plane.namespace("hub").await?;
    let active = format!("hub-test={hub}");
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    let (with, without) = (
        namespace(plane, "with", &[&active, restricted]).await?,
        namespace(plane, "without", &[restricted]).await?,
    );
    let chart = chart("aigne-hub");
    let usual = ["--set=database.existingSecret=db,sidecar.injection.enabled=true"];
    let only = format!("--set=sidecar.injection.namespaceSelector.matchLabels.hub-test={hub}");
    let plain = format!("--hub=http://aigne-hub.{hub}.svc:8080");
    let tls = format!("--hub=https://aigne-hub.{hub}.svc:8443");
    let folder = tempfile::tempdir()?;
    let pem = folder.path().join("ca.crt");
    std::fs::write(&pem, "-----BEGIN CERTIFICATE-----\n\"'\\Zm9v\n-----END CERTIFICATE-----\n")?;
    let pem = pem.to_string_lossy();
    let (set_pem, file_pem) = (format!("--set-file=sidecar.ca.bundle={pem}"), format!("--ca-file={pem}"));
    let secure = "--set=tls.mode=Secret,tls.secretName=tls";
    let variants: [(&[&str], &[&str]); 3] = [
        (&["--set=sidecar.allowInsecure=true"], &[&plain, "--allow-insecure"]),
        (
            &[
                secure,
                "--set=sidecar.ca.configMap=hub-ca,sidecar.ca.key=root.pem,workloadIdentity.audience=hub",
            ],
            &[&tls, "--ca-configmap=hub-ca", "--ca-key=root.pem", "--audience=hub"],
        ),
        (
            &[secure, &set_pem, "--set=sidecar.port=8099,image.repository=registry.example/hub,image.tag=v2"],
            &[&tls, &file_pem, "--port=8099", "--image=registry.example/hub:v2"],
        ),
    ];
    for (sets, flags) in variants {
        let install = ["upgrade", "--install", "aigne-hub", "-n", &hub, &only];
        let notes = plane.helm(install).args([&chart]).args(usual).args(sets).ok().await?;
        ensure!(notes.contains("get the sidecar. A Tenant has to list"), "{notes}");
        let dry = ["--dry-run=server"];
        // A policy counts a moment after it was written.
        let expected = injected(&pods()[0].to_string(), flags).await?;
        let expected = created(plane, &without, &expected, &dry).await?["spec"].take();
        eventually("the policy is in use", async || {
            let now = created(plane, &with, &pods()[0].to_string(), &dry).await?;
            Ok((now["spec"]["initContainers"] == expected["initContainers"]).then_some(()))
        })
        .await
        .with_context(|| format!("{expected:#}"))?;
        let args = expected["initContainers"][0]["args"].as_array().context("args")?.clone();
        let args = args.iter().filter_map(Value::as_str).chain(["--help"]);
        Tool::new(harness::binary()?, ["sidecar"].into_iter().chain(args)).ok().await?;
        for pod in pods() {
            let by_hand = injected(&pod.to_string(), flags).await?;
            ensure!(injected(&by_hand, flags).await? == by_hand, "again: {by_hand}");
            let expected = created(plane, &without, &by_hand, &dry).await?["spec"].take();
            for manifest in [pod.to_string(), by_hand] {
                let stored = created(plane, &with, &manifest, &dry).await?["spec"].take();
                assert_eq!(format!("{stored:#}"), format!("{expected:#}"));
            }
        }
    }
    plane.helm(["uninstall", "aigne-hub", "-n", &hub]).ok().await?;
    Ok(())
}

#[tokio::test]
async fn pods_that_do_not_ask_are_left_alone_and_those_on_the_host_network_are_refused() -> Outcome {
    let plane = plane().await?;
    let hub = plane.namespace("hub").await?;
    let team = namespace(plane, "team", &[&format!("hub-test={hub}")]).await?;
    let only = format!("--set=sidecar.injection.namespaceSelector.matchLabels.hub-test={hub}");
    let sets = "--set=database.existingSecret=db,sidecar.injection.enabled=true,sidecar.allowInsecure=true";
    plane.helm(["install", "hub", "-n", &hub, &only, sets]).args([chart("aigne-hub")]).ok().await?;
    let create = async |pod: &Value| {
        let call = plane.kubectl(["create", "--dry-run=server", "-n", &team, "-o", "json", "-f", "-"]);
        call.input(pod.to_string()).run().await
    };
    let mut asking = pod(
        "asking",
        &json!({ "serviceAccountName": "app", "containers": [{ "name": "app", "image": "app:1" }] }),
    );
    let injected = |ran: &harness::Ran| ran.stdout.contains("aigne-hub-sidecar");
    eventually("the policy is in use", async || Ok(injected(&create(&asking).await?).then_some(()))).await?;
    for label in [json!(null), json!("other")] {
        let mut pod = asking.clone();
        pod["metadata"]["labels"][LABEL] = label;
        let ran = create(&pod).await?;
        ensure!(ran.success && !injected(&ran), "{}{}", ran.stdout, ran.stderr);
    }
    asking["spec"]["hostNetwork"] = json!(true);
    eventually("the host's network is refused", async || {
        let ran = create(&asking).await?;
        Ok((!ran.success && ran.stderr.contains("the sidecar's loopback would be the node's")).then_some(()))
    })
    .await?;
    plane.helm(["uninstall", "hub", "-n", &hub]).ok().await?;
    Ok(())
}

#[tokio::test]
async fn where_the_api_server_has_no_such_policies_nothing_is_rendered() -> Outcome {
    let plane = plane().await?;
    let sets = ["--set=database.existingSecret=db,sidecar.injection.enabled=true,sidecar.allowInsecure=true"];
    let served = template(plane, "ai", &sets).await?.ok()?;
    ensure!(served.contains("kind: MutatingAdmissionPolicy"), "{served}");
    // helm by itself knows of nothing newer than it was built for, and not of this.
    let call = plane.helm(["template", "hub", "-n", "ai"]).args([chart("aigne-hub")]).args(sets);
    let rendered = call.ok().await?;
    ensure!(!rendered.contains("AdmissionPolicy") && rendered.contains("kind: Deployment"), "{rendered}");
    let off = template(plane, "ai", &["--set=database.existingSecret=db"]).await?.ok()?;
    ensure!(!off.contains("AdmissionPolicy"), "it is off unless it is asked for");
    Ok(())
}
