//! The official SDKs as clients, with our scripted provider and with somebody else's emulator upstream.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aigne_hub_tests::harness::{
    Authority, Beside, Blueprint, Cluster, Outcome, Pricing, Provider, Signing, Tenant, key,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// `tests/sdk`.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// Where the pinned SDKs are; installs them if need be.
async fn folder() -> anyhow::Result<PathBuf> {
    let output = Command::new(scripts().join("setup")).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "tests/sdk/setup failed");
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// An emulator upstream, alive as long as this.
enum Upstream {
    Scripted(Scripted),
    /// The process is held only so that it ends with this.
    Aimock(#[expect(dead_code, reason = "kills on drop")] Child, String),
}

impl Upstream {
    async fn aimock(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new("node")
            .arg(folder.join("node_modules/@copilotkit/aimock/dist/cli.js"))
            .args(["--port", "0", "--strict", "--fixtures"])
            .arg(scripts().join("aimock/fixtures.json"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, origin)) = line.split_once("listening on ") {
                let origin = origin.trim().to_owned();
                // Read on, or it stops when the pipe is full.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self::Aimock(child, origin));
            }
        }
        anyhow::bail!("aimock did not start")
    }

    fn origin(&self) -> String {
        match self {
            Self::Scripted(provider) => provider.origin(),
            Self::Aimock(_, origin) => origin.clone(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Scripted(_) => "scripted",
            Self::Aimock(..) => "aimock",
        }
    }
}

/// Runs a file of checks against a hub in front of the upstream.
async fn run(script: &str, upstream: &Upstream, folder: &Path) -> Outcome {
    let authority = Authority::new()?;
    run_as(script, upstream, folder, &authority, false).await
}

/// The same over TLS, by the authority's certificate.
async fn run_as(
    script: &str,
    upstream: &Upstream,
    folder: &Path,
    authority: &Authority,
    tls: bool,
) -> Outcome {
    let origin = upstream.origin();
    let openai = Provider::at("openai", "OpenAI", &format!("{origin}/v1")).model("gpt").model("secret-model");
    let beside_chat = [
        ("embed", "Embedding"),
        ("image", "Image"),
        ("tts", "Speech"),
        ("transcribe", "Transcription"),
        ("whisper-1", "Transcription"),
    ];
    let openai = beside_chat
        .into_iter()
        .fold(openai, |openai, (name, kind)| openai.with_model(json!({"name": name, "type": kind})));
    let hub = Blueprint::default()
        .provider(openai)
        .provider(Provider::at("claude", "Anthropic", &origin).model("sonnet"))
        .provider(Provider::at("google", "Gemini", &origin).model("flash"))
        .pricing(Pricing::new("openai"))
        .pricing(Pricing::new("claude"))
        .pricing(Pricing::new("google"))
        .tenant(Tenant::new("acme").set("models", json!({"deny": ["openai/secret-model"]})))
        .tls(&authority.certificate(), &authority.key())
        .start()
        .await?;
    let origin = if tls { hub.tls_origin()? } else { hub.origin() };
    let google = script.starts_with("google");
    let python = if google { "others/bin/python" } else { "python/bin/python" };
    let (program, path) = if Path::new(script).extension().is_some_and(|extension| extension == "py") {
        (folder.join(python), scripts().join("python").join(script))
    } else {
        (PathBuf::from("node"), scripts().join("node").join(script))
    };
    let output = Command::new(program)
        .arg(path)
        .env("HUB_ORIGIN", origin)
        .env("SSL_CERT_FILE", authority.roots())
        .env("HUB_KEY", key("acme", "app"))
        .env(
            "HUB_MODELS",
            if google { "google/flash,openai/gpt,claude/sonnet" } else { "openai/gpt,claude/sonnet" },
        )
        .env("HUB_DENIED_MODEL", "secret-model")
        .env("HUB_UPSTREAM", upstream.name())
        .env("HUB_SDK_FOLDER", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script} with {}:\n{said}\n{complained}", upstream.name());
    Ok(())
}

async fn scripted(script: &str) -> Outcome {
    run(script, &Upstream::Scripted(Scripted::start().await?), &folder().await?).await
}

async fn aimock(script: &str) -> Outcome {
    let folder = folder().await?;
    run(script, &Upstream::aimock(&folder).await?, &folder).await
}

#[tokio::test]
async fn openai_python_scripted() -> Outcome {
    scripted("openai_checks.py").await
}

#[tokio::test]
async fn openai_python_over_tls() -> Outcome {
    let upstream = Upstream::Scripted(Scripted::start().await?);
    run_as("openai_checks.py", &upstream, &folder().await?, &Authority::new()?, true).await
}

#[tokio::test]
async fn openai_python_aimock() -> Outcome {
    aimock("openai_checks.py").await
}

#[tokio::test]
async fn openai_node_scripted() -> Outcome {
    scripted("openai_checks.mjs").await
}

#[tokio::test]
async fn openai_node_aimock() -> Outcome {
    aimock("openai_checks.mjs").await
}

#[tokio::test]
async fn media_python_scripted() -> Outcome {
    scripted("media_checks.py").await
}

#[tokio::test]
async fn media_python_aimock() -> Outcome {
    aimock("media_checks.py").await
}

#[tokio::test]
async fn media_node_scripted() -> Outcome {
    scripted("media_checks.mjs").await
}

#[tokio::test]
async fn media_node_aimock() -> Outcome {
    aimock("media_checks.mjs").await
}

#[tokio::test]
async fn anthropic_python_scripted() -> Outcome {
    scripted("anthropic_checks.py").await
}

#[tokio::test]
async fn anthropic_python_aimock() -> Outcome {
    aimock("anthropic_checks.py").await
}

#[tokio::test]
async fn anthropic_node_scripted() -> Outcome {
    scripted("anthropic_checks.mjs").await
}

#[tokio::test]
async fn anthropic_node_aimock() -> Outcome {
    aimock("anthropic_checks.mjs").await
}

#[tokio::test]
async fn google_python_scripted() -> Outcome {
    scripted("google_checks.py").await
}

/// With nothing but what the injection sets: no key, no address in code.
#[tokio::test]
async fn sdks_beside_a_sidecar() -> Outcome {
    let (upstream, cluster, folder) =
        (Scripted::start().await?, Cluster::new(Signing::Es256)?, folder().await?);
    let claimed = json!([{"namespace": "team", "serviceAccount": "app"}]);
    let tenant = Tenant::new("acme").set("workloadIdentities", claimed);
    let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(tenant)).start().await?;
    let sidecar = Beside::new(hub.origin()).start(&cluster.token("team", "app")?).await?;
    let output = Command::new(folder.join("python/bin/python"))
        .arg(scripts().join("python/sidecar_checks.py"))
        .env("OPENAI_BASE_URL", format!("{}/v1", sidecar.origin()))
        .env("OPENAI_API_KEY", "placeholder")
        .env("ANTHROPIC_BASE_URL", sidecar.origin())
        .env("ANTHROPIC_API_KEY", "placeholder")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hub.rows(4).await?;
    Ok(())
}
