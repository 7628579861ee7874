//! What the documents name exists: commands and their options, metrics, files. What they show works.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aigne_hub_tests::harness::asks::{chat, streamed};
use aigne_hub_tests::harness::{Authority, Blueprint, Cluster, Command, Outcome, Signing, eventually, until};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page: its path from the root, and its text.
fn pages() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for folder in ["", "docs", "examples", "fuzz"] {
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten() {
            let path = Path::new(folder).join(entry?.file_name());
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push((path.clone(), fs::read_to_string(root().join(path))?));
            }
        }
    }
    ensure!(found.len() >= 9, "the search itself is broken: {found:?}");
    Ok(found)
}

/// The lines of all code blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}");
    let mut inside = false;
    let is_inside = |line: &&str| {
        let edge = line.starts_with("```");
        inside = if edge { !inside && *line == fence } else { inside };
        inside && !edge
    };
    text.lines().filter(is_inside).collect()
}

/// The words of each call of the program in a page, comments and pipes left out.
fn calls(text: &str) -> Vec<Vec<&str>> {
    let lines = blocks(text, "sh").into_iter().filter_map(|line| line.trim().strip_prefix("aigne-hub "));
    lines
        .map(|line| line.split([' ', '=']).take_while(|word| !["#", "|", "&&"].contains(word)).collect())
        .collect()
}

#[tokio::test]
async fn commands_and_options_exist() -> Outcome {
    let mut seen = BTreeSet::new();
    for (path, text) in pages()? {
        for words in calls(&text) {
            let commands: Vec<_> = words.iter().take_while(|word| is_command(word)).copied().collect();
            let depth =
                if ["keys", "accounts", "export"].contains(commands.first().unwrap_or(&"")) { 2 } else { 1 };
            let mut ask = Command::new([]);
            for word in commands.iter().take(depth).chain(&["--help"]) {
                ask = ask.path(word.as_ref());
            }
            let help = ask.run().await?;
            ensure!(help.success, "{}: {words:?}: {}", path.display(), help.stderr);
            for option in words.iter().filter(|word| word.starts_with('-')) {
                let known = help.stdout.split([' ', ',', '\n']).any(|word| word == *option);
                ensure!(known, "{}: {words:?} has no {option}", path.display());
            }
            seen.extend(commands.first().map(|command| (*command).to_owned()));
        }
    }
    let expected = [
        "accounts",
        "chat",
        "check",
        "demo",
        "export",
        "inject",
        "keys",
        "leases",
        "reconcile",
        "rerate",
        "run",
        "seal",
        "sidecar",
        "usage",
    ]
    .map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(expected), "each command is shown somewhere");
    Ok(())
}

fn is_command(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Names of metrics in a text, without the endings that the exposition format adds.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| {
        // Labels have these beginnings too.
        let label =
            ["gen_ai_provider_name", "gen_ai_request_model", "gen_ai_operation_name", "gen_ai_token_type"];
        ["aigne_hub_", "gen_ai_", "process_"].iter().any(|start| word.starts_with(start))
            && !label.contains(word)
            // The operator's are held against it where it runs: tests/tests/controlplane/operator.
            && !word.starts_with("aigne_hub_operator_")
    };
    let bare = |word: &str| word.trim_end_matches("_total").to_owned();
    words.filter(is_metric).filter(|word| !word.ends_with('_')).map(bare).collect()
}

#[tokio::test]
async fn every_metric_is_explained_and_every_explained_metric_exists() -> Outcome {
    let upstream = Scripted::start().await?;
    // Some are shown only where there is something to show.
    let (authority, cluster) = (Authority::new()?, Cluster::new(Signing::Es256)?);
    let hub = Blueprint::usual(&upstream).tls(&authority.certificate(), &authority.key());
    // Nobody listens there: what is told waits.
    let hub = hub.option("--export-webhook-url", "http://127.0.0.1:9/");
    let hub = hub.environment("AIGNE_HUB_EXPORT_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let hub = cluster.trusted(hub).start().await?;
    until("the webhook is known", || hub.logs().text().contains("entries are exported\"")).await?;
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    hub.client().chat(&streamed(chat("gpt", "hi"))).await?.ok()?;
    hub.client().chat(&chat("no-such-model", "hi")).await?.openai_error(404)?;
    let shown = eventually("what was told is counted", async || {
        let shown = hub.admin_client().get("/metrics").await?.text();
        Ok((shown.contains("aigne_hub_export_messages_total{") && shown.contains("aigne_hub_export_parked{"))
            .then_some(shown))
    })
    .await?;
    let families = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let exist: BTreeSet<String> = families.map(str::to_owned).collect();
    let explained = metrics(&fs::read_to_string(root().join("docs/operations.md"))?);
    assert_eq!(explained, exist);
    Ok(())
}

#[test]
fn links_lead_somewhere() -> Outcome {
    for (path, text) in pages()? {
        let folder = root().join(path.parent().context("a page has a folder")?);
        let prose: String = text.split('`').step_by(2).collect();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { root().join(&path) } else { folder.join(file) };
            ensure!(target.exists(), "{}: {link}", path.display());
            let heading = |line: &str| {
                let words = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
                let kept = words.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
                Some(kept.collect::<String>().replace(' ', "-"))
            };
            let found = anchor.is_empty()
                || fs::read_to_string(&target)?.lines().any(|line| heading(line).as_deref() == Some(anchor));
            ensure!(found, "{}: {link}", path.display());
        }
    }
    Ok(())
}

/// Words in backticks that look like a path of the repository.
#[test]
fn files_that_are_named_exist() -> Outcome {
    for (path, text) in pages()?.into_iter().filter(|(path, _)| !path.starts_with("examples")) {
        for name in text.split('`').skip(1).step_by(2) {
            let starts = [
                "crds/",
                "dataplane/",
                "operator/",
                "tests/",
                "docs/",
                "examples/",
                "scripts/",
                "fuzz/",
                ".ci/",
            ];
            let is_path =
                starts.iter().any(|start| name.starts_with(start)) && !name.contains(['*', ' ', '<']);
            // A place for a new one.
            let is_made_up = name.contains("NAME");
            let there = !is_path || is_made_up || root().join(name).exists() || Path::new(name).has_root();
            ensure!(there, "{}: {name}", path.display());
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_manifests_of_the_readme_are_served() -> Outcome {
    let text = fs::read_to_string(root().join("README.md"))?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("hub.yaml"), blocks(&text, "yaml").join("\n"))?;
    let command = Command::new(["check", "--strict", "-f"]).path(folder.path());
    let ran = command.environment("OPENAI_API_KEY", "sk-test").run().await?;
    ensure!(ran.success && ran.stdout.contains("0 errors, 0 warnings"), "{}", ran.stdout);
    Ok(())
}
