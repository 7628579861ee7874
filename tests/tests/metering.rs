//! Every token is accounted for, once, whatever becomes of the request.

use aigne_hub_tests::harness::asks::{chat, message, streamed, with};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Pricing, Provider, Tenant, eventually};
use aigne_hub_tests::scripted::{Dialect, Ending, Gate, Outcome as Ended, Script, Scripted, Tokens};
use anyhow::Context;
use serde_json::json;

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    Ok((upstream, hub))
}

#[tokio::test]
async fn each_dialect_is_normalised() -> Outcome {
    let upstream = Scripted::start().await?;
    let bare = Tokens { input: 125, output: 15, ..Tokens::default() };
    let rich = Tokens { input: 25, cached: 100, output: 15, reasoning: 5, ..Tokens::default() };
    let written = Tokens { cache_write: 8, ..rich.clone() };
    let kinds = [
        ("OpenAI", written.clone()),
        ("Anthropic", written),
        ("DeepSeek", rich.clone()),
        ("XAI", rich.clone()),
        ("OpenRouter", rich.clone()),
        ("Doubao", rich.clone()),
        ("Ollama", bare.clone()),
        ("Poe", bare.clone()),
        ("OpenAICompatible", rich),
    ];
    let mut blueprint = Blueprint::default().tenant(Tenant::new("acme"));
    for (kind, _) in &kinds {
        let name = kind.to_lowercase();
        blueprint =
            blueprint.provider(Provider::new(&name, kind, &upstream).model("m")).pricing(Pricing::new(&name));
    }
    let hub = blueprint.start().await?;
    let mut expected = Vec::new();
    for (kind, tokens) in &kinds {
        let model = format!("{}/m", kind.to_lowercase());
        for stream in [false, true] {
            upstream.next(Script::text("x y").usage(Dialect::named(kind), tokens.clone()));
            let answer = hub.client().chat(&with(chat(&model, "hi"), json!({"stream": stream}))).await?;
            assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
            expected.push((answer.request_id().to_owned(), kind, stream, tokens));
        }
    }
    let rows = hub.rows(expected.len()).await?;
    for (id, kind, stream, tokens) in expected {
        let row = rows
            .iter()
            .find(|row| row.request_id == id)
            .with_context(|| format!("{kind} {stream}: no row"))?;
        let counted = [tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning];
        assert_eq!((row.source.as_str(), row.tokens()), ("Provider", counted), "{kind}, streamed: {stream}");
        // 1, 0.1, 1.25 and 10 dollars a million; margin 20 %. Reasoning costs what output does.
        let cost =
            tokens.input * 1000 + tokens.cached * 100 + tokens.cache_write * 1250 + tokens.output * 10_000;
        let cost = i64::try_from(cost)?;
        assert_eq!((row.cost_nanos, row.price_nanos), (Some(cost), Some(cost * 12 / 10)), "{kind}");
        assert!(row.price_revision.as_deref().is_some_and(|revision| revision.len() >= 8), "{row:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_row_says_who_asked_for_what() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("x"));
    let answer = hub.client().chat(&with(chat("openai/gpt", "hi"), json!({"user": "ada"}))).await?;
    let row = hub.row().await?;
    assert_eq!(row.request_id, answer.request_id());
    assert_eq!(
        (row.tenant.as_str(), row.key.as_str(), row.user.as_deref()),
        ("hub/acme", "app", Some("ada"))
    );
    assert!(row.provider.ends_with("openai") && row.model.ends_with("gpt"), "{row:?}");
    hub.client()
        .messages(&with(message("sonnet", "hi"), json!({"metadata": {"user_id": "bob"}})))
        .await?
        .good()?;
    let rows = hub.rows(2).await?;
    assert!(rows.iter().any(|row| row.user.as_deref() == Some("bob")), "{rows:#?}");
    // Headers win over the body: an app in between knows its user better than its library does.
    let client = hub.client().header("x-aigne-hub-user", "eve").header("x-aigne-hub-project", "search");
    let answer = client.chat(&with(chat("gpt", "hi"), json!({"user": "ada"}))).await?;
    let rows = hub.rows(3).await?;
    let row = rows.iter().find(|row| row.request_id == answer.request_id()).context("no row")?;
    assert_eq!((row.user.as_deref(), row.project.as_deref()), (Some("eve"), Some("search")));
    Ok(())
}

#[tokio::test]
async fn what_the_provider_says_it_charged_stands_beside() -> Outcome {
    let upstream = Scripted::start().await?;
    let provider = Provider::new("router", "OpenRouter", &upstream).model("m");
    let hub = Blueprint::default().provider(provider).tenant(Tenant::new("acme")).start().await?;
    let tokens = Tokens { input: 10, output: 5, cost: Some("0.00042".into()), ..Tokens::default() };
    upstream.always(Script::text("x").usage(Dialect::OpenRouter, tokens));
    hub.client().chat(&chat("m", "hi")).await?.good()?;
    let row = hub.row().await?;
    assert!(row.more.values().any(|value| value == 420_000), "{row:#?}");
    Ok(())
}

#[tokio::test]
async fn usage_that_is_not_reported_is_estimated() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script { mute_usage: true, ..Script::chunks(40) });
    for (model, stream) in [("gpt", false), ("gpt", true), ("sonnet", true)] {
        hub.client().chat(&with(chat(model, "hi"), json!({"stream": stream}))).await?.ok()?;
    }
    for row in hub.rows(3).await? {
        assert_eq!(row.source, "Estimated", "{row:#?}");
        assert!(row.output_tokens > 20 && row.input_tokens > 0, "{row:#?}");
    }
    Ok(())
}

