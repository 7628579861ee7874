//! A process under measurement: started on its own core, and never left behind.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::usage::Usage;

/// How long a child may take to end when the benchmark itself is broken off.
const GRACE: Duration = Duration::from_millis(500);

/// A child, in a process group of its own that ends with it.
pub(crate) struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    /// Starts `program` on one core, its output going to the files given. Should this process die without a word,
    /// the kernel ends the child.
    pub(crate) fn start(
        name: &'static str,
        core: usize,
        program: &Path,
        arguments: &[&str],
        stdout: &Path,
        stderr: &Path,
    ) -> Result<Self> {
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string(), "setpriv", "--pdeathsig", "TERM"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(stdout)?)
            .stderr(File::create(stderr)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name} ({})", program.display()))?;
        Ok(Self { child, name })
    }

    /// Fails when the process is gone.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended by itself: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Asks it to end and waits; after `patience` it is killed, which is an error.
    pub(crate) async fn stop(mut self, patience: Duration) -> Result<()> {
        self.signal("TERM", &self.child.id().to_string());
        let deadline = Instant::now() + patience;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} did not end within {patience:?} of SIGTERM", self.name);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// CPU time and memory of the process and all that it started.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of_tree(self.child.id())
    }

    fn signal(&self, signal: &str, target: &str) {
        // The shell's own `kill`: no package is needed, and no unsafe code.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {signal} -- {target}")])
            .stderr(Stdio::null())
            .status();
        if let Err(error) = sent {
            crate::note(&format!("cannot signal {}: {error}", self.name));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First its own way, which for nginx takes its worker along; then by force, whatever is left of the group.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM", &self.child.id().to_string());
        }
        let deadline = std::time::Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal("KILL", &format!("-{}", self.child.id()));
        // Reaped or not, there is nothing more to do about it.
        let _ = self.child.wait();
    }
}

/// Moves this process, and what it will start, to one core.
pub(crate) fn pin_self(core: usize) -> Result<()> {
    let status = Command::new("taskset")
        .args(["--cpu-list", "--pid", &core.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .context("taskset (package util-linux) is needed")?;
    if status.success() { Ok(()) } else { bail!("cannot pin to core {core}: {status}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_process_is_gone() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let process = Process::start("sleep", 0, Path::new("sleep"), &["60"], &out, &err)?;
        let pid = process.child.id();
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        Ok(())
    }
}
