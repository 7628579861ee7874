//! A gateway process that is killed and comes back in the same folder and at the same address.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::process::{Child, Command};

use crate::harness::{self, eventually_within};

/// Longer than a start takes on a busy machine, with Postgres away.
const START: Duration = Duration::from_mins(1);
/// How long open requests may take after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);
/// Longer than an end takes: requests, then the ledger's writer, each as long as [`GRACE`].
const END: Duration = Duration::from_secs(30);

/// One of the processes.
#[derive(Debug)]
pub(crate) struct Gateway {
    name: String,
    command: Vec<std::ffi::OsString>,
    address: SocketAddr,
    admin: SocketAddr,
    place: PathBuf,
    child: Option<Child>,
}

impl Gateway {
    /// Not started yet. `folder` holds the manifests, `place` becomes its own.
    pub(crate) fn new(
        name: &str,
        folder: &Path,
        place: &Path,
        database_url_file: &Path,
        offset: &str,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(place)?;
        let (address, admin) = (free_address()?, free_address()?);
        let mut command: Vec<std::ffi::OsString> = vec!["run".into(), "-f".into(), folder.into()];
        command.extend(["--data".into(), place.join("data").into()]);
        command.extend(["--database-url-file".into(), database_url_file.into()]);
        let grace = format!("{}s", GRACE.as_secs());
        let (address_text, admin_text) = (address.to_string(), admin.to_string());
        let options = [
            ("--listen", address_text.as_str()),
            ("--admin-listen", &admin_text),
            ("--threads", "2"),
            ("--grace", &grace),
            ("--access-log", "off"),
            ("--clock-offset", offset),
        ];
        command.extend(options.into_iter().flat_map(|(name, value)| [name.into(), value.into()]));
        Ok(Self { name: name.to_owned(), command, address, admin, place: place.to_owned(), child: None })
    }

    /// Where clients connect, whether it runs or not.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, and waits until it serves.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut command = Command::new(harness::binary()?);
        command.args(&self.command).env_remove("AIGNE_HUB_DATABASE_URL").env("AIGNE_HUB_LOG", "info");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn()?;
        let ready = eventually_within(START, "the gateway is ready", async || {
            ensure!(child.try_wait()?.is_none(), "it ended");
            let answer = reqwest::get(format!("http://{}/readyz", self.admin)).await;
            Ok(answer.is_ok_and(|answer| answer.status() == 200).then_some(()))
        });
        ready.await.with_context(|| format!("{}: {}", self.name, self.log_tail()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends it without warning.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().await.context("kill")
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn terminate(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let id = child.id().context("it ended by itself")?.to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await?;
        ensure!(sent.success(), "kill -TERM {id}");
        let ended: ExitStatus = tokio::time::timeout(END, child.wait())
            .await
            .with_context(|| format!("{} does not end: {}", self.name, self.log_tail()))??;
        ensure!(ended.success(), "{} ended with {ended}: {}", self.name, self.log_tail());
        Ok(())
    }

    /// It has not ended by itself.
    pub(crate) fn runs(&mut self) -> anyhow::Result<()> {
        let status = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
        ensure!(status.is_none(), "{} ended by itself: {status:?}: {}", self.name, self.log_tail());
        Ok(())
    }

    /// Folders of journals that are not in the ledger yet.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.place.join("data/journal")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    /// Lines that it has written, of all its lives.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.place.join("log")
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], harness::free_port()?)))
}
