//! The charts: what they render, what they refuse, and that a real API server takes it.

mod access;
mod demo;
mod injection;
mod life;
mod programs;
mod rendered;
mod server;

use std::path::{Path, PathBuf};

use aigne_hub_tests::harness::Ran;
use aigne_hub_tests::harness::controlplane::{self, ControlPlane};
use anyhow::Context;
use serde_json::Value;

/// A chart of this repository.
fn chart(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts").join(name)
}

/// The smallest choice that has to be made.
const BUNDLED: &[&str] = &["--set=database.bundled.enabled=true"];
/// As in production: TLS, an own database, scaling, teams' namespaces.
const PRODUCTION: &[&str] = &[
    "--set=database.existingSecret=ledger,database.usageRetentionMonths=13",
    "--set=tenantNamespaces={team-a,ai,team-b}",
    "--set=tls.mode=CertManager,tls.issuerRef.name=internal,tls.issuerRef.kind=ClusterIssuer",
    "--set=tls.dnsNames={hub.example.com},address=https://hub.example.com",
    "--set=autoscaling.enabled=true,autoscaling.podsMetric.name=aigne_hub_open_streams",
    "--set=metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prometheus",
    "--set=networkPolicy.monitoring[0].namespaceSelector.matchLabels.monitoring=yes",
    "--set=networkPolicy.clients[0].podSelector.matchLabels.hub=client",
    "--set=gateway.serviceAccountAnnotations.eks\\.amazonaws\\.com/role-arn=arn:aws:iam::1:role/hub",
    "--set=gateway.priorityClassName=high,gateway.nodeSelector.disk=ssd,gateway.tolerations[0].operator=Exists",
    "--set=imagePullSecrets[0].name=registry,commonLabels.team=platform,commonAnnotations.owner=platform",
    "--set=sidecar.injection.enabled=true,sidecar.ca.configMap=hub-ca",
];
/// Every namespace, TLS from a Secret beside plain HTTP, and what can be left out is.
const EVERYWHERE: &[&str] = &[
    "--set=database.existingSecret=ledger,database.port=6432",
    "--set=tenantNamespaces={*}",
    "--set=tls.mode=Secret,tls.secretName=hub-tls,tls.alsoPlainHTTP=true",
    "--set=networkPolicy.enabled=false,podDisruptionBudget.enabled=false",
    "--set=workloadIdentity.bindIssuerDiscovery=false,log.access=false,gateway.threads=4",
    "--set=service.type=LoadBalancer,fullnameOverride=gateway",
    "--set=gateway.adminToken.existingSecret=payments,gateway.adminToken.key=hub-token",
    "--set=export.stripe.eventName=hub_nanos,export.stripe.existingSecret=stripe,export.stripe.customersConfigMap=customers",
    "--set=export.cloudEvents.url=https://openmeter.cloud/api/v1/events,export.cloudEvents.existingSecret=openmeter",
    "--set=export.webhook.url=https://billing.example.com/hub,export.webhook.existingSecret=webhook",
    "--set=sidecar.injection.enabled=true,sidecar.hub=https://hub.example.com,sidecar.ca.bundle=PEM,sidecar.port=8099",
    "--set=sidecar.injection.namespaceSelector.matchLabels.team=yes",
];
/// From nothing to the first chat, with TLS and clients that are listed.
const DEMO: &[&str] = &[
    "--set=database.bundled.enabled=true,demo.enabled=true",
    "--set=tls.mode=Secret,tls.secretName=hub-tls",
    "--set=networkPolicy.clients[0].podSelector.matchLabels.hub=client",
];
const SETS: &[(&str, &[&str])] =
    &[("bundled", BUNDLED), ("production", PRODUCTION), ("everywhere", EVERYWHERE), ("demo", DEMO)];

/// What the API server of these tests has, beside what helm knows by itself.
const SERVED: &str = "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy";

/// Renders the hub's chart as release `hub` in a namespace.
async fn template(plane: &ControlPlane, namespace: &str, values: &[&str]) -> anyhow::Result<Ran> {
    let call = plane.helm(["template", "hub", "--namespace", namespace, SERVED]);
    call.args([chart("aigne-hub")]).args(values).run().await
}

/// The objects of a rendered chart.
async fn objects(plane: &ControlPlane, namespace: &str, values: &[&str]) -> anyhow::Result<Vec<Value>> {
    parsed(&template(plane, namespace, values).await?.ok()?)
}

fn parsed(yaml: &str) -> anyhow::Result<Vec<Value>> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The pod that an object makes: of a Deployment or a `StatefulSet`, or the object itself.
fn pod(object: &Value) -> Option<&Value> {
    let template = &object["spec"]["template"];
    if object["kind"] == "Pod" { Some(object) } else { Some(template).filter(|template| !template.is_null()) }
}

/// Its containers.
fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    pod(object).and_then(|pod| pod["spec"]["containers"].as_array()).into_iter().flatten()
}

/// What an object is called in messages.
fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

async fn plane() -> anyhow::Result<&'static ControlPlane> {
    controlplane::shared().await.context("the control plane")
}
