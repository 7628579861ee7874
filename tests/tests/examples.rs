//! What the documentation shows works as it stands.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aigne_hub_tests::harness::{Command, Outcome, PATIENCE, Ran};
use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test]
async fn check_accepts_every_example() -> Outcome {
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples"))? {
        let path = entry?.path();
        if path.is_dir() {
            let Ran { success, stdout, stderr } = Command::new(["check", "-f"]).path(&path).run().await?;
            let said = stdout + &stderr;
            // One example shows every field there is, also those of providers that are still to come.
            let mut errors = said.lines().filter(|line| line.starts_with("error"));
            let excused = errors.all(|line| line.contains("this version has no adapter"));
            ensure!(success || excused && path.ends_with("all-fields"), "{}: {said}", path.display());
            count += 1;
        }
    }
    ensure!(count > 1, "no examples");
    Ok(())
}

async fn free_port() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port().to_string())
}

/// `make run` without building: one chat, its priced usage row, and what to paste next; up until Ctrl-C.
#[tokio::test]
async fn the_quickstart_shows_a_chat_and_its_cost() -> Outcome {
    let data = tempfile::tempdir()?;
    let mut script = tokio::process::Command::new(root().join("scripts/quickstart"))
        .env("AIGNE_HUB_PORT", free_port().await?)
        .env("AIGNE_HUB_ADMIN_PORT", free_port().await?)
        .env("AIGNE_HUB_DATA", data.path())
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut lines = BufReader::new(script.stdout.take().context("stdout")?).lines();
    let reading = async {
        let mut said = String::new();
        while let Some(line) = lines.next_line().await? {
            said += &line;
            said.push('\n');
            if line.contains("Ctrl-C stops") {
                return Ok(said);
            }
        }
        anyhow::bail!("it ended: {said}")
    };
    let said = tokio::time::timeout(PATIENCE, reading).await.context("it says nothing");
    let id = script.id().context("it ended already")?.to_string();
    tokio::process::Command::new("kill").args(["-INT", &id]).status().await?;
    let ended = tokio::time::timeout(PATIENCE, script.wait()).await.context("Ctrl-C does not end it")?;
    let said = said??;
    ensure!(ended?.success(), "{said}");
    for shown in ["chat.completion", "curl http", "from openai import", "from anthropic import"] {
        ensure!(said.contains(shown), "{shown:?} is missing: {said}");
    }
    let row = said.lines().skip_while(|line| !line.contains("usage row")).nth(2).context("no row")?;
    ensure!(row.contains("Provider") && row.contains("Completed"), "the row tells tokens and cost: {said}");
    Ok(())
}
