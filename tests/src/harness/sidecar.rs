//! A sidecar as a process, and its pod's token as the kubelet mounts it.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::process::Child;

use super::client::Client;
use super::hub::{binary, url};
use super::output::Output;
use super::{PATIENCE, eventually};

/// What a sidecar is to be started with.
#[derive(Clone, Debug)]
pub struct Beside {
    hub: String,
    options: Vec<OsString>,
}

impl Beside {
    /// Beside an application that uses this hub over plain HTTP.
    pub fn new(hub: &str) -> Self {
        Self { hub: hub.to_owned(), options: vec!["--allow-insecure".into()] }
    }

    /// The same over TLS, trusting these roots.
    pub fn tls(hub: &str, roots: &Path) -> Self {
        Self { hub: hub.to_owned(), options: vec!["--ca-file".into(), roots.into()] }
    }

    /// A further option.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([name.into(), value.into()]);
        self
    }

    /// Starts it in a pod that has this token.
    pub async fn start(self, token: &str) -> anyhow::Result<Sidecar> {
        let mount = Mount(tempfile::tempdir()?);
        mount.put(token)?;
        let mut command = tokio::process::Command::new(binary()?);
        command.args(["sidecar", "--listen", "127.0.0.1:0", "--hub", &self.hub]);
        command.arg("--token-file").arg(mount.file()).args(self.options);
        // As in pods.
        command.env("MIMALLOC_ALLOW_THP", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let logs = Output::collect(child.stderr.take().context("stderr")?);
        let ready = eventually("the sidecar is ready", async || {
            ensure!(!logs.has_ended(), "it ended: {}", logs.text());
            Ok(logs.event("ready"))
        })
        .await?;
        let address = Output::field(&ready, "sidecar").context("sidecar")?.to_owned();
        Ok(Sidecar { child, logs, address, mount })
    }
}

/// A running sidecar. It is killed when dropped.
#[derive(Debug)]
pub struct Sidecar {
    child: Child,
    logs: Output,
    address: String,
    mount: Mount,
}

impl Sidecar {
    /// Where it listens, as ADDRESS:PORT.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where applications connect.
    pub fn origin(&self) -> String {
        url(&self.address)
    }

    /// An application that shows a placeholder for its key.
    pub fn client(&self) -> Client {
        Client::new(&self.origin(), Some("placeholder"))
    }

    /// What it logs.
    pub fn logs(&self) -> &Output {
        &self.logs
    }

    /// Puts a new token in the place of the old one, as the kubelet does.
    pub fn rotate(&self, token: &str) -> anyhow::Result<()> {
        self.mount.put(token)
    }

    /// Resident memory now and at most so far, in KiB.
    pub fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let id = self.child.id().context("it ended already")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let of = |name: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }

    /// Asks it to end.
    pub async fn sigterm(&self) -> anyhow::Result<()> {
        let id = self.child.id().context("it ended already")?.to_string();
        let status = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await?;
        ensure!(status.success(), "kill -TERM");
        Ok(())
    }

    /// Waits for its end; true if it ended well.
    pub async fn ended(&mut self) -> anyhow::Result<bool> {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("still running")??;
        Ok(status.success())
    }
}

/// A projected volume: the file is a link through `..data`, which is swapped.
#[derive(Debug)]
struct Mount(TempDir);

impl Mount {
    fn file(&self) -> PathBuf {
        self.0.path().join("token")
    }

    fn put(&self, token: &str) -> anyhow::Result<()> {
        let place = self.0.path();
        let folder = tempfile::Builder::new().prefix("..").tempdir_in(place)?.keep();
        std::fs::write(folder.join("token"), token)?;
        symlink(&folder, place.join("..data_tmp"))?;
        std::fs::rename(place.join("..data_tmp"), place.join("..data"))?;
        if !self.file().exists() {
            symlink(Path::new("..data/token"), self.file())?;
        }
        Ok(())
    }
}
