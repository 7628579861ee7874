//! Caps of one process, from outside: what is refused, in whose words, and that nothing else is.

use aigne_hub_tests::harness::asks::{chat, message};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Pricing, Provider, Tenant, eventually, key};
use aigne_hub_tests::scripted::{Dialect, Entry, Gate, Script, Scripted, Tokens};
use anyhow::ensure;
use serde_json::{Value, json};

/// A tenant `acme` with so much in its spec, beside one without caps.
async fn hub(upstream: &Scripted, spec: &Value) -> anyhow::Result<Hub> {
    let mut acme = Tenant::new("acme");
    for (member, value) in spec.as_object().into_iter().flatten() {
        acme = acme.set(member, value.clone());
    }
    let hub = Blueprint::default()
        .provider(Provider::new("openai", "OpenAI", upstream).model("gpt"))
        .pricing(Pricing::new("openai").set("margin", Value::Null))
        .tenant(acme)
        .tenant(Tenant::new("other"))
        .start()
        .await?;
    Ok(hub)
}

fn tokens(input: u64, output: u64) -> Tokens {
    Tokens { input, output, ..Tokens::default() }
}

/// A question that asks for at most so many tokens.
fn bounded(most: u64) -> Value {
    let mut ask = chat("gpt", "hi");
    ask["max_completion_tokens"] = most.into();
    ask
}

#[tokio::test]
async fn requests_a_minute() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream, &json!({"limits": {"requestsPerMinute": 3}})).await?;
    // A minute may end in between: then three more are served.
    let mut refused = None;
    for served in 0..7 {
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        ensure!(answer.header("x-ratelimit-limit-requests") == "3", "{answer:?}");
        if answer.status == 429 {
            ensure!(served >= 3, "the {served}th was refused");
            refused = Some(answer);
            break;
        }
        answer.good()?;
    }
    let Some(refused) = refused else { anyhow::bail!("seven in two minutes were served") };
    let error = refused.json()?["error"].clone();
    ensure!(error["code"] == "rate_limit_exceeded" && error["type"] == "rate_limit_error", "{error}");
    ensure!(error["message"].as_str().is_some_and(|text| text.contains("3 requests a minute")), "{error}");
    let wait: u64 = refused.header("retry-after").parse()?;
    ensure!((1..=60).contains(&wait), "{wait}");
    ensure!(refused.header("x-ratelimit-remaining-requests") == "0", "{refused:?}");
    ensure!(refused.header("ratelimit").starts_with("\"requests\";r=0"), "{refused:?}");
    let anthropic = hub.client().messages(&message("gpt", "hi")).await?;
    if anthropic.status == 429 {
        ensure!(anthropic.json()?["error"]["type"] == "rate_limit_error", "{anthropic:?}");
        ensure!(anthropic.header("anthropic-ratelimit-requests-remaining") == "0", "{anthropic:?}");
    }
    hub.client_with(&key("other", "app")).chat(&chat("gpt", "hi")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn tokens_a_minute_are_a_debt_and_never_refuse_falsely() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(500, 500)));
    let hub = hub(&upstream, &json!({"limits": {"tokensPerMinute": 2500}})).await?;
    // Each uses 1,000, which nobody knows before: the third is let in at 2,000, and the fourth finds 3,000 used.
    let mut served = 0;
    let refused = loop {
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        if answer.status == 429 {
            break answer;
        }
        answer.good()?;
        served += 1;
        ensure!(served <= 6, "{served} were served");
    };
    ensure!(served >= 3, "only {served} were served");
    let error = refused.json()?["error"].clone();
    ensure!(error["message"].as_str().is_some_and(|text| text.contains("2500 tokens a minute")), "{error}");
    Ok(())
}

