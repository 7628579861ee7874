//! Every provider, client wire and feature: `docs/compatibility.md` is what this finds.

use aigne_hub_tests::conformance::feature::Ask;
use aigne_hub_tests::conformance::provider::{PROVIDERS, Provider};
use aigne_hub_tests::conformance::stage::{Stage, complaints};
use aigne_hub_tests::conformance::wire::Wire;
use aigne_hub_tests::conformance::{document, features, said};
use aigne_hub_tests::harness::{Blueprint, Emulator, Outcome, Sdk, Tenant};
use anyhow::{Context, ensure};
use serde_json::json;

#[tokio::test]
async fn every_cell_is_as_the_table_says() -> Outcome {
    let outcomes = Stage::start().await?.run().await?;
    let complaints = complaints(&outcomes);
    ensure!(complaints.is_empty(), "{} cells are wrong:\n{}", complaints.len(), complaints.join("\n"));
    let page = document::page(&outcomes);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(document::path(), &page)?;
    }
    let written = std::fs::read_to_string(document::path()).unwrap_or_default();
    let differing: Vec<String> = page
        .lines()
        .filter(|line| !written.lines().any(|other| other == *line))
        .map(|line| format!("+ {line}"))
        .chain(
            written
                .lines()
                .filter(|line| !page.lines().any(|other| other == *line))
                .map(|line| format!("- {line}")),
        )
        .collect();
    ensure!(
        written == page,
        "docs/compatibility.md is stale (UPDATE=1 writes it; read the difference):\n{}",
        differing.join("\n")
    );
    Ok(())
}

/// The same wires with an emulator that others wrote in the place of the providers, as far as it goes.
#[tokio::test]
async fn somebody_elses_providers_are_understood() -> Outcome {
    let emulator = Emulator::aimock(&Sdk::setup().await?).await?;
    let played = [
        "OpenAI",
        "Anthropic",
        "Gemini",
        "DeepSeek",
        "Ollama",
        "OpenRouter",
        "XAI",
        "Doubao",
        "OpenAICompatible",
    ];
    let providers: Vec<Provider> =
        PROVIDERS.into_iter().filter(|provider| played.contains(&provider.kind)).collect();
    let mut hub = Blueprint::default().tenant(Tenant::new("acme"));
    for provider in &providers {
        hub = hub.provider(provider.manifest(emulator.origin(), &[(provider.model("chat"), "Chat", None)]));
    }
    let hub = hub.start().await?;
    let client = hub.client();
    let tools = features::ALL.iter().find(|feature| feature.name == "tools").context("tools")?;
    for provider in &providers {
        let model = provider.model("chat");
        for wire in [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini] {
            let what = format!("{} by {}", provider.kind, wire.id());
            for stream in [false, true] {
                // It numbers no events of responses.
                if stream
                    && wire == Wire::Responses
                    && ["OpenAI", "OpenRouter", "XAI", "Doubao"].contains(&provider.kind)
                {
                    continue;
                }
                let ask = async |text, more| {
                    let request = wire.request(&model, text, stream, more);
                    let answer = client.post(&wire.path(&model, stream), &request).await?;
                    answer.ok().with_context(|| what.clone())?;
                    said::read(wire, &answer, stream).with_context(|| what.clone())
                };
                let told = ask("hello", json!({})).await?;
                ensure!(told.text == "Hello from somebody else's emulator.", "{what}: {told:?}");
                // Its Ollama counts nothing.
                let counts = provider.kind != "Ollama" || wire == Wire::Chat;
                let counted = told.tokens.as_ref().is_some_and(|tokens| tokens.output == 8);
                ensure!(counted || !counts, "{what}: {told:?}");
                let Ask::With(offered) = (tools.ask)(wire, "") else { continue };
                let told = ask("weather in Paris", offered).await?;
                let call = ("get_weather".to_owned(), json!({"city": "Paris"}));
                ensure!(told.calls == [call], "{what}: {told:?}");
            }
            let request = wire.request(&model, "fail with 400", false, json!({}));
            let answer = client.post(&wire.path(&model, false), &request).await?;
            ensure!(
                answer.status == 400 && answer.text().contains("not like this"),
                "{what}: {}",
                answer.text()
            );
        }
    }
    Ok(())
}
