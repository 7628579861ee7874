//! The operator process, with exactly the rights that it needs.

mod rights;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::process::Child;

use super::client::Client;
use super::controlplane::ControlPlane;
use super::hub::program;
use super::output::Output;
use super::place::random;
use super::{PATIENCE, eventually};

pub use rights::{Grants, Rights, grants, rights};

/// The name of the operator's ServiceAccount.
pub const ACCOUNT: &str = "operator";

/// What an operator is to be started with.
#[derive(Clone, Debug)]
pub struct Operators {
    kubeconfig: PathBuf,
    namespace: String,
    tenants: Vec<String>,
    address: String,
    lease: String,
    further: Vec<OsString>,
    /// With the file that has the database's URL.
    folder: Option<Arc<TempDir>>,
}

impl Operators {
    /// For a hub in this namespace, with Tenants there and in those. The account gets its rights in all of them.
    pub async fn new(plane: &ControlPlane, namespace: &str, tenants: &[&str]) -> anyhow::Result<Self> {
        let kubeconfig = plane.kubeconfig_as(namespace, ACCOUNT).await?;
        let rights = rights(plane).await?;
        rights::grant(plane, namespace, Some(namespace), &rights.hub).await?;
        for tenant in tenants {
            rights::grant(plane, namespace, Some(tenant), &rights.tenants).await?;
        }
        let tenants = tenants.iter().map(|name| (*name).to_owned()).collect();
        let address = format!("http://aigne-hub.{namespace}.svc:8080");
        let namespace = namespace.to_owned();
        Ok(Self {
            kubeconfig,
            namespace,
            tenants,
            address,
            lease: "3s".into(),
            further: Vec::new(),
            folder: None,
        })
    }

    /// For a hub in this namespace, with Tenants in every namespace. Only in a control plane of the test's own: it acts
    /// on all that there is.
    pub async fn everywhere(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Self> {
        let mut operators = Self::new(plane, namespace, &[]).await?;
        rights::grant(plane, namespace, None, &rights(plane).await?.everywhere).await?;
        operators.tenants.push("*".into());
        Ok(operators)
    }

    /// Also watches a namespace in which it has no rights, until [`grant`](Self::grant).
    #[must_use]
    pub fn forbidden(mut self, namespace: &str) -> Self {
        self.tenants.push(namespace.to_owned());
        self
    }

    /// Gives the rights in a tenants' namespace.
    pub async fn grant(&self, plane: &ControlPlane, namespace: &str) -> anyhow::Result<()> {
        rights::grant(plane, &self.namespace, Some(namespace), &rights(plane).await?.tenants).await
    }

    /// Where applications reach gateways.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    /// How long their Lease lasts; three seconds by default.
    #[must_use]
    pub fn lease(mut self, duration: &str) -> Self {
        self.lease = duration.into();
        self
    }

    /// Reads the ledger in this Postgres database, every second.
    pub fn database(mut self, url: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("aigne-hub-operators-").tempdir()?;
        let file = folder.path().join("database-url");
        std::fs::write(&file, url)?;
        self.further.extend(["--database-url-file".into(), file.into()]);
        self.folder = Some(Arc::new(folder));
        Ok(self.args(["--ledger-interval", "1s"]))
    }

    /// Further options.
    #[must_use]
    pub fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.further.extend(arguments.map(OsString::from));
        self
    }

    /// Starts one.
    pub async fn start(&self) -> anyhow::Result<Operator> {
        let identity = format!("operator-{}", random(4)?);
        let mut command = tokio::process::Command::new(binary()?);
        command.args(["--namespace", &self.namespace, "--identity", &identity]);
        command.args(["--tenant-namespaces", &self.tenants.join(",")]);
        command.args(["--address", &self.address]);
        command.args([
            "--admin-listen",
            "127.0.0.1:0",
            "--lease-duration",
            &self.lease,
            "--log-format",
            "json",
        ]);
        command.args(&self.further).env("KUBECONFIG", &self.kubeconfig).env_remove("AIGNE_HUB_DATABASE_URL");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let logs = Output::collect(child.stderr.take().context("stderr")?);
        let started = eventually("the operator starts", async || {
            ensure!(!logs.has_ended(), "it ended: {}", logs.text());
            Ok(logs.event("started"))
        })
        .await?;
        let admin = Output::field(&started, "admin").context("admin")?;
        let admin = Client::new(&format!("http://{admin}"), None);
        Ok(Operator { child, logs, admin, identity, _folder: self.folder.clone() })
    }
}

/// A running operator. It is killed when dropped.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    logs: Output,
    admin: Client,
    identity: String,
    /// It reads the database's URL again and again.
    _folder: Option<Arc<TempDir>>,
}

impl Operator {
    /// Its name in the Lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("it ended already")
    }

    /// What it logs.
    pub fn logs(&self) -> &Output {
        &self.logs
    }

    /// Its `/metrics`.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        Ok(self.admin.get("/metrics").await?.text())
    }

    /// The value of the line of `/metrics` that begins so; `None` if there is none.
    pub async fn metric(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let text = self.metrics().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.trim().parse().context("not a number")).transpose()
    }

    /// The HTTP status of `/readyz`.
    pub async fn readyz(&self) -> anyhow::Result<u16> {
        Ok(self.admin.get("/readyz").await?.status)
    }

    /// Waits until it has seen everything that there is.
    pub async fn ready(&self) -> anyhow::Result<()> {
        eventually("the operator is ready", async || Ok((self.readyz().await? == 200).then_some(())))
            .await
            .with_context(|| self.logs.text())
    }

    /// Waits until it is ready and leads.
    pub async fn leads(&self) -> anyhow::Result<()> {
        self.ready().await?;
        eventually("the operator leads", async || {
            Ok(self.metric("aigne_hub_operator_leader").await?.filter(|leads| *leads > 0.5))
        })
        .await
        .with_context(|| self.logs.text())
        .map(drop)
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

/// The operator's binary: `AIGNE_HUB_OPERATOR_BIN`, or the one in the target folder that this program is in.
pub fn binary() -> anyhow::Result<PathBuf> {
    program("aigne-hub-operator", "AIGNE_HUB_OPERATOR_BIN")
}
