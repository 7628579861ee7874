//! Credits from outside: given once whatever happens, and less by exactly what a row costs.

use aigne_hub_tests::harness::asks::chat;
use aigne_hub_tests::harness::{Blueprint, Command, Hub, Outcome, Tenant, eventually, key};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

pub(crate) const DOLLAR: i64 = 1_000_000_000;

/// `aigne-hub accounts …` on the hub's data; what it printed.
async fn accounts<const N: usize>(hub: &Hub, arguments: [&str; N]) -> anyhow::Result<String> {
    let mut command = Command::new(["accounts"]);
    for argument in arguments {
        command = command.path(argument.as_ref());
    }
    command.path("--data".as_ref()).path(&hub.data()).run().await?.ok()
}

/// In nano-dollars; none where there is no such account.
async fn balance(hub: &Hub, account: &str) -> anyhow::Result<Option<i64>> {
    let all: Value = serde_json::from_str(&accounts(hub, ["list", "--output", "json"]).await?)?;
    let found = all.as_array().into_iter().flatten().find(|one| one["account"] == account);
    Ok(found.and_then(|one| one["balance_nanos"].as_i64()))
}

pub(crate) async fn becomes(hub: &Hub, account: &str, expected: i64) -> Outcome {
    eventually(&format!("{account} has {expected}"), async || {
        Ok((balance(hub, account).await? == Some(expected)).then_some(()))
    })
    .await
    .with_context(|| hub.logs().text())
}

pub(crate) async fn adds_up(hub: &Hub) -> Outcome {
    let said = Command::new(["reconcile", "--data"]).path(&hub.data()).run().await?.ok()?;
    ensure!(said == "The ledger adds up.\n", "{said}");
    Ok(())
}

fn acme(grants: &Value) -> Tenant {
    Tenant::new("acme").set("billing", json!({"mode": "Credits", "starterCredits": "5.00", "grants": grants}))
}

#[tokio::test]
async fn credits_are_given_once_and_fall_by_exactly_what_a_row_costs() -> Outcome {
    let upstream = Scripted::start().await?;
    let launch = json!({"name": "launch", "amount": "20.00"});
    let hub = Blueprint::usual(&upstream).tenant(acme(&json!([launch]))).tenant(Tenant::new("other"));
    let mut hub = hub.start().await?;
    becomes(&hub, "hub/acme", 25 * DOLLAR).await?;

    // Who is attributed only runs below zero: that is what it has spent.
    for tenant in ["acme", "other"] {
        hub.client_with(&key(tenant, "app")).chat(&chat("gpt", "hi")).await?.good()?;
    }
    let rows = hub.rows(2).await?;
    let price = |tenant: &str| {
        rows.iter().filter(|row| row.tenant == tenant).filter_map(|row| row.price_nanos).sum::<i64>()
    };
    let left = 25 * DOLLAR - price("hub/acme");
    assert!(price("hub/acme") > 0 && price("hub/other") > 0);
    becomes(&hub, "hub/acme", left).await?;
    becomes(&hub, "hub/other", -price("hub/other")).await?;

    // Killed and started again; applied again with another amount; deleted and restored. A new name shows that each
    // change was taken in.
    hub.sigkill().await?;
    hub.restart().await?;
    let more = json!({"name": "launch", "amount": "90.00"});
    hub.apply(acme(&json!([more, {"name": "second", "amount": "1"}])))?;
    becomes(&hub, "hub/acme", left + DOLLAR).await?;
    std::fs::remove_file(hub.config().join("tenant-acme.yaml"))?;
    eventually("the tenant is gone", async || {
        Ok((hub.client().get("/v1/models").await?.status == 401).then_some(()))
    })
    .await?;
    hub.apply(acme(&json!([launch, {"name": "third", "amount": "1"}])))?;
    becomes(&hub, "hub/acme", left + 2 * DOLLAR).await?;
    adds_up(&hub).await
}

