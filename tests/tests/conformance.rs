//! Every provider, client wire and feature: `docs/compatibility.md` is what this finds.

use aigne_hub_tests::conformance::cell::Outcome as Found;
use aigne_hub_tests::conformance::stage::Stage;
use aigne_hub_tests::harness::Outcome;

#[tokio::test]
async fn every_cell_is_as_the_table_says() -> Outcome {
    let stage = Stage::start().await?;
    let begun = std::time::Instant::now();
    let outcomes = stage.run().await?;
    eprintln!("{} cells in {:?}", outcomes.len(), begun.elapsed());
    for ((wire, feature, kind), outcome) in &outcomes {
        if let Found::Wrong(why) = outcome {
            eprintln!("{wire} | {feature} | {kind}: {}", why.chars().take(300).collect::<String>());
        }
    }
    Ok(())
}
