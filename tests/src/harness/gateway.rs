//! A gateway in a cluster (`aigne-hub serve`) as a process, with exactly the rights that it needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use aigne_hub_crds::distribution::SECRETS_ROLE;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;

use super::client::Client;
use super::controlplane::ControlPlane;
use super::hub::{binary, url};
use super::output::Output;
use super::{PATIENCE, eventually};

/// The name of the gateways' ServiceAccount.
pub const ACCOUNT: &str = "gateway";

/// What gateways are to be started with. Its folder holds what each pod keeps over a restart.
#[derive(Debug)]
pub struct Gateways {
    kubeconfig: PathBuf,
    namespace: String,
    folder: TempDir,
    further: Vec<OsString>,
}

impl Gateways {
    /// For a hub in this namespace. The account gets its rights, and those of the Role that the operator writes.
    pub async fn new(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Self> {
        let kubeconfig = plane.kubeconfig_as(namespace, ACCOUNT).await?;
        let group = "rbac.authorization.k8s.io";
        let of_account = |role: &str| {
            json!({
                "apiVersion": format!("{group}/v1"), "kind": "RoleBinding",
                "metadata": { "name": role, "namespace": namespace },
                "roleRef": { "apiGroup": group, "kind": "Role", "name": role },
                "subjects": [{ "kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace }],
            })
        };
        let role = json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": { "name": ACCOUNT, "namespace": namespace },
            "rules": rules(),
        });
        let items = [role, of_account(ACCOUNT), of_account(SECRETS_ROLE)];
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        plane.kubectl(["apply", "-f", "-"]).input(list.to_string()).ok().await?;
        let folder = tempfile::Builder::new().prefix("aigne-hub-gateways-").tempdir()?;
        Ok(Self { kubeconfig, namespace: namespace.to_owned(), folder, further: Vec::new() })
    }

    /// Keeps usage in this Postgres database.
    pub fn database(mut self, url: &str) -> anyhow::Result<Self> {
        let file = self.folder.path().join("database-url");
        std::fs::write(&file, url)?;
        self.further.extend(["--database-url-file".into(), file.into()]);
        Ok(self)
    }

    /// Further options.
    #[must_use]
    pub fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.further.extend(arguments.map(OsString::from));
        self
    }

    /// Where a pod keeps its journal and its last good state.
    pub fn keeps(&self, pod: &str) -> PathBuf {
        self.folder.path().join(pod)
    }

    /// Starts one, and waits until its own listener answers. A second start of a pod is a restart of its container.
    pub async fn start(&self, pod: &str) -> anyhow::Result<Gateway> {
        let folder = self.keeps(pod);
        let below = |name: &str| -> PathBuf { Path::join(&folder, name) };
        let mut command = tokio::process::Command::new(binary()?);
        command.args(["serve", "--namespace", &self.namespace, "--pod-name", pod, "--threads", "1"]);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--drain-delay", "0s"]);
        command.arg("--data").arg(below("data")).arg("--cache").arg(below("cache")).args(&self.further);
        command.env("KUBECONFIG", &self.kubeconfig).env_remove("AIGNE_HUB_DATABASE_URL");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let access_log = Output::collect(child.stdout.take().context("stdout")?);
        let logs = Output::collect(child.stderr.take().context("stderr")?);
        let started = eventually("the gateway starts", async || {
            ensure!(!logs.has_ended(), "it ended: {}", logs.text());
            Ok(logs.event("started"))
        })
        .await?;
        let admin = url(Output::field(&started, "admin").context("admin")?);
        Ok(Gateway { pod: pod.to_owned(), child, access_log, logs, admin })
    }
}

/// What a gateway may do beside reading the Secrets that the operator's Role names. The chart grants the same.
fn rules() -> Value {
    json!([
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"] },
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "patch", "delete"] },
    ])
}

/// A running gateway. It is killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    pod: String,
    child: Child,
    access_log: Output,
    logs: Output,
    admin: String,
}

impl Gateway {
    /// Its pod's name.
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("it ended already")
    }

    /// Waits until it serves and has said where.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let ready = eventually("the gateway is ready", async || {
            ensure!(!self.logs.has_ended(), "it ended");
            let serves = self.admin_client().get("/readyz").await?.status == 200;
            Ok((serves && self.logs.event("ready").is_some()).then_some(()))
        });
        ready.await.with_context(|| self.logs.text())
    }

    /// Where clients connect, once it serves.
    pub fn origin(&self) -> anyhow::Result<String> {
        let ready = self.logs.event("ready").context("it is not ready")?;
        Output::field(&ready, "gateway").map(url).context("gateway")
    }

    /// A client with this key, once it serves.
    pub fn client(&self, key: &str) -> anyhow::Result<Client> {
        Ok(Client::new(&self.origin()?, Some(key)))
    }

    /// A client of the admin listener.
    pub fn admin_client(&self) -> Client {
        Client::new(&self.admin, None)
    }

    /// What it logs.
    pub fn logs(&self) -> &Output {
        &self.logs
    }

    /// Its access log.
    pub fn access_log(&self) -> &Output {
        &self.access_log
    }

    /// Ends it without warning.
    pub async fn sigkill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("kill")
    }

    /// Asks it to end, and waits until it has; an error if it does not end well.
    pub async fn sigterm(&mut self) -> anyhow::Result<()> {
        let id = self.id()?.to_string();
        let status = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await?;
        ensure!(status.success(), "kill -TERM");
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("still running")??;
        ensure!(ended.success(), "{ended}: {}", self.logs.text());
        Ok(())
    }
}
