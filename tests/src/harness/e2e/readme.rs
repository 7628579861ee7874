//! The commands of the README, run exactly as they stand there.

use anyhow::{Context, ensure};

use super::super::Outcome;
use super::super::tool::Tool;
use super::{Space, repository};

/// The namespace that they are written for.
pub const NAMESPACE: &str = "ai";

/// From nothing to a hub: the first block under "Kubernetes", one line each.
pub fn commands() -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(repository().join("README.md"))?;
    let (_, section) = text.split_once("\n## Kubernetes\n").context("no section Kubernetes")?;
    let (_, block) = section.split_once("```sh\n").context("no commands")?;
    let (block, _) = block.split_once("```").context("no end of the commands")?;
    Ok(block.lines().map(str::to_owned).collect())
}

/// The first: the namespace and our kinds.
pub(super) async fn install_kinds() -> Outcome {
    run(commands()?.first().context("no commands")?).await.map(drop)
}

/// The second, which installs the hub. It says what helm's notes are. Another namespace than [`NAMESPACE`] takes its place.
pub async fn install_hub(space: &Space) -> anyhow::Result<String> {
    run_in(space, 1).await
}

/// The third, which sends a first chat through. It says what was answered.
pub async fn first_chat(space: &Space) -> anyhow::Result<String> {
    run_in(space, 2).await
}

async fn run_in(space: &Space, number: usize) -> anyhow::Result<String> {
    let commands = commands()?;
    let command = commands.get(number).context("a command is missing")?;
    let placed =
        command.replace(&format!("--namespace {NAMESPACE} "), &format!("--namespace {} ", space.name()));
    ensure!(space.name() == NAMESPACE || placed != *command, "no namespace in: {command}");
    run(&placed).await
}

async fn run(command: &str) -> anyhow::Result<String> {
    let line = format!("cd '{}' && {command}", repository().display());
    Tool::new("bash", ["-c", &line]).ok().await
}