#[tokio::test]
async fn credits_lapse_by_themselves_and_top_ups_count_once() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).tenant(acme(&json!([]))).start().await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR).await?;
    #[expect(clippy::disallowed_methods, reason = "the program under test reads the clock too")]
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3)).to_string();
    let grant = ["grant", "hub/acme", "--name", "brief", "--amount", "7", "--expires-at", &soon];
    let said = accounts(&hub, grant).await?;
    assert!(said.contains("hub/acme has 12.00"), "{said}");
    becomes(&hub, "hub/acme", 5 * DOLLAR).await?;

    let top_up = ["topup", "hub/acme", "--amount", "2.5", "--idempotency-key", "invoice-1"];
    for told in ["Entered 2.50", "was entered before"] {
        let said = accounts(&hub, top_up).await?;
        assert!(said.contains(told) && said.contains("hub/acme has 7.50"), "{said}");
    }
    let statement = accounts(&hub, ["statement", "hub/acme", "--output", "json"]).await?;
    let lines: Vec<Value> = serde_json::from_str(&statement)?;
    let (closing, before) = lines.split_last().context("lines")?;
    let sum: i64 = before.iter().filter_map(|line| line["amount_nanos"].as_i64()).sum();
    assert_eq!(closing["amount_nanos"].as_i64(), Some(sum), "{statement}");
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "Expiry").count(), 1, "{statement}");
    adds_up(&hub).await
}

/// A tenant whose credits are spent is served again as soon as a payment system has told of the payment, on the admin
/// listener alone.
#[tokio::test]
async fn who_was_refused_is_served_after_a_payment_system_has_topped_up() -> Outcome {
    let upstream = Scripted::start().await?;
    let token = tempfile::NamedTempFile::new()?;
    std::fs::write(token.path(), "0123456789abcdef0123456789abcdef\n")?;
    let acme = Tenant::new("acme").set("billing", json!({"mode": "Credits", "starterCredits": "0.000001"}));
    let hub = Blueprint::usual(&upstream).tenant(acme).option("--admin-token-file", token.path());
    let hub = hub.start().await?;
    becomes(&hub, "hub/acme", 1_000).await?;
    // For a moment after they were entered its credits may be on their way.
    eventually("it is sent to pay", async || {
        let refused = hub.client().chat(&chat("gpt", "hi")).await?;
        ensure!(matches!(refused.status, 402 | 503), "{refused:?}");
        Ok((refused.status == 402).then_some(()))
    })
    .await?;

    let payments = hub.admin_client().header("authorization", "Bearer 0123456789abcdef0123456789abcdef");
    let (path, body) = ("/v1/accounts/hub%2Facme/top-ups", json!({"amount": "5.00"}));
    let invoice = payments.clone().header("idempotency-key", "invoice-1");
    let answers = try_join_all((0..20).map(|_| invoice.post(path, &body))).await?;
    let entered = answers.iter().filter(|answer| answer.status == 201).count();
    let told = answers.iter().filter(|answer| answer.status == 200).count();
    ensure!((entered, told) == (1, 19), "{answers:?}");
    let other = invoice.post(path, &json!({"amount": "6.00"})).await?;
    ensure!(other.status == 409 && other.text().contains("with 5.00 instead of 6.00"), "{other:?}");
    eventually("the tenant is served", async || {
        Ok((hub.client().chat(&chat("gpt", "hi")).await?.status == 200).then_some(()))
    })
    .await?;
    let price = hub.row().await?.price_nanos.context("a price")?;
    let account = payments.get("/v1/accounts/hub%2Facme").await?.good()?;
    ensure!(account["balance_nanos"] == 5 * DOLLAR + 1_000 - price, "{account}");

    // Clients find nothing of it on their listener, nor does who has no token on the other.
    let shown = hub.client_with("0123456789abcdef0123456789abcdef").get("/v1/accounts/hub%2Facme").await?;
    ensure!(matches!(shown.status, 401 | 404), "{shown:?}");
    let shown = hub.admin_client().get("/v1/accounts/hub%2Facme").await?;
    ensure!(shown.status == 401, "{shown:?}");
    let audit = accounts(&hub, ["audit", "hub/acme"]).await?;
    ensure!(audit.matches("api topup").count() == 1, "{audit}");
    ensure!(!hub.logs().text().contains("0123456789abcdef"), "the token is in the log");
    adds_up(&hub).await
}
