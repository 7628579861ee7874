//! Gemini as a provider and as a client's wire, over HTTP.

use aigne_hub_tests::harness::asks::{chat, streamed, text, with};
use aigne_hub_tests::harness::{Answer, Blueprint, Client, Hub, Outcome, Pricing, Provider, Tenant, key};
use aigne_hub_tests::scripted::{Dialect, Ending, Script, Scripted, Tokens};
use anyhow::Context as _;
use serde_json::{Value, json};

/// Gemini with a model of each type.
fn google(upstream: &Scripted) -> Provider {
    let model = |name: &str, kind: &str| json!({"name": name, "type": kind});
    Provider::at("google", "Gemini", &upstream.origin())
        .model("flash")
        .with_model(model("embed", "Embedding"))
        .with_model(model("imagen-4", "Image"))
        .with_model(model("flash-image", "Image"))
        .with_model(model("flash-tts", "Speech"))
}

/// A provider of each wire.
async fn stage() -> anyhow::Result<(Scripted, Hub)> {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::default()
        .provider(google(&upstream))
        .provider(
            Provider::new("openai", "OpenAI", &upstream)
                .model("gpt")
                .with_model(json!({"name": "embed", "type": "Embedding"})),
        )
        .pricing(Pricing::new("google"))
        .pricing(Pricing::new("openai"))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    Ok((upstream, hub))
}

fn ask(words: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": words}]}]})
}

/// The text of answers of this wire.
fn said(answers: &[Value]) -> String {
    answers
        .iter()
        .flat_map(|answer| {
            answer["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
        })
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect()
}

/// The error in Google's shape.
fn google_error(answer: &Answer, status: u16, word: &str) -> anyhow::Result<Value> {
    let error = answer.json()?["error"].clone();
    anyhow::ensure!(
        answer.status == status && error["code"] == status && error["status"] == word,
        "{}",
        answer.text()
    );
    Ok(error)
}

fn counted() -> Tokens {
    Tokens { input: 25, cached: 100, output: 15, reasoning: 5, ..Tokens::default() }
}

#[tokio::test]
async fn what_a_client_of_gemini_sends_and_gets_passes_untouched() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("It is fine.").usage(Dialect::OpenAI, counted()));
    let body = r#"{ "contents":[{"parts":[{"text":"hi"}]}],  "future":{"a":[1.50]} }"#;
    for (method, streamed) in [("generateContent", false), ("streamGenerateContent?alt=sse", true)] {
        let path = format!("/v1beta/models/google/flash:{method}");
        let answer = hub.client().post_bytes(&path, body.into()).await?;
        answer.ok()?;
        let asked = upstream.asked().pop().context("nothing arrived")?;
        assert_eq!(asked.body, body);
        assert_eq!(asked.path, format!("/v1beta/models/flash:{method}"));
        assert_eq!(asked.header("x-goog-api-key"), Some(Provider::credential("google").as_str()));
        assert_eq!(asked.header("authorization"), None);
        let answers = if streamed {
            answer.events()?.iter().map(aigne_hub_tests::harness::Event::json).collect()
        } else {
            vec![answer.good()?]
        };
        assert_eq!(said(&answers), "It is fine.", "{}", answer.text());
        assert!(
            answers.iter().all(|answer| answer["xScripted"]["kept"] == true),
            "fields that nobody knows survive"
        );
    }
    for row in hub.rows(2).await? {
        assert_eq!((row.source.as_str(), row.input_tokens, row.output_tokens), ("Provider", 25, 15));
        assert_eq!((row.cached_input_tokens, row.reasoning_tokens), (100, 5));
    }
    Ok(())
}

