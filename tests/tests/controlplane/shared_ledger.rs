//! Gateways without a cluster that share a ledger in Postgres.

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::{
    Blueprint, Command, Outcome, Pricing, Provider, Tenant, eventually, postgres,
};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::json;

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

/// Whoever sees it, and however many do at once: clients at either gateway, and gateways of their own accord.
#[tokio::test]
async fn a_failed_job_is_given_back_once_by_all_gateways_together() -> Outcome {
    let database = postgres::shared().await?.database().await?;
    let upstream = Scripted::start().await?;
    let blueprint = || {
        let model = json!({"name": "sora", "type": "Video"});
        let rates = json!([{"model": "*", "cost": {"second": "0.1"}}]);
        Blueprint::default()
            .provider(Provider::new("openai", "OpenAI", &upstream).with_model(model))
            .pricing(Pricing::new("openai").set("rates", rates).set("margin", json!(null)))
            .tenant(Tenant::new("acme"))
            .environment("AIGNE_HUB_DATABASE_URL", &database)
    };
    let (one, two) = (blueprint().start().await?, blueprint().start().await?);
    let mut ids = Vec::new();
    for states in ["failed", "failed", "failed", "completed", "in_progress", "500,failed"] {
        let asked = json!({"model": "sora", "prompt": format!("a cat [[job={states}]]")});
        let job = one.client().post("/v1/videos", &asked).await?.good()?;
        ids.push(job["id"].as_str().context("id")?.to_owned());
    }
    let pool = sqlx::PgPool::connect(&database).await?;
    let becomes = async |what: &str, jobs: i64, balance: i64| {
        let asked = "SELECT (SELECT count(*) FROM jobs), (SELECT balance FROM balances)";
        eventually(what, async || {
            let found: (i64, i64) = sqlx::query_as(asked).fetch_one(&pool).await.unwrap_or_default();
            Ok((found == (jobs, balance)).then_some(()))
        })
        .await
    };
    becomes("six are charged", 6, -2_400_000_000).await?;

    // A client at each, at the same time.
    let (a, b) = (one.client(), two.client());
    let path = format!("/v1/videos/{}", ids[0]);
    for seen in try_join_all((0..20).map(|at| if at % 2 == 0 { &a } else { &b }.get(&path))).await? {
        ensure!(seen.good()?["status"] == "failed", "{seen:?}");
    }
    becomes("the first is given back", 5, -2_000_000_000).await?;

    // Nobody polls the others. Three gateways begin at the same time, an hour later.
    let later = || blueprint().option("--clock-offset", "+1h").start();
    let gateways = try_join_all([later(), later(), later()]).await?;
    becomes("two more are given back, one was done", 2, -1_200_000_000).await?;
    drop(gateways);
    let _later = blueprint().option("--clock-offset", "+3h").start().await?;
    becomes("the last that failed is given back", 1, -800_000_000).await?;
    let refunds = "SELECT count(*) FROM entries WHERE kind = 'Refund'";
    ensure!(sqlx::query_scalar::<_, i64>(refunds).fetch_one(&pool).await? == 4);
    let reconcile = Command::new(["reconcile"]).environment("AIGNE_HUB_DATABASE_URL", &database);
    assert_eq!(reconcile.run().await?.ok()?, "The ledger adds up.\n");
    Ok(())
}
