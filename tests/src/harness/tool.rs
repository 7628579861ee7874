//! A program that ends by itself: kubectl, helm, psql …

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::hub::Ran;

/// Longer than any of them takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A call of a program.
#[derive(Clone, Debug)]
pub struct Tool {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: Option<String>,
}

impl Tool {
    /// With these arguments.
    pub fn new<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Self { program: program.as_ref().to_owned(), arguments, environment: Vec::new(), input: None }
    }

    /// Further arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Acts as whoever this file says, instead of the administrator.
    #[must_use]
    pub fn kubeconfig(self, path: &Path) -> Self {
        self.env("KUBECONFIG", path)
    }

    /// What it reads from standard input, as `kubectl apply -f -` does.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// As a process that its caller starts; it ends when dropped.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned()).kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub async fn run(self) -> anyhow::Result<Ran> {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = self
            .command()
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))?;
        let stdin = child.stdin.take();
        let feed = async {
            if let (Some(mut stdin), Some(text)) = (stdin, self.input) {
                // A program that reads nothing has ended: its own message says why.
                let _ = stdin.write_all(text.as_bytes()).await;
            }
        };
        let output = async { futures::join!(feed, child.wait_with_output()).1 };
        let output = tokio::time::timeout(PATIENCE, output).await.context("it does not end")??;
        Ok(Ran {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it to its end, which must be a good one, and gives its output.
    pub async fn ok(self) -> anyhow::Result<String> {
        let call = format!("{} {}", self.program.display(), self.arguments.join(OsStr::new(" ")).display());
        self.run().await?.ok().context(call)
    }
}