#[tokio::test]
async fn a_client_of_openai_at_gemini() -> Outcome {
    let (upstream, hub) = stage().await?;
    upstream.always(Script::text("It is fine.").usage(Dialect::OpenAI, counted()));
    let request = with(chat("google/flash", "hi"), json!({"stream_options": {"include_usage": true}}));
    let plain = hub.client().chat(&chat("google/flash", "hi")).await?.good()?;
    assert_eq!(plain["choices"][0]["message"]["content"], "It is fine.");
    assert_eq!(plain["usage"]["prompt_tokens"], 125);
    let events = hub.client().chat(&streamed(request)).await?.events()?;
    assert_eq!(text(&events), "It is fine.");
    let usage = &events[events.len() - 2].json()["usage"];
    assert_eq!((&usage["completion_tokens"], &usage["total_tokens"]), (&json!(15), &json!(140)));
    for row in hub.rows(2).await? {
        assert_eq!((row.source.as_str(), row.input_tokens, row.output_tokens), ("Provider", 25, 15));
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_without_events_is_one_array() -> Outcome {
    let (upstream, hub) = stage().await?;
    for model in ["google/flash", "openai%2Fgpt"] {
        upstream.next(Script::text("It is fine."));
        let path = format!("/v1beta/models/{model}:streamGenerateContent");
        let answer = hub.client().post(&path, &ask("hi")).await?;
        assert!(answer.header("content-type").starts_with("application/json"), "{}", answer.text());
        let list = answer.json()?;
        assert_eq!(said(list.as_array().context("no list")?), "It is fine.", "{list}");
    }
    upstream.next(Script::chunks(5).ending(Ending::Error { after: 2 }));
    let answer = hub.client().post("/v1beta/models/openai/gpt:streamGenerateContent", &ask("hi")).await?;
    let list = answer.json()?;
    let end = list.as_array().and_then(|pieces| pieces.last()).context("no list")?;
    assert!(end["error"]["code"].as_u64().is_some_and(|code| code >= 500), "{list}");
    Ok(())
}

/// Google ends a stream that fails with bare JSON; its clients know an error where it is an object in an event.
#[tokio::test]
async fn an_error_that_is_no_event_reaches_every_client_as_its_own() -> Outcome {
    let (upstream, hub) = stage().await?;
    let piece =
        json!({"candidates": [{"content": {"parts": [{"text": "Once"}], "role": "model"}, "index": 0}]});
    let error = json!([{"error": {"code": 503, "status": "UNAVAILABLE",
        "message": "The model of project:1234 is overloaded."}}]);
    let error = serde_json::to_string_pretty(&error)?;
    let script =
        Script::raw(format!("data: {piece}\n\n{error}\n")).header("content-type", "text/event-stream");
    upstream.always(script);
    let path = "/v1beta/models/google%2Fflash:streamGenerateContent";
    let events = hub.client().post(&format!("{path}?alt=sse"), &ask("hi")).await?.events()?;
    let ending = events.last().context("no event")?.json();
    assert_eq!((&ending["error"]["code"], events.len()), (&json!(503), 2), "{ending}");
    assert!(!ending.to_string().contains("1234"), "{ending}");
    let list = hub.client().post(path, &ask("hi")).await?.json()?;
    assert_eq!(list[1]["error"]["status"], "UNAVAILABLE", "{list}");
    let events = hub.client().chat(&streamed(chat("google/flash", "hi"))).await?.events()?;
    let ending = events.last().context("no event")?.json();
    assert_eq!(ending["error"]["code"], "UNAVAILABLE", "{ending}");
    Ok(())
}

#[tokio::test]
async fn a_key_comes_in_any_of_googles_ways_and_is_never_logged() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let secret = key("acme", "app");
    let path = "/v1/models/openai/gpt:generateContent";
    let stranger = Client::new(hub.origin(), None);
    google_error(&stranger.post(path, &ask("hi")).await?, 401, "UNAUTHENTICATED")?;
    stranger.post(&format!("{path}?key={secret}"), &ask("hi")).await?.ok()?;
    stranger.clone().header("x-goog-api-key", &secret).post(path, &ask("hi")).await?.ok()?;
    hub.client().post(path, &ask("hi")).await?.ok()?;
    // Elsewhere a query is none.
    assert_eq!(
        stranger.post(&format!("/v1/chat/completions?key={secret}"), &chat("openai/gpt", "hi")).await?.status,
        401
    );
    let wrong = stranger
        .post(&format!("/v1beta/models/no-such-model:generateContent?key={secret}"), &ask("hi"))
        .await?;
    google_error(&wrong, 404, "NOT_FOUND")?;
    assert!(!wrong.text().contains(&secret));
    hub.rows(3).await?;
    assert!(!hub.access_log().text().contains(&secret), "{}", hub.access_log().text());
    assert!(!hub.logs().text().contains(&secret));
    Ok(())
}

#[tokio::test]
async fn lists_of_models_are_each_wires_own() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let openai = hub.client().get("/v1/models").await?.good()?;
    assert_eq!(openai["object"], "list");
    let google = hub.client().header("x-goog-api-client", "genai").get("/v1/models").await?.good()?;
    let methods = |name: &str| {
        let models = google["models"].as_array().cloned().unwrap_or_default();
        models
            .into_iter()
            .find(|model| model["name"] == name)
            .map(|model| model["supportedGenerationMethods"].clone())
    };
    let chat = json!(["generateContent", "streamGenerateContent", "countTokens"]);
    assert_eq!(methods("models/google/flash"), Some(chat));
    assert_eq!(methods("models/google/embed"), Some(json!(["embedContent", "batchEmbedContents"])));
    for path in ["/v1beta/models/openai/gpt", "/v1beta/models/openai%2Fgpt"] {
        let one = hub.client().get(path).await?.good()?;
        assert_eq!((&one["name"], &one["outputTokenLimit"]), (&json!("models/openai/gpt"), &json!(4096)));
    }
    google_error(&hub.client().get("/v1beta/models/none").await?, 404, "NOT_FOUND")?;
    google_error(&hub.client().get("/v1beta/files").await?, 404, "NOT_FOUND")?;
    let wrong = hub.client().get("/v1beta/models/openai/gpt:generateContent").await?;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST"));
    Ok(())
}

