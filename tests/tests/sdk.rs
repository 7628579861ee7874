//! The official SDKs as clients, with our scripted provider and with somebody else's emulator upstream.

use std::path::Path;

use aigne_hub_tests::harness::{
    Authority, Beside, Blueprint, Cluster, Emulator, Outcome, Pricing, Provider, Sdk, Signing, Tenant, key,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::ensure;
use serde_json::json;
use tokio::process::Command;

/// Who is upstream.
enum Upstream {
    Scripted(Scripted),
    Aimock(Emulator),
}

impl Upstream {
    fn origin(&self) -> String {
        match self {
            Self::Scripted(provider) => provider.origin(),
            Self::Aimock(emulator) => emulator.origin().to_owned(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Scripted(_) => "scripted",
            Self::Aimock(_) => "aimock",
        }
    }
}

/// Runs a file of checks against a hub in front of the upstream.
async fn run(script: &str, upstream: &Upstream, sdk: &Sdk) -> Outcome {
    let authority = Authority::new()?;
    run_as(script, upstream, sdk, &authority, false).await
}

/// The same over TLS, by the authority's certificate.
async fn run_as(script: &str, upstream: &Upstream, sdk: &Sdk, authority: &Authority, tls: bool) -> Outcome {
    let origin = upstream.origin();
    let openai = Provider::at("openai", "OpenAI", &format!("{origin}/v1")).model("gpt").model("secret-model");
    let beside_chat = [
        ("embed", "Embedding"),
        ("image", "Image"),
        ("tts", "Speech"),
        ("transcribe", "Transcription"),
        ("whisper-1", "Transcription"),
        ("sora", "Video"),
    ];
    let openai = beside_chat
        .into_iter()
        .fold(openai, |openai, (name, kind)| openai.with_model(json!({"name": name, "type": kind})));
    let hub = Blueprint::default()
        .provider(openai)
        .provider(Provider::at("claude", "Anthropic", &origin).model("sonnet"))
        .provider(
            Provider::at("google", "Gemini", &origin)
                .model("flash")
                .with_model(json!({"name": "embed", "type": "Embedding"}))
                .with_model(json!({"name": "veo", "type": "Video"})),
        )
        .provider(
            Provider::at("grok", "XAI", &format!("{origin}/v1"))
                .with_model(json!({"name": "imagine", "type": "Video"})),
        )
        .provider(
            Provider::at("ark", "Doubao", &format!("{origin}/api/v3"))
                .with_model(json!({"name": "seedance", "type": "Video"})),
        )
        .provider(Provider::at("local", "Ollama", &origin).model("llama"))
        .pricing(Pricing::new("openai"))
        .pricing(Pricing::new("claude"))
        .pricing(Pricing::new("google"))
        .pricing(Pricing::new("local"))
        .tenant(Tenant::new("acme").set("models", json!({"deny": ["openai/secret-model"]})))
        .tls(&authority.certificate(), &authority.key())
        .start()
        .await?;
    let origin = if tls { hub.tls_origin()? } else { hub.origin() };
    let mut command = command(script, sdk);
    let models = if NAMED_WITHOUT_PROVIDER.contains(&script) {
        "gpt,sonnet,flash"
    } else if TRANSLATED_FOR_OLLAMA.contains(&script) {
        "google/flash,openai/gpt,claude/sonnet,local/llama"
    } else {
        "google/flash,openai/gpt,claude/sonnet"
    };
    let output = command
        .env("HUB_ORIGIN", origin)
        .env("SSL_CERT_FILE", authority.roots())
        .env("HUB_KEY", key("acme", "app"))
        .env("HUB_MODELS", models)
        .env("HUB_DENIED_MODEL", "secret-model")
        .env("HUB_UPSTREAM", upstream.name())
        .env("HUB_SDK_FOLDER", sdk.folder())
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script} with {}:\n{said}\n{complained}", upstream.name());
    Ok(())
}

/// These take what is before a slash for something of their own.
const NAMED_WITHOUT_PROVIDER: [&str; 2] = ["vercel_checks.mjs", "google_checks.mjs"];
/// These speak a wire that Ollama is asked in its own format for.
const TRANSLATED_FOR_OLLAMA: [&str; 4] =
    ["anthropic_checks.py", "anthropic_checks.mjs", "responses_checks.py", "responses_checks.mjs"];
/// Of the environment with Google's SDK and the frameworks.
const OTHERS: [&str; 3] = ["google_checks.py", "langchain_checks.py", "litellm_checks.py"];

fn command(script: &str, sdk: &Sdk) -> Command {
    let folder = if Path::new(script).extension().is_some_and(|extension| extension == "py") {
        "python"
    } else {
        "node"
    };
    let mut command = match folder {
        "python" if OTHERS.contains(&script) => sdk.others(),
        "python" => sdk.python(),
        _ => Command::new("node"),
    };
    command.arg(Sdk::scripts().join(folder).join(script)).kill_on_drop(true);
    command
}

async fn scripted(script: &str) -> Outcome {
    run(script, &Upstream::Scripted(Scripted::start().await?), &Sdk::setup().await?).await
}

async fn aimock(script: &str) -> Outcome {
    let sdk = Sdk::setup().await?;
    run(script, &Upstream::Aimock(Emulator::aimock(&sdk).await?), &sdk).await
}

/// A test for each file of checks and upstream.
macro_rules! checks {
    ($($name:ident: $upstream:ident($script:literal);)+) => {$(
        #[tokio::test]
        async fn $name() -> Outcome {
            $upstream($script).await
        }
    )+};
}

checks! {
    openai_python_scripted: scripted("openai_checks.py");
    openai_python_aimock: aimock("openai_checks.py");
    openai_node_scripted: scripted("openai_checks.mjs");
    openai_node_aimock: aimock("openai_checks.mjs");
    anthropic_python_scripted: scripted("anthropic_checks.py");
    anthropic_python_aimock: aimock("anthropic_checks.py");
    anthropic_node_scripted: scripted("anthropic_checks.mjs");
    anthropic_node_aimock: aimock("anthropic_checks.mjs");
    responses_python_scripted: scripted("responses_checks.py");
    responses_python_aimock: aimock("responses_checks.py");
    responses_node_scripted: scripted("responses_checks.mjs");
    responses_node_aimock: aimock("responses_checks.mjs");
    google_python_scripted: scripted("google_checks.py");
    google_node_scripted: scripted("google_checks.mjs");
    google_node_aimock: aimock("google_checks.mjs");
    media_python_scripted: scripted("media_checks.py");
    media_python_aimock: aimock("media_checks.py");
    media_node_scripted: scripted("media_checks.mjs");
    media_node_aimock: aimock("media_checks.mjs");
    videos_python_scripted: scripted("videos_checks.py");
    videos_python_aimock: aimock("videos_checks.py");
    videos_node_scripted: scripted("videos_checks.mjs");
    videos_node_aimock: aimock("videos_checks.mjs");
    vercel_scripted: scripted("vercel_checks.mjs");
    vercel_aimock: aimock("vercel_checks.mjs");
    langchain_scripted: scripted("langchain_checks.py");
    langchain_aimock: aimock("langchain_checks.py");
    litellm_scripted: scripted("litellm_checks.py");
    litellm_aimock: aimock("litellm_checks.py");
}

#[tokio::test]
async fn openai_python_over_tls() -> Outcome {
    let upstream = Upstream::Scripted(Scripted::start().await?);
    run_as("openai_checks.py", &upstream, &Sdk::setup().await?, &Authority::new()?, true).await
}

/// The Bedrock that tests lean on, with boto3 as its client.
#[tokio::test]
async fn bedrock_on_botocore_is_what_boto3_expects() -> Outcome {
    let sdk = Sdk::setup().await?;
    let emulator = Emulator::bedrock(&sdk, &[]).await?;
    let output = sdk
        .others()
        .arg(Sdk::scripts().join("bedrock/checks.py"))
        .env("BEDROCK_ORIGIN", emulator.origin())
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// With nothing but what the injection sets: no key, no address in code.
#[tokio::test]
async fn sdks_beside_a_sidecar() -> Outcome {
    let (upstream, cluster, sdk) =
        (Scripted::start().await?, Cluster::new(Signing::Es256)?, Sdk::setup().await?);
    let claimed = json!([{"namespace": "team", "serviceAccount": "app"}]);
    let tenant = Tenant::new("acme").set("workloadIdentities", claimed);
    let hub = cluster.trusted(Blueprint::usual(&upstream).tenant(tenant)).start().await?;
    let sidecar = Beside::new(hub.origin()).start(&cluster.token("team", "app")?).await?;
    let output = sdk
        .python()
        .arg(Sdk::scripts().join("python/sidecar_checks.py"))
        .env("OPENAI_BASE_URL", format!("{}/v1", sidecar.origin()))
        .env("OPENAI_API_KEY", "placeholder")
        .env("ANTHROPIC_BASE_URL", sidecar.origin())
        .env("ANTHROPIC_API_KEY", "placeholder")
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hub.rows(4).await?;
    Ok(())
}