/// Pieces of nine bytes look like more tokens than they are.
#[tokio::test]
async fn an_estimate_is_never_more_than_was_allowed() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script { mute_usage: true, ..Script::chunks(40) });
    for (model, stream) in [("gpt", false), ("gpt", true), ("sonnet", true)] {
        let limits = json!({"max_tokens": 12, "stream": stream});
        hub.client().chat(&with(chat(model, "hi"), limits)).await?.ok()?;
    }
    for row in hub.rows(3).await? {
        assert_eq!((row.source.as_str(), row.output_tokens), ("Estimated", 12), "{row:#?}");
    }
    Ok(())
}

/// The provider may well charge for it: no number of it is the provider's.
#[tokio::test]
async fn an_answer_that_broke_off_unseen_or_cannot_be_read_is_an_estimate_that_is_not_charged() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (model, ending) in [
        ("gpt", Ending::Cut { after: 0 }),
        ("sonnet", Ending::Cut { after: 0 }),
        ("sonnet", Ending::Unterminated { after: 0 }),
    ] {
        upstream.next(Script::chunks(5).ending(ending));
        assert_eq!(hub.client().chat(&chat(model, "hi")).await?.status, 502, "{model}, {ending:?}");
    }
    for row in hub.rows(3).await? {
        assert_eq!(
            (row.source.as_str(), row.status.as_str()),
            ("Estimated", Some("Unreachable")),
            "{row:#?}"
        );
        assert!(row.input_tokens > 0 && row.cost_nanos > Some(0) && row.price_nanos == Some(0), "{row:#?}");
    }
    Ok(())
}

/// Starts a stream of 100 pieces, reads a few, leaves. Gives the gate that lets the rest through.
async fn leave_early(upstream: &Scripted, hub: &Hub, model: &str) -> anyhow::Result<Gate> {
    let gate = Gate::admitting(10);
    let tokens = Tokens { input: 7, output: 100, ..Tokens::default() };
    upstream.next(Script::chunks(100).usage(Dialect::OpenAI, tokens).gate(&gate));
    let mut live = hub.client().live("/v1/chat/completions", &streamed(chat(model, "hi"))).await?;
    for _ in 0..5 {
        live.event().await?;
    }
    Ok(gate)
}