#[tokio::test]
async fn what_costs_extra_is_refused_before_it_is_sent() -> Outcome {
    let (upstream, hub) = stage().await?;
    for (model, field, member) in [
        ("google/flash", "tools[0].google_search", json!({"tools": [{"google_search": {}}]})),
        ("google/flash", "cachedContent", json!({"cachedContent": "cachedContents/1"})),
        ("google/flash", "serviceTier", json!({"serviceTier": "priority"})),
        (
            "google/flash",
            "generationConfig.responseModalities",
            json!({"generationConfig": {"responseModalities": ["IMAGE"]}}),
        ),
        ("openai/gpt", "tools[0].codeExecution", json!({"tools": [{"codeExecution": {}}]})),
        ("openai/gpt", "generationConfig.candidateCount", json!({"generationConfig": {"candidateCount": 0}})),
    ] {
        let path = format!("/v1beta/models/{model}:generateContent");
        let error = google_error(
            &hub.client().post(&path, &with(ask("hi"), member)).await?,
            400,
            "INVALID_ARGUMENT",
        )?;
        let named =
            &error["details"].as_array().context("no details")?.last().context("none")?["fieldViolations"];
        assert_eq!(named[0]["field"], field, "{error}");
    }
    assert!(upstream.asked().is_empty());
    Ok(())
}

#[tokio::test]
async fn tokens_are_counted_by_gemini_or_honestly_estimated() -> Outcome {
    let (_upstream, hub) = stage().await?;
    let count = async |model: &str| {
        hub.client().post(&format!("/v1beta/models/{model}:countTokens"), &ask("How many?")).await
    };
    let counted = count("google/flash").await?;
    assert!(counted.good()?["totalTokens"].as_u64() > Some(0));
    assert_eq!(counted.header("x-aigne-hub-estimated"), "");
    let estimated = count("openai/gpt").await?;
    assert!(estimated.good()?["totalTokens"].as_u64() > Some(0));
    assert_eq!(estimated.header("x-aigne-hub-estimated"), "true");
    Ok(())
}

