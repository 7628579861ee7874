//! What a row costs: rates by name, tiers, dates, margins, and no free call.

use aigne_hub_tests::harness::asks::{chat, message};
use aigne_hub_tests::harness::{Blueprint, Outcome, Pricing, Provider, Row, Tenant};
use aigne_hub_tests::scripted::{Dialect, Script, Scripted, Tokens};
use serde_json::{Value, json};

/// The row of one request with these tokens under this sheet.
async fn charged(model: &str, sheet: Value, tokens: Tokens) -> anyhow::Result<Row> {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens));
    let mut pricing = Pricing::new("openai");
    for (member, value) in sheet.as_object().into_iter().flatten() {
        pricing = pricing.set(member, value.clone());
    }
    let hub = Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", &upstream).model(model))
        .pricing(pricing)
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    hub.client().chat(&chat(model, "hi")).await?.good()?;
    hub.row().await
}

fn tokens(input: u64, output: u64) -> Tokens {
    Tokens { input, output, ..Tokens::default() }
}

#[tokio::test]
async fn the_most_exact_rate_applies() -> Outcome {
    let rates = json!([
        {"model": "*", "cost": {"input": "100", "output": "100"}},
        {"model": "gpt-*", "cost": {"input": "10", "output": "10"}},
        {"model": "gpt-5-mini", "cost": {"input": "1", "output": "1"}},
    ]);
    for (model, cost) in [("gpt-5-mini", 10_000), ("gpt-5", 100_000), ("o9", 1_000_000)] {
        let row = charged(model, json!({"rates": rates, "margin": null}), tokens(4, 6)).await?;
        assert_eq!((row.cost_nanos, row.price_nanos), (Some(cost), Some(cost)), "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn prices_margins_and_exchange_rates() -> Outcome {
    let rates = json!([{"model": "*", "cost": {"input": "3", "output": "15"}, "price": {"input": "5", "output": "20"}}]);
    let row = charged("m", json!({"rates": rates}), tokens(100, 10)).await?;
    assert_eq!(
        (row.cost_nanos, row.price_nanos),
        (Some(450_000), Some(700_000)),
        "a price that is given wins"
    );
    let rates = json!([{"model": "*", "cost": {"input": "7", "output": "14"}}]);
    let sheet = json!({"rates": rates, "margin": "12.5%", "exchangeRate": "0.14"});
    let row = charged("m", sheet, tokens(1000, 100)).await?;
    // 8400 units of 0.14 dollars a million; 12.5 % on top.
    assert_eq!((row.cost_nanos, row.price_nanos), (Some(1_176_000), Some(1_323_000)));
    Ok(())
}

#[tokio::test]
async fn sheets_apply_from_their_date() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 1)));
    let sheet = |name: &str, from: Option<&str>, cost: &str| {
        json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "ModelPricing", "metadata": {"name": name, "namespace": "hub"},
            "spec": {"providerRef": {"name": "openai"}, "effectiveFrom": from, "rates": [{"model": "*", "cost": {"input": cost, "output": cost}}]}})
        .to_string()
        .replace("\"effectiveFrom\":null,", "")
    };
    let hub = Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", &upstream).model("m"))
        .file("always.yaml", &sheet("always", None, "1"))
        .file("past.yaml", &sheet("past", Some("2020-01-01T00:00:00Z"), "2"))
        .file("future.yaml", &sheet("future", Some("2099-01-01T00:00:00Z"), "3"))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    hub.client().chat(&chat("m", "hi")).await?.good()?;
    assert_eq!(hub.row().await?.cost_nanos, Some(4000));
    Ok(())
}

#[tokio::test]
async fn a_changed_price_touches_later_rows_only() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 1)));
    let hub = Blueprint::usual(&upstream).start().await?;
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    let before = hub.row().await?;
    let dearer = std::fs::read_to_string(hub.config().join("pricing-2.yaml"))?.replace("\"10\"", "\"30\"");
    hub.write("pricing-2.yaml", &dearer)?;
    let after = aigne_hub_tests::harness::eventually("the new price", async || {
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        let rows = hub.rows_now().await?;
        let row = rows.into_iter().find(|row| row.request_id == answer.request_id());
        Ok(row.filter(|row| row.cost_nanos != before.cost_nanos))
    })
    .await?;
    assert_eq!((before.cost_nanos, after.cost_nanos), (Some(11_000), Some(31_000)));
    assert_ne!(before.price_revision, after.price_revision);
    let rows = hub.rows_now().await?;
    let kept = rows.iter().find(|row| row.request_id == before.request_id);
    assert_eq!(kept, Some(&before), "what was charged stays");
    Ok(())
}

#[tokio::test]
async fn a_credits_tenant_never_gets_a_free_call() -> Outcome {
    let upstream = Scripted::start().await?;
    let credits = json!({"mode": "Credits", "starterCredits": "5.00"});
    let hub = Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", &upstream).model("priced").model("unpriced"))
        .pricing(
            Pricing::new("openai")
                .set("rates", json!([{"model": "priced", "cost": {"input": "1", "output": "1"}}])),
        )
        .tenant(Tenant::new("acme").set("billing", credits))
        .tenant(Tenant::new("other"))
        .start()
        .await?;
    let answer = hub.client().chat(&chat("unpriced", "hi")).await?;
    assert!(matches!(answer.status, 402..=404), "{}", answer.text());
    answer.openai_error(answer.status)?;
    let answer = hub.client().messages(&message("unpriced", "hi")).await?;
    answer.anthropic_error(answer.status)?;
    assert_eq!(upstream.asked().len(), 0);
    // Who is attributed only may: the row says that it has no price.
    let other = hub.client_with(&aigne_hub_tests::harness::key("other", "app"));
    other.chat(&chat("unpriced", "hi")).await?.good()?;
    let row = hub.row().await?;
    assert!(row.output_tokens > 0 && row.price_revision.is_none(), "{row:#?}");
    Ok(())
}
