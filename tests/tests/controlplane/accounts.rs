//! Accounts in Postgres, with several gateways: each credit once, each charge once.

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::system::MODEL;
use aigne_hub_tests::harness::{Command, Outcome, System, controlplane, eventually, postgres};
use anyhow::Context;
use serde_json::{Value, json};

const DOLLAR: i64 = 1_000_000_000;

async fn hub<const N: usize>(system: &System, arguments: [&str; N]) -> anyhow::Result<String> {
    Command::new(arguments).environment("AIGNE_HUB_DATABASE_URL", &system.database).run().await?.ok()
}

async fn balance(system: &System, account: &str) -> anyhow::Result<Option<i64>> {
    let pool = sqlx::PgPool::connect(&system.database).await?;
    let asked = sqlx::query_scalar("SELECT balance FROM balances WHERE account = $1");
    // Before the first gateway has made the tables there is none.
    Ok(asked.bind(account).fetch_optional(&pool).await.ok().flatten())
}

async fn becomes(system: &System, account: &str, expected: i64) -> Outcome {
    let what = format!("{account} has {expected}");
    eventually(&what, async || Ok((balance(system, account).await? == Some(expected)).then_some(())))
        .await
        .with_context(|| system.serving.iter().map(|gateway| gateway.logs().text()).collect::<String>())
}

#[tokio::test]
async fn two_gateways_give_each_credit_once_and_charge_each_row_once() -> Outcome {
    let system = System::start(controlplane::shared().await?, postgres::shared().await?, 1, 2).await?;
    let team = system.teams[0].clone();
    let account = format!("{team}/acme");
    let with = |grants: Value| {
        let mut tenant = system.tenant_manifest(&team, "acme");
        tenant["spec"]["billing"] = json!({"mode": "Credits", "starterCredits": "5", "grants": grants});
        tenant
    };
    let grants: Vec<_> =
        (0..20).map(|number| json!({"name": format!("grant-{number}"), "amount": "1"})).collect();
    system.apply(with(json!(grants))).await?;
    becomes(&system, &account, 25 * DOLLAR).await?;

    let key = system.key(&team, "acme").await?;
    for gateway in &system.serving {
        let client = gateway.client(&key)?;
        eventually("it answers", async || {
            Ok((client.chat(&chat(MODEL, "hi")).await?.status == 200).then_some(()))
        })
        .await?;
        for _ in 0..20 {
            client.chat(&chat(MODEL, "hi")).await?.good()?;
        }
    }
    let pool = sqlx::PgPool::connect(&system.database).await?;
    let priced = eventually("all rows", async || {
        let asked = "SELECT count(*), coalesce(sum(price_nanos), 0)::bigint FROM usage WHERE price_nanos > 0";
        let (count, sum): (i64, i64) = sqlx::query_as(asked).fetch_one(&pool).await?;
        Ok((count >= 42).then_some(sum))
    })
    .await?;
    becomes(&system, &account, 25 * DOLLAR - priced).await?;

    // Deleted, and restored with a new grant, which shows that it was taken in.
    system.delete("Tenant", &team, "acme").await?;
    system.apply(with(json!([grants[0], {"name": "again", "amount": "1"}]))).await?;
    becomes(&system, &account, 26 * DOLLAR - priced).await?;
    let given: i64 =
        sqlx::query_scalar("SELECT count(*) FROM entries WHERE kind = 'Grant'").fetch_one(&pool).await?;
    assert_eq!(given, 22);

    let top_up = ["accounts", "topup", &account, "--amount", "3", "--idempotency-key", "invoice-1"];
    let both = futures::future::join_all((0..4).map(|_| hub(&system, top_up))).await;
    let said = both.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    assert_eq!(said.iter().filter(|said| said.contains("Entered 3.00")).count(), 1, "{said:?}");
    becomes(&system, &account, 29 * DOLLAR - priced).await?;
    assert_eq!(hub(&system, ["reconcile"]).await?, "The ledger adds up.\n");
    sqlx::query("UPDATE accounts SET credited = credited + 1").execute(&pool).await?;
    assert!(hub(&system, ["reconcile"]).await.is_err(), "a wrong balance is found");
    Ok(())
}