#[tokio::test]
async fn requests_under_way() -> Outcome {
    let upstream = Scripted::start().await?;
    let gate = Gate::admitting(0);
    upstream.always(Script { gate: Some(gate.clone()), ..Script::text("x") });
    let hub = hub(&upstream, &json!({"limits": {"concurrentRequests": 2}})).await?;
    let mut ask = chat("gpt", "hi");
    ask["stream"] = true.into();
    let under_way: Vec<_> = (0..2)
        .map(|_| {
            let (client, ask) = (hub.client(), ask.clone());
            tokio::spawn(async move { client.chat(&ask).await?.ok() })
        })
        .collect();
    eventually("both are at the provider", async || Ok((upstream.asked().len() == 2).then_some(()))).await?;
    let refused = hub.client().chat(&chat("gpt", "hi")).await?;
    ensure!(refused.status == 429, "{refused:?}");
    let error = refused.json()?["error"].clone();
    ensure!(error["message"].as_str().is_some_and(|text| text.contains("2 requests under way")), "{error}");
    gate.open();
    for one in under_way {
        one.await??;
    }
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn a_budget_is_never_overrun_and_used_to_the_last_request() -> Outcome {
    let upstream = Scripted::start().await?;
    // 0.001 dollars each; at most 0.001 for 100 tokens out, and a little for the prompt.
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 100)));
    let budget = json!({"name": "daily", "amount": "0.02", "period": "Day", "timeZone": "Asia/Shanghai", "action": "Block"});
    let hub = hub(&upstream, &json!({"budgets": [budget]})).await?;
    let clients = (0..20).map(|_| {
        let client = hub.client();
        tokio::spawn(async move {
            let mut served = 0;
            loop {
                let answer = client.chat(&bounded(100)).await?;
                match answer.status {
                    200 => served += 1,
                    429 => return anyhow::Ok((served, answer)),
                    _ => anyhow::bail!("{answer:?}"),
                }
            }
        })
    });
    let mut served = 0;
    let mut last = None;
    for client in clients.collect::<Vec<_>>() {
        let (count, refused) = client.await??;
        served += count;
        last = Some(refused);
    }
    let spent: i64 = hub.rows(served).await?.iter().filter_map(|row| row.price_nanos).sum();
    ensure!(spent <= 20_000_000, "{spent} of 20,000,000 nano-dollars");
    ensure!(spent >= 20_000_000 - 2 * 1_400_000, "only {spent} of 20,000,000 nano-dollars could be spent");
    let Some(refused) = last else { anyhow::bail!("nobody was refused") };
    let error = refused.json()?["error"].clone();
    ensure!(error["code"] == "budget_exceeded", "{error}");
    ensure!(refused.header("x-should-retry") == "false", "{refused:?}");
    hub.client_with(&key("other", "app")).chat(&chat("gpt", "hi")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn an_alert_counts_and_never_refuses() -> Outcome {
    let upstream = Scripted::start().await?;
    let budget = json!({"name": "daily", "amount": "0.000001", "period": "Day", "action": "Alert"});
    let hub = hub(&upstream, &json!({"budgets": [budget]})).await?;
    for _ in 0..3 {
        hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    }
    Ok(())
}

#[tokio::test]
async fn credits_end_at_nothing_with_a_link() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 100)));
    let billing = json!({"mode": "Credits", "starterCredits": "0.01", "minimumMaxTokens": 90,
        "paymentURL": "https://pay.example/acme"});
    let hub = hub(&upstream, &json!({"billing": billing})).await?;
    // Credits are entered in the background.
    eventually("the first is served", async || {
        let answer = hub.client().chat(&bounded(100)).await?;
        ensure!(
            answer.status == 200 || answer.status == 503,
            "sent to pay, while credits are entered: {answer:?}"
        );
        ensure!(answer.status == 200 || answer.header("retry-after") == "1", "{answer:?}");
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    let mut served = 1;
    let refused = eventually("all is spent", async || {
        let answer = hub.client().chat(&bounded(100)).await?;
        match answer.status {
            402 => return Ok(Some(answer)),
            // In the first second after they were entered, what was asked before may be the answer.
            503 => return Ok(None),
            _ => drop(answer.good()?),
        }
        served += 1;
        ensure!(served <= 10, "{served} were served");
        Ok(None)
    })
    .await?;
    let error = refused.json()?["error"].clone();
    ensure!(error["link"] == "https://pay.example/acme", "{error}");
    ensure!(error["code"] == "credit_exhausted" && error["type"] == "billing_error", "{error}");
    let refused = hub.client().messages(&message("gpt", "hi")).await?;
    ensure!(refused.status == 402 && refused.json()?["error"]["type"] == "billing_error", "{refused:?}");
    let spent: i64 = hub.rows(served).await?.iter().filter_map(|row| row.price_nanos).sum();
    ensure!(spent <= 10_000_000, "{spent} of 10,000,000 nano-dollars");
    Ok(())
}

#[tokio::test]
async fn what_the_balance_cannot_pay_for_is_not_asked_for() -> Outcome {
    let upstream = Scripted::start().await?;
    // 4,096 tokens out cost 0.04096 dollars at most; there are 0.01.
    let billing = json!({"mode": "Credits", "starterCredits": "0.01", "minimumMaxTokens": 10});
    let hub = hub(&upstream, &json!({"billing": billing})).await?;
    for ask in [chat("gpt", "hi"), bounded(4000)] {
        let asked = upstream.asked().len();
        eventually("it is served", async || Ok((hub.client().chat(&ask).await?.status == 200).then_some(())))
            .await?;
        let seen = upstream.asked();
        let body = seen.get(asked..).and_then(|new| new.last()).map(Entry::json);
        let most = body.as_ref().and_then(|body| body["max_completion_tokens"].as_u64());
        ensure!(most.is_some_and(|most| (500..1_000).contains(&most)), "{body:?}");
    }
    // The other wire is cut too, whatever its client allows.
    let mut ask = message("gpt", "hi");
    ask["max_tokens"] = 4000.into();
    hub.client().messages(&ask).await?.good()?;
    let body = upstream.asked().last().map(Entry::json);
    let most = body.as_ref().and_then(|body| body["max_completion_tokens"].as_u64());
    ensure!(most.is_some_and(|most| (500..1_000).contains(&most)), "{body:?}");
    Ok(())
}

#[tokio::test]
async fn a_key_has_caps_of_its_own() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 100)));
    let keys = json!([
        {"name": "app", "secretName": "acme-app", "budgets": [{"name": "small", "amount": "0.003", "period": "Month", "action": "Block"}]},
        {"name": "free", "secretName": "acme-free"},
    ]);
    let hub = hub(&upstream, &json!({"keys": keys})).await?;
    let mut served = 0;
    let refused = loop {
        let answer = hub.client().chat(&bounded(100)).await?;
        if answer.status == 429 {
            break answer;
        }
        answer.good()?;
        served += 1;
        ensure!(served <= 3, "{served} were served");
    };
    let error = refused.json()?["error"].clone();
    ensure!(error["message"].as_str().is_some_and(|text| text.contains("\"small\" of this key")), "{error}");
    hub.client_with(&key("other", "app")).chat(&bounded(100)).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn what_was_spent_stays_spent_over_a_restart() -> Outcome {
    let upstream = Scripted::start().await?;
    upstream.always(Script::text("x").usage(Dialect::OpenAI, tokens(1, 100)));
    let budget = json!({"name": "monthly", "amount": "0.0045", "period": "Month", "action": "Block"});
    let mut hub = hub(&upstream, &json!({"budgets": [budget]})).await?;
    for _ in 0..2 {
        hub.client().chat(&bounded(100)).await?.good()?;
    }
    // Killed: what it held comes back when its journal is in.
    hub.sigkill().await?;
    hub.restart().await?;
    let mut served = 2;
    eventually("the budget is spent", async || {
        let answer = hub.client().chat(&bounded(100)).await?;
        served += usize::from(answer.status == 200);
        Ok((answer.status == 429 && served >= 4).then_some(()))
    })
    .await?;
    ensure!(served == 4, "{served} were served");
    Ok(())
}
