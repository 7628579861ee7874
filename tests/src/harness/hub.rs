//! The gateway process.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, anyhow, ensure};
use tempfile::TempDir;
use tokio::process::Child;

use super::client::Client;
use super::manifests::{Pricing, Provider, Tenant, key};
use super::output::Output;
use super::rows::{self, Row};
use super::{PATIENCE, eventually};

/// What a gateway is to be started with.
#[derive(Clone, Debug, Default)]
pub struct Blueprint {
    files: Vec<(String, String)>,
    threads: Option<u32>,
    environment: Vec<(String, String)>,
    tenant: Option<String>,
    drain_delay: Option<String>,
    options: Vec<(String, std::ffi::OsString)>,
}

impl Blueprint {
    /// Adds a file to the folder.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.into(), text.into()));
        self
    }

    /// Adds a provider with its Secret.
    #[must_use]
    pub fn provider(self, provider: Provider) -> Self {
        self.file(&format!("provider-{}.yaml", provider.name()), &yaml(&provider.manifests()))
    }

    /// Adds a price sheet.
    #[must_use]
    pub fn pricing(self, pricing: Pricing) -> Self {
        let count = self.files.len();
        self.file(&format!("pricing-{count}.yaml"), &yaml(&pricing.manifests()))
    }

    /// Adds a tenant with its keys' Secrets. [`Hub::client`] is the first one's.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant.get_or_insert_with(|| tenant.name().to_owned());
        self.file(&format!("tenant-{}.yaml", tenant.name()), &yaml(&tenant.manifests()))
    }

    /// Serves with so many threads; with one by default.
    #[must_use]
    pub fn threads(mut self, threads: u32) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Goes on serving for so long after SIGTERM; not at all by default.
    #[must_use]
    pub fn drain_delay(mut self, delay: &str) -> Self {
        self.drain_delay = Some(delay.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets an option of the command.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.options.push((name.into(), value.as_ref().into()));
        self
    }

    /// Serves TLS too, on a port of its own.
    #[must_use]
    pub fn tls(self, certificate: &Path, key: &Path) -> Self {
        self.option("--tls-listen", "127.0.0.1:0").option("--tls-cert", certificate).option("--tls-key", key)
    }

    /// Writes the folder alone.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (name, text) in &self.files {
            std::fs::write(folder.join(name), text)?;
        }
        Ok(())
    }

    /// Writes the folder and starts.
    pub async fn start(self) -> anyhow::Result<Hub> {
        let place = tempfile::Builder::new().prefix("aigne-hub-test-").tempdir()?;
        self.write(&place.path().join("config"))?;
        std::fs::create_dir_all(place.path().join("data"))?;
        let process = Process::start(&self, place.path()).await?;
        Ok(Hub { process, blueprint: self, place })
    }
}

/// A running gateway with a folder of its own. It is killed when dropped.
#[derive(Debug)]
pub struct Hub {
    process: Process,
    blueprint: Blueprint,
    place: TempDir,
}

impl Hub {
    /// Where clients connect.
    pub fn origin(&self) -> &str {
        &self.process.gateway
    }

    /// Where clients connect over TLS.
    pub fn tls_origin(&self) -> anyhow::Result<&str> {
        self.process.tls.as_deref().context("no TLS listener")
    }

    /// Where metrics and probes are.
    pub fn admin(&self) -> &str {
        &self.process.admin
    }

    /// A client with the first tenant's key `app`.
    pub fn client(&self) -> Client {
        let tenant = self.blueprint.tenant.as_deref().unwrap_or_default();
        self.client_with(&key(tenant, "app"))
    }

    /// A client with this key.
    pub fn client_with(&self, key: &str) -> Client {
        Client::new(&self.process.gateway, Some(key))
    }

    /// A client of the admin listener.
    pub fn admin_client(&self) -> Client {
        Client::new(&self.process.admin, None)
    }

    /// What it logs on stderr.
    pub fn logs(&self) -> &Output {
        &self.process.stderr
    }

    /// Its access log.
    pub fn access_log(&self) -> &Output {
        &self.process.stdout
    }

    /// The folder with its configuration.
    pub fn config(&self) -> PathBuf {
        self.place.path().join("config")
    }

