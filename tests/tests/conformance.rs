//! Every provider, client wire and feature: `docs/compatibility.md` is what this finds.

use aigne_hub_tests::conformance::document;
use aigne_hub_tests::conformance::stage::{Stage, complaints};
use aigne_hub_tests::harness::Outcome;
use anyhow::ensure;

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