#[tokio::test]
async fn a_key_that_google_does_not_know_is_not_the_clients_fault() -> Outcome {
    let (upstream, hub) = stage().await?;
    let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    upstream.always(Script::raw(body.to_string()).with_status(400));
    let answer = hub.client().chat(&chat("google/flash", "hi")).await?;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(!answer.text().contains("not valid"), "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn vectors_are_made_by_gemini_and_for_its_clients() -> Outcome {
    let (upstream, hub) = stage().await?;
    let asked = json!({"model": "google/embed", "input": ["one", "two"], "dimensions": 4});
    let answer = hub.client().post("/v1/embeddings", &asked).await?.good()?;
    let vectors = answer["data"].as_array().context("no vectors")?;
    assert_eq!((vectors.len(), vectors[1]["embedding"].as_array().map(Vec::len)), (2, Some(4)), "{answer}");
    let arrived = upstream.asked().pop().context("nothing arrived")?;
    assert_eq!(arrived.path, "/v1beta/models/embed:batchEmbedContents");
    assert_eq!(arrived.json()["requests"][0]["model"], "models/embed");
    let content =
        |words: &str| json!({"content": {"parts": [{"text": words}]}, "taskType": "RETRIEVAL_QUERY"});
    for model in ["google/embed", "openai/embed"] {
        let batch = json!({"requests": [content("one"), content("two"), content("three")]});
        let path = format!("/v1beta/models/{model}:batchEmbedContents");
        let several = hub.client().post(&path, &batch).await?.good()?;
        assert_eq!(several["embeddings"].as_array().map(Vec::len), Some(3), "{several}");
        let path = format!("/v1/models/{model}:embedContent");
        let alone = hub.client().post(&path, &content("one")).await?.good()?;
        assert_eq!(alone["embedding"]["values"], several["embeddings"][0]["values"], "{alone}");
    }
    let titled = with(content("one"), json!({"title": "T"}));
    let refused = hub.client().post("/v1beta/models/google/embed:embedContent", &titled).await?;
    google_error(&refused, 400, "INVALID_ARGUMENT")?;
    hub.rows(5).await?;
    Ok(())
}

#[tokio::test]
async fn pictures_and_speech_by_gemini() -> Outcome {
    let (upstream, hub) = stage().await?;
    let ask = |model: &str, more: Value| with(json!({"model": model, "prompt": "a cat"}), more);
    let painted = hub
        .client()
        .post("/v1/images/generations", &ask("google/imagen-4", json!({"n": 2})))
        .await?
        .good()?;
    assert_eq!(painted["data"].as_array().map(Vec::len), Some(2), "{painted}");
    let parts = json!([{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}]);
    let answer = json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1290,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1280}]},
    });
    upstream.next(Script::raw(answer.to_string()));
    let square = ask("google/flash-image", json!({"size": "1024x1024"}));
    let painted = hub.client().post("/v1/images/generations", &square).await?.good()?;
    assert_eq!(painted["data"][0]["b64_json"], "AAEC", "{painted}");
    let arrived = upstream.asked().pop().context("nothing arrived")?.json();
    assert_eq!(arrived["generationConfig"]["imageConfig"]["aspectRatio"], "1:1");
    let refused =
        hub.client().post("/v1/images/generations", &ask("google/imagen-4", json!({"size": "7x5"}))).await?;
    assert_eq!(refused.openai_error(400)?["param"], "size");
    let parts = json!([{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "AQACAA=="}}]);
    let answer = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 9}});
    upstream.next(Script::raw(answer.to_string()));
    let spoken =
        json!({"model": "google/flash-tts", "input": "Hello", "voice": "Kore", "response_format": "wav"});
    let sound = hub.client().post("/v1/audio/speech", &spoken).await?;
    sound.ok()?;
    assert_eq!(sound.header("content-type"), "audio/wav");
    let rows = hub.rows(3).await?;
    assert!(rows.iter().any(|row| row.output_tokens == 1290), "{rows:#?}");
    Ok(())
}
