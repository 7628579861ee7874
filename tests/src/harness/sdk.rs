//! The official SDKs and the frameworks on top of them, as `tests/sdk/setup` installs them, and programs that run on them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Where they are.
#[derive(Clone, Debug)]
pub struct Sdk(PathBuf);

impl Sdk {
    /// Installs them if need be.
    pub async fn setup() -> anyhow::Result<Self> {
        let output = Command::new(Self::scripts().join("setup")).stderr(Stdio::inherit()).output().await?;
        ensure!(output.status.success(), "tests/sdk/setup failed");
        Ok(Self(String::from_utf8(output.stdout)?.trim().into()))
    }

    /// `tests/sdk`.
    pub fn scripts() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
    }

    /// Where Node finds its modules, in `node_modules`.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Python with OpenAI's and Anthropic's SDKs alone.
    pub fn python(&self) -> Command {
        self.program("python/bin/python")
    }

    /// Python with Google's and AWS's SDKs and the frameworks.
    pub fn others(&self) -> Command {
        self.program("others/bin/python")
    }

    fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.0.join(path));
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// A provider that others wrote, or that stands on what others wrote. It ends when dropped.
#[derive(Debug)]
pub struct Emulator {
    origin: String,
    #[expect(dead_code, reason = "kills on drop")]
    child: Child,
}

impl Emulator {
    /// aimock, with the fixtures of `tests/sdk/aimock`: most providers' wires.
    pub async fn aimock(sdk: &Sdk) -> anyhow::Result<Self> {
        let mut command = Command::new("node");
        command
            .arg(sdk.folder().join("node_modules/@copilotkit/aimock/dist/cli.js"))
            .args(["--port", "0", "--strict", "--fixtures"])
            .arg(Sdk::scripts().join("aimock/fixtures.json"));
        Self::start(command).await
    }

    /// Amazon Bedrock, STS and the agent of Pod Identity on botocore (`tests/sdk/bedrock`), with further options.
    pub async fn bedrock(sdk: &Sdk, options: &[&str]) -> anyhow::Result<Self> {
        let mut command = sdk.others();
        command.arg(Sdk::scripts().join("bedrock/server.py")).args(options);
        Self::start(command).await
    }

    /// Where it listens.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    async fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{:?}", command.as_std()))?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, origin)) = line.split_once("listening on ") {
                let origin = origin.trim().to_owned();
                // Read on, or it stops when the pipe is full.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { origin, child });
            }
        }
        anyhow::bail!("it did not start: {:?}", command.as_std())
    }
}
