//! Gateways without a cluster that share a ledger in Postgres.

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::{Blueprint, Command, Outcome, eventually, postgres};
use aigne_hub_tests::scripted::Scripted;

#[tokio::test]
async fn gateways_of_one_folder_share_a_ledger() -> Outcome {
    let database = postgres::shared().await?.database().await?;
    let upstream = Scripted::start().await?;
    let place = tempfile::tempdir()?;
    let file = place.path().join("database-url");
    std::fs::write(&file, &database)?;
    let by_file = Blueprint::usual(&upstream).option("--database-url-file", &file).start().await?;
    // Its clock is a day ahead: where the row came from can be told.
    let by_variable = Blueprint::usual(&upstream)
        .environment("AIGNE_HUB_DATABASE_URL", &database)
        .option("--clock-offset", "+24h")
        .start()
        .await?;
    by_file.client().chat(&chat("gpt", "hi")).await?.good()?;
    by_variable.client().chat(&chat("gpt", "hi")).await?.good()?;

    let pool = sqlx::PgPool::connect(&database).await?;
    let asked = "SELECT count(*) FROM usage";
    eventually("both rows", async || {
        // Before the first gateway has made the tables there is none.
        let found: i64 = sqlx::query_scalar(asked).fetch_one(&pool).await.unwrap_or_default();
        Ok((found == 2).then_some(()))
    })
    .await?;
    let ahead = "SELECT count(*) FROM usage WHERE at > now() + interval '23 hours'";
    assert_eq!(sqlx::query_scalar::<_, i64>(ahead).fetch_one(&pool).await?, 1);
    let reconcile = Command::new(["reconcile"]).environment("AIGNE_HUB_DATABASE_URL", &database);
    assert_eq!(reconcile.run().await?.ok()?, "The ledger adds up.\n");
    assert!(!by_file.data().join("ledger.sqlite").exists(), "no file is kept beside the database");
    Ok(())
}
