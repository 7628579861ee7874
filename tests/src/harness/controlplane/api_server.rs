//! The kube-apiserver process.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use super::super::eventually_within;
use super::super::place::{Place, Process, free_port};
use super::certificates::Certificates;
use super::programs::Programs;

/// Its start may be slow beside many others.
const START: Duration = Duration::from_secs(90);

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// One line a request: who did what to which object, no bodies.
const AUDIT_POLICY: &str = r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}"#;

/// How the server is started, each time.
#[derive(Debug)]
pub(super) struct ApiServer {
    port: u16,
    etcd: String,
    audit: Option<PathBuf>,
    process: Option<Process>,
}

impl ApiServer {
    pub(super) fn new(etcd: &str, audit: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self { port: free_port()?, etcd: etcd.to_owned(), audit, process: None })
    }

    pub(super) fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn audit(&self) -> Option<&PathBuf> {
        self.audit.as_ref()
    }

    /// Starts it; [`ready`](Self::ready) waits for it.
    pub(super) fn spawn(
        &mut self,
        programs: &Programs,
        place: &Place,
        certificates: &Certificates,
    ) -> anyhow::Result<()> {
        let mut command = Command::new(&programs.api_server);
        command.arg(format!("--etcd-servers={}", self.etcd));
        command.arg(format!("--secure-port={}", self.port));
        command.args([
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
        ]);
        command.args(["--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged=true"]);
        command.arg("--authorization-mode=RBAC");
        // Nobody makes the ServiceAccount `default` here; pods are accepted without.
        command.arg("--disable-admission-plugins=ServiceAccount");
        command.arg("--cert-dir").arg(place.path());
        command.arg("--client-ca-file").arg(&certificates.authority);
        command.arg("--tls-cert-file").arg(&certificates.server);
        command.arg("--tls-private-key-file").arg(&certificates.server_key);
        command.arg(format!("--service-account-issuer={ISSUER}"));
        command.arg("--service-account-signing-key-file").arg(&certificates.tokens_key);
        command.arg("--service-account-key-file").arg(&certificates.tokens_public_key);
        if let Some(log) = &self.audit {
            command.arg("--audit-policy-file").arg(place.write("audit-policy.json", AUDIT_POLICY)?);
            command.arg("--audit-log-path").arg(log);
        }
        self.process = Some(place.spawn("kube-apiserver", command)?);
        Ok(())
    }

    /// Waits until it serves and has made what it makes itself at the start.
    pub(super) async fn ready(&mut self, client: &Client) -> anyhow::Result<()> {
        let process = self.process.as_mut().context("it was not started")?;
        let namespaces = Api::<Namespace>::all(client.clone());
        eventually_within(START, "the API server is ready", async || {
            process.runs()?;
            let readyz = http::Request::get("/readyz").body(Vec::new())?;
            let ready = client.request_text(readyz).await.is_ok();
            Ok((ready && namespaces.get("default").await.is_ok()).then_some(()))
        })
        .await
        .with_context(|| process.log_tail())
    }

    /// Kills it, as a node that goes away does.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        process.signal("KILL")?;
        process.ended().await.map(drop)
    }
}
