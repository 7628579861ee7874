//! The tests' metrics adapter behind a real API server: what an autoscaler would be told.

use aigne_hub_tests::harness::asks::{chat, streamed};
use aigne_hub_tests::harness::{Blueprint, ControlPlane, Outcome, eventually};
use aigne_hub_tests::metrics_adapter;
use aigne_hub_tests::scripted::{Gate, Script, Scripted};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PATH: &str = "/apis/custom.metrics.k8s.io/v1beta2/namespaces";

/// The fixture, as it is applied to a cluster.
const MANIFESTS: &str = include_str!("../e2e/fixtures/custom-metrics.yaml");

#[tokio::test]
async fn an_autoscaler_is_told_the_open_streams_of_the_chosen_pods() -> Outcome {
    // Its own: an API of the whole cluster must not meet other tests.
    let plane = ControlPlane::start().await?;
    let namespace = plane.namespace("metrics").await?;
    let manifests = MANIFESTS.replace("NAMESPACE", &namespace);
    let apply = ["apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-"];
    plane.kubectl(apply).input(manifests.clone()).ok().await?;

    // A gateway with a stream open, and a pod that says where it is.
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let gate = Gate::admitting(2);
    upstream.next(Script::chunks(3).gate(&gate));
    let mut open = hub.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    open.event().await?;
    let port: u16 = hub.admin().rsplit(':').next().context("port")?.parse()?;
    for (name, label) in [("one", "hub"), ("other", "else")] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": label}},
            "spec": {"automountServiceAccountToken": false, "containers": [{"name": "c", "image": "i",
                "ports": [{"name": "admin", "containerPort": port}]}]}});
        plane.kubectl(["create", "-n", &namespace, "-f", "-"]).input(pod.to_string()).ok().await?;
        let status =
            json!({"status": {"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}});
        let patch = ["patch", "pod", name, "-n", &namespace, "--subresource=status", "--type=merge", "-p"];
        plane.kubectl(patch).args([status.to_string()]).ok().await?;
    }

    // As its own account, with the rights of the fixture and no others.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let adapter = listener.local_addr()?.port();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&manifests)?;
    for document in documents {
        match document["kind"].as_str() {
            Some("ServiceAccount" | "Role" | "RoleBinding") => {}
            _ => continue,
        }
        plane.kubectl(["create", "-f", "-"]).input(document.to_string()).ok().await?;
    }
    let client = plane.client_as(&namespace, "custom-metrics").await?;
    let serving =
        tokio::spawn(async move { metrics_adapter::serve(listener, client, "aigne_hub_open_streams").await });
    // There are no nodes: the Service is the test's own machine.
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "custom-metrics", "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": adapter}]}});
    let api = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1beta2.custom.metrics.k8s.io"},
        "spec": {"group": "custom.metrics.k8s.io", "version": "v1beta2", "groupPriorityMinimum": 100,
            "versionPriority": 100, "insecureSkipTLSVerify": true,
            "service": {"name": "custom-metrics", "namespace": namespace, "port": adapter}}});
    for object in [service, api] {
        plane.kubectl(["create", "-f", "-"]).input(object.to_string()).ok().await?;
    }
    plane
        .kubectl([
            "wait",
            "--for=condition=Available",
            "apiservice/v1beta2.custom.metrics.k8s.io",
            "--timeout=20s",
        ])
        .ok()
        .await?;

    let ask = async |metric: &str| -> anyhow::Result<Option<Value>> {
        let path = format!("{PATH}/{namespace}/pods/*/{metric}?labelSelector=app%3Dhub");
        let ran = plane.kubectl(["get", "--raw", &path]).run().await?;
        Ok(if ran.success { Some(serde_json::from_str(&ran.stdout)?) } else { None })
    };
    let list = eventually("the list", async || ask("aigne_hub_open_streams").await).await?;
    let items = list["items"].as_array().context("items")?;
    ensure!(items.len() == 1, "only the chosen pod: {list}");
    assert_eq!((&items[0]["describedObject"]["name"], &items[0]["value"]), (&json!("one"), &json!("1")));
    ensure!(ask("no_such_metric").await?.is_none());
    // The API server knows the group by now, as the autoscaler finds it.
    let groups = plane.kubectl(["get", "--raw", "/apis"]).ok().await?;
    ensure!(groups.contains("custom.metrics.k8s.io/v1beta2"), "{groups}");
    gate.open();
    open.rest().await?;
    eventually("none is open", async || {
        let list = ask("aigne_hub_open_streams").await?.unwrap_or_default();
        Ok((list["items"][0]["value"] == "0").then_some(()))
    })
    .await?;
    serving.abort();
    Ok(())
}
