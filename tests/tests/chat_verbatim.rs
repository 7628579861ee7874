//! Client and provider speak the same wire: bytes pass untouched but for the model's name and the usage request.

use aigne_hub_tests::harness::asks::{chat, message, streamed, text, with};
use aigne_hub_tests::harness::{Blueprint, Client, Hub, Outcome, Pricing, Provider, Tenant, events};
use aigne_hub_tests::scripted::{Dialect, Script, Scripted, Tokens};
use serde_json::json;

async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    Ok((upstream, hub))
}

fn tokens() -> Tokens {
    Tokens { input: 25, cached: 100, output: 15, reasoning: 5, ..Tokens::default() }
}

/// What the provider answers when it is asked directly.
async fn directly(upstream: &Scripted, path: &str, body: &serde_json::Value) -> anyhow::Result<bytes::Bytes> {
    Ok(Client::new(&upstream.origin(), None).post(path, body).await?.body)
}

#[tokio::test]
async fn plain_answers_are_the_providers_bytes() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("Só é.").reasoning("hm hm").usage(Dialect::OpenAI, tokens()));
    for (path, body) in
        [("/v1/chat/completions", chat("gpt", "hi")), ("/v1/messages", message("sonnet", "hi"))]
    {
        let expected = directly(&upstream, path, &body).await?;
        let answer = hub.client().post(path, &body).await?;
        assert_eq!((answer.status, answer.body), (200, expected), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn streams_are_the_providers_bytes() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::chunks(7).reasoning("hm hm").call("call_1", "f", json!({"a": "é"})));
    let with_usage = with(streamed(chat("gpt", "hi")), json!({"stream_options": {"include_usage": true}}));
    for (path, body) in
        [("/v1/chat/completions", with_usage), ("/v1/messages", streamed(message("sonnet", "hi")))]
    {
        let expected = directly(&upstream, path, &body).await?;
        let answer = hub.client().post(path, &body).await?;
        assert_eq!(answer.text(), String::from_utf8_lossy(&expected), "{path}");
        assert!(answer.header("content-type").starts_with("text/event-stream"), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn request_bytes_reach_the_provider_untouched() -> Outcome {
    let (upstream, hub) = stage().await?;
    // Odd spacing, an escape, numbers that a float cannot hold, and members that nobody knows.
    let body = r#"{ "x_unknown" : {"deep":[1.0, 2E5,12345678901234567890123, null]},
        "messages":[{"role":"user","content":"caf\u00e9 \ud83d\ude00","x_more":true}], "model":"gpt","n":1 }"#;
    let answer = hub.client().post_bytes("/v1/chat/completions", body.into()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(String::from_utf8_lossy(&upstream.asked()[0].body), body);

    let named = body.replace(r#""gpt""#, r#""openai/gpt""#);
    hub.client().post_bytes("/v1/chat/completions", named.into()).await?;
    assert_eq!(String::from_utf8_lossy(&upstream.asked()[1].body), body, "only the name changes");
    Ok(())
}

#[tokio::test]
async fn anthropic_request_bytes_reach_the_provider_untouched() -> Outcome {
    let (upstream, hub) = stage().await?;
    let body = r#"{"max_tokens": 64, "x_unknown": [1.50], "model": "sonnet","stream": true,
        "messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]}"#;
    let answer = hub.client().post_bytes("/v1/messages", body.into()).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(String::from_utf8_lossy(&upstream.asked()[0].body), body);
    Ok(())
}

#[tokio::test]
async fn usage_is_asked_for_and_stripped_again() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("one two three").usage(Dialect::OpenAI, tokens()));
    let options = [
        json!({}),
        json!({"stream_options": {"include_usage": false}}),
        json!({"stream_options": {"include_obfuscation": false}}),
        json!({"stream_options": null}),
    ];
    for options in &options {
        let answer = hub.client().chat(&with(streamed(chat("gpt", "hi")), options.clone())).await?;
        let events = answer.events()?;
        assert!(!answer.text().contains("usage"), "{options}: {}", answer.text());
        assert_eq!(text(&events), "one two three", "{options}");
        assert_eq!(events.last().map(|event| event.data.as_str()), Some("[DONE]"), "{options}");
        assert!(
            events.iter().all(|e| e.data == "[DONE]" || e.json()["x_scripted"]["kept"] == true),
            "{options}"
        );
    }
    let asked: Vec<_> = upstream.asked().iter().map(|entry| entry.json()["stream_options"].clone()).collect();
    assert!(asked.iter().all(|options| options["include_usage"] == true), "{asked:?}");
    assert_eq!(asked[2]["include_obfuscation"], false, "the client's own options survive");
    for row in hub.rows(options.len()).await? {
        assert_eq!((row.source.as_str(), row.tokens()), ("Provider", [25, 100, 0, 15, 5]));
    }
    Ok(())
}

#[tokio::test]
async fn usage_that_was_asked_for_stays() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("one two").usage(Dialect::OpenAI, tokens()));
    let body = with(streamed(chat("gpt", "hi")), json!({"stream_options": {"include_usage": true}}));
    let events = hub.client().chat(&body).await?.events()?;
    let last = events[events.len() - 2].json();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], Dialect::OpenAI.openai_usage(&tokens()));
    Ok(())
}