    /// The folder with its data.
    pub fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Writes a file of the configuration in one step, as a careful editor does.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let draft = self.place.path().join("draft");
        std::fs::write(&draft, text)?;
        Ok(std::fs::rename(draft, self.config().join(name))?)
    }

    /// Replaces a tenant.
    pub fn apply(&self, tenant: Tenant) -> anyhow::Result<()> {
        self.write(&format!("tenant-{}.yaml", tenant.name()), &yaml(&tenant.manifests()))
    }

    /// The usage rows that have arrived in the ledger.
    pub async fn rows_now(&self) -> anyhow::Result<Vec<Row>> {
        let data = self.data();
        let ran = Command::new(["usage", "--rows", "--output", "json", "--data"]).path(&data).run().await?;
        ensure!(ran.success, "usage failed: {}", ran.stderr);
        rows::parse(&ran.stdout).with_context(|| format!("not usage rows: {}", ran.stdout))
    }

    /// The usage rows, once there are this many; more are an error.
    pub async fn rows(&self, count: usize) -> anyhow::Result<Vec<Row>> {
        let rows = eventually(&format!("{count} usage rows"), async || {
            Ok(Some(self.rows_now().await?).filter(|rows| rows.len() >= count))
        })
        .await
        .with_context(|| self.logs().text())?;
        ensure!(rows.len() == count, "{count} usage rows expected: {rows:#?}");
        Ok(rows)
    }

    /// The only usage row.
    pub async fn row(&self) -> anyhow::Result<Row> {
        self.rows(1).await?.pop().ok_or_else(|| anyhow!("no row"))
    }

    /// Its resident memory in bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let id = self.process.child.id().context("it ended already")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }

    /// Asks it to drain.
    pub async fn sigterm(&self) -> anyhow::Result<()> {
        self.process.signal("TERM").await
    }

    /// Ends it without warning, as the kernel does.
    pub async fn sigkill(&mut self) -> anyhow::Result<()> {
        self.process.child.kill().await.context("kill")
    }

    /// Waits for its end; true if it ended well.
    pub async fn ended(&mut self) -> anyhow::Result<bool> {
        let status =
            tokio::time::timeout(PATIENCE, self.process.child.wait()).await.context("still running")??;
        Ok(status.success())
    }

    /// Ends it, and starts it again with this option in the place of another value. The addresses change.
    pub async fn again(mut self, [name, value]: [&str; 2]) -> anyhow::Result<Self> {
        let mut blueprint = std::mem::take(&mut self.blueprint);
        blueprint.options.retain(|(other, _)| other != name);
        self.blueprint = blueprint.option(name, value);
        self.restart().await?;
        Ok(self)
    }

    /// Starts it again on the same folders. The addresses change.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let _ = self.process.child.kill().await;
        self.process = Process::start(&self.blueprint, self.place.path()).await?;
        Ok(())
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
    gateway: String,
    tls: Option<String>,
    admin: String,
}

impl Process {
    async fn start(blueprint: &Blueprint, place: &Path) -> anyhow::Result<Self> {
        let mut command = tokio::process::Command::new(binary()?);
        command.arg("run").arg("-f").arg(place.join("config")).arg("--data").arg(place.join("data"));
        command.args(["--admin-listen", "127.0.0.1:0"]);
        if !blueprint.options.iter().any(|(name, _)| name == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        for (name, value) in &blueprint.options {
            command.arg(name).arg(value);
        }
        command.args(["--drain-delay", blueprint.drain_delay.as_deref().unwrap_or("0s")]);
        command.arg("--threads").arg(blueprint.threads.unwrap_or(1).to_string());
        command.env_remove("AIGNE_HUB_DATABASE_URL");
        command.envs(blueprint.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = Output::collect(child.stdout.take().context("stdout")?);
        let stderr = Output::collect(child.stderr.take().context("stderr")?);
        let ready = eventually("the gateway is ready", || {
            let ended = child.try_wait();
            std::future::ready(match (stderr.event("ready"), ended) {
                (Some(line), _) => Ok(Some(line)),
                (None, Ok(Some(status))) if stderr.has_ended() => Err(anyhow!("it ended: {status}")),
                (None, _) => Ok(None),
            })
        })
        .await
        .with_context(|| format!("the gateway did not start: {}", stderr.text()))?;
        let address = |name| Output::field(&ready, name).map(url).with_context(|| format!("{name}: {ready}"));
        let admin = address("admin")?;
        let tls = address("tls").ok().map(|origin| origin.replace("http://", "https://"));
        let gateway = address("gateway").or_else(|missing| tls.clone().ok_or(missing))?;
        Ok(Self { child, stdout, stderr, gateway, tls, admin })
    }

    async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().context("it ended already")?;
        let status =
            tokio::process::Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().await?;
        ensure!(status.success(), "kill -{name}");
        Ok(())
    }
}

/// The gateway's binary: `AIGNE_HUB_BIN`, or the one in the target folder that this program is in.
pub fn binary() -> anyhow::Result<PathBuf> {
    program("aigne-hub", "AIGNE_HUB_BIN")
}

/// One of the programs under test: where the variable says, or in the target folder that this program is in (tests are a
/// folder deeper).
pub(super) fn program(name: &str, variable: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    found.with_context(|| format!("{name} is missing beside {}: cargo build --bin {name}", own.display()))
}

/// A run of `aigne-hub` that ends by itself.
#[derive(Debug)]
pub struct Command {
    arguments: Vec<std::ffi::OsString>,
    environment: Vec<(String, String)>,
}

/// What it did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Exit code 0.
    pub success: bool,
    /// As text.
    pub stdout: String,
    /// As text.
    pub stderr: String,
}

impl Ran {
    /// What it wrote to standard output, if it ended well.
    pub fn ok(self) -> anyhow::Result<String> {
        ensure!(self.success, "{}{}", self.stdout, self.stderr);
        Ok(self.stdout)
    }
}

impl Command {
    /// With these arguments.
    pub fn new<const N: usize>(arguments: [&str; N]) -> Self {
        Self { arguments: arguments.map(Into::into).into(), environment: Vec::new() }
    }

    /// One more argument.
    #[must_use]
    pub fn path(mut self, path: &Path) -> Self {
        self.arguments.push(path.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs it to its end.
    pub async fn run(self) -> anyhow::Result<Ran> {
        let mut command = tokio::process::Command::new(binary()?);
        command.args(self.arguments).envs(self.environment).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.context("it does not end")??;
        Ok(Ran {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// JSON is YAML; one document each.
fn yaml(documents: &[serde_json::Value]) -> String {
    let documents: Vec<String> = documents.iter().map(|document| format!("{document:#}\n")).collect();
    documents.join("---\n")
}

pub(super) fn url(address: &str) -> String {
    if address.starts_with("http") { address.to_owned() } else { format!("http://{address}") }
}
