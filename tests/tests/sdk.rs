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
    let hub = Blueprint::default()
        .provider(openai)
        .provider(Provider::at("claude", "Anthropic", &origin).model("sonnet"))
        .pricing(Pricing::new("openai"))
        .pricing(Pricing::new("claude"))
        .tenant(Tenant::new("acme").set("models", json!({"deny": ["openai/secret-model"]})))
        .tls(&authority.certificate(), &authority.key())
        .start()
        .await?;
    let origin = if tls { hub.tls_origin()? } else { hub.origin() };
    let mut command = if Path::new(script).extension().is_some_and(|extension| extension == "py") {
        let mut python = sdk.python();
        python.arg(Sdk::scripts().join("python").join(script));
        python
    } else {
        let mut node = Command::new("node");
        node.arg(Sdk::scripts().join("node").join(script));
        node
    };
    let output = command
        .env("HUB_ORIGIN", origin)
        .env("SSL_CERT_FILE", authority.roots())
        .env("HUB_KEY", key("acme", "app"))
        .env("HUB_MODELS", "openai/gpt,claude/sonnet")
        .env("HUB_DENIED_MODEL", "secret-model")
        .env("HUB_UPSTREAM", upstream.name())
        .env("HUB_SDK_FOLDER", sdk.folder())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script} with {}:\n{said}\n{complained}", upstream.name());
    Ok(())
}

async fn scripted(script: &str) -> Outcome {
    run(script, &Upstream::Scripted(Scripted::start().await?), &Sdk::setup().await?).await
}

async fn aimock(script: &str) -> Outcome {
    let sdk = Sdk::setup().await?;
    run(script, &Upstream::Aimock(Emulator::aimock(&sdk).await?), &sdk).await
}

#[tokio::test]
async fn openai_python_scripted() -> Outcome {
    scripted("openai_checks.py").await
}

#[tokio::test]
async fn openai_python_over_tls() -> Outcome {
    let upstream = Upstream::Scripted(Scripted::start().await?);
    run_as("openai_checks.py", &upstream, &Sdk::setup().await?, &Authority::new()?, true).await
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