#[tokio::test]
async fn cancel_stops_the_provider_and_estimates() -> Outcome {
    let upstream = Scripted::start().await?;
    let tenant = Tenant::new("acme").set("policy", json!({"clientGone": "Cancel"}));
    let hub = Blueprint::usual(&upstream).tenant(tenant).start().await?;
    for model in ["gpt", "sonnet"] {
        let before = upstream.asked().len();
        leave_early(&upstream, &hub, model).await?;
        eventually("the provider is left", async || {
            Ok(upstream.asked().get(before).filter(|entry| entry.outcome == Ended::ClientLeft).map(|_| ()))
        })
        .await?;
    }
    for row in hub.rows(2).await? {
        assert_eq!(row.source, "Estimated", "{row:#?}");
        assert!((1..100).contains(&row.output_tokens), "{row:#?}");
        assert!(row.input_tokens > 0, "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn finish_reads_on_and_is_exact() -> Outcome {
    let upstream = Scripted::start().await?;
    let said = Tenant::new("acme").set("policy", json!({"clientGone": "Finish"}));
    // The default where somebody pays for what was used.
    let prepaid = Tenant::new("acme").set("billing", json!({"mode": "Credits", "starterCredits": "5"}));
    for tenant in [said, prepaid] {
        let hub = Blueprint::usual(&upstream).tenant(tenant).start().await?;
        for model in ["gpt", "sonnet"] {
            leave_early(&upstream, &hub, model).await?.open();
        }
        for row in hub.rows(2).await? {
            let counted = (row.source.as_str(), row.input_tokens, row.output_tokens);
            assert_eq!(counted, ("Provider", 7, 100), "{row:#?}");
        }
    }
    assert!(upstream.asked().iter().all(|entry| entry.outcome == Ended::Complete));
    Ok(())
}

#[tokio::test]
async fn an_error_after_tokens_is_metered() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::chunks(50).ending(Ending::Error { after: 30 }));
    for model in ["gpt", "sonnet"] {
        let answer = hub.client().chat(&streamed(chat(model, "hi"))).await?;
        assert!(answer.text().contains("\"error\""), "{}", answer.text());
    }
    for row in hub.rows(2).await? {
        assert!(row.output_tokens > 10, "{row:#?}");
        assert_ne!(row.status, json!("Completed"), "{row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn anthropic_output_is_cumulative() -> Outcome {
    let (upstream, hub) = stage().await?;
    let tokens = Tokens { input: 3, output: 40, ..Tokens::default() };
    upstream.always(Script::text("a b").usage(Dialect::OpenAI, tokens));
    hub.client().messages(&streamed(message("sonnet", "hi"))).await?.events()?;
    hub.client().chat(&streamed(chat("sonnet", "hi"))).await?.events()?;
    for row in hub.rows(2).await? {
        assert_eq!(row.output_tokens, 40, "the first count is replaced, not added to");
    }
    Ok(())
}

#[tokio::test]
async fn sigkill_loses_nothing_that_was_answered() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).start().await?;
    let mut answered = Vec::new();
    for round in 0..4 {
        // A plain answer or a stream, relayed or translated: killed as soon as its last byte is here.
        let model = if round % 2 == 0 { "gpt" } else { "sonnet" };
        let tokens = Tokens { input: 5, output: 10 + round, ..Tokens::default() };
        upstream.next(Script::text("a b c").usage(Dialect::OpenAI, tokens));
        let answer = hub.client().chat(&with(chat(model, "hi"), json!({"stream": round >= 2}))).await?;
        hub.sigkill().await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answered.push((answer.request_id().to_owned(), 10 + round));
        hub.restart().await?;
    }
    let rows = hub.rows(answered.len()).await?;
    for (id, output) in &answered {
        let found: Vec<_> = rows.iter().filter(|row| row.request_id == *id).collect();
        assert_eq!(found.len(), 1, "{id} exactly once");
        assert_eq!((found[0].output_tokens, found[0].source.as_str()), (*output, "Provider"));
    }
    Ok(())
}

#[tokio::test]
async fn sigkill_in_mid_stream_leaves_a_bound() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).start().await?;
    let gate = Gate::admitting(3);
    upstream.always(Script::chunks(50).gate(&gate));
    let mut live = hub.client().live("/v1/chat/completions", &streamed(chat("gpt", "hi"))).await?;
    live.event().await?;
    hub.sigkill().await?;
    hub.restart().await?;
    let row = hub.row().await?;
    assert_eq!((row.source.as_str(), &row.status), ("Bound", &json!("Interrupted")), "{row:#?}");
    assert!(row.output_tokens > 0 && row.input_tokens > 0, "{row:#?}");
    // A second restart finds nothing new.
    hub.restart().await?;
    hub.client().get("/v1/models").await?.good()?;
    assert_eq!(hub.rows_now().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn many_requests_are_counted_as_the_provider_counts_them() -> Outcome {
    let (upstream, hub) = stage().await?;
    let client = hub.client();
    let requests = (0..60).map(|number| {
        let client = client.clone();
        let model = ["gpt", "sonnet"][number % 2];
        async move {
            let text = format!("request {number} [[chunks={}]]", number % 7 + 1);
            client.chat(&with(chat(model, &text), json!({"stream": number % 3 == 0}))).await?.ok()
        }
    });
    futures::future::try_join_all(requests).await?;
    let rows = hub.rows(60).await?;
    let totals = upstream.totals();
    assert_eq!(totals.answers, 60);
    assert_eq!(rows.iter().map(|row| row.output_tokens).sum::<u64>(), totals.output_tokens);
    assert_eq!(rows.iter().map(|row| row.input_tokens).sum::<u64>(), totals.input_tokens);
    Ok(())
}