#[tokio::test]
async fn names_and_aliases_find_the_model() -> Outcome {
    let upstream = Scripted::start().await?;
    let model =
        json!({"name": "fast", "upstreamModel": "vendor/fast-2026:v1", "type": "Chat", "aliases": ["small"]});
    let provider = Provider::new("openai", "OpenAI", &upstream).with_model(model);
    let hub = Blueprint::default().provider(provider).tenant(Tenant::new("acme")).start().await?;
    for name in ["fast", "openai/fast", "small", "openai/small"] {
        let answer = hub.client().chat(&chat(name, "hi")).await?;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert!(upstream.asked().iter().all(|entry| entry.json()["model"] == "vendor/fast-2026:v1"));
    Ok(())
}

#[tokio::test]
async fn each_compatible_provider_is_relayed() -> Outcome {
    let upstream = Scripted::start().await?;
    let kinds = ["DeepSeek", "Ollama", "OpenRouter", "XAI", "Doubao", "Poe", "OpenAICompatible"];
    let mut blueprint = Blueprint::default().tenant(Tenant::new("acme"));
    for kind in kinds {
        let name = kind.to_lowercase();
        blueprint =
            blueprint.provider(Provider::new(&name, kind, &upstream).model("m")).pricing(Pricing::new(&name));
    }
    let hub = blueprint.start().await?;
    for kind in kinds {
        let dialect = Dialect::named(kind);
        upstream.next(Script::text("as it came").usage(dialect, tokens()));
        let body = with(streamed(chat(&format!("{}/m", kind.to_lowercase()), "hi")), json!({"x_unknown": 1}));
        let answer = hub.client().chat(&body).await?;
        assert_eq!(text(&answer.events()?), "as it came", "{kind}");
        let entry = upstream.asked().pop().ok_or_else(|| anyhow::anyhow!("nothing arrived"))?;
        assert_eq!(
            (entry.json()["model"].clone(), entry.json()["x_unknown"].clone()),
            (json!("m"), json!(1)),
            "{kind}"
        );
        let key = Provider::credential(&kind.to_lowercase());
        assert_eq!(entry.header("authorization"), Some(format!("Bearer {key}").as_str()), "{kind}");
    }
    hub.rows(kinds.len()).await?;
    Ok(())
}

#[tokio::test]
async fn comments_of_a_provider_do_no_harm() -> Outcome {
    let upstream = Scripted::start().await?;
    let provider = Provider::new("router", "OpenRouter", &upstream).model("m");
    let hub = Blueprint::default().provider(provider).tenant(Tenant::new("acme")).start().await?;
    upstream.always(Script::text("a b c").usage(Dialect::OpenRouter, tokens()));
    let answer = hub.client().chat(&streamed(chat("m", "hi"))).await?;
    assert_eq!(text(&events(&answer.text())), "a b c");
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    Ok(())
}
