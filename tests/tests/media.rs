//! Beside chat: what a row says and costs, what a tenant on credits needs, and what Bedrock's own checks make of it.

use aigne_hub_tests::harness::{
    Blueprint, Emulator, Hub, Outcome, Pricing, Provider, Sdk, Tenant, eventually,
};
use aigne_hub_tests::scripted::{Script, Scripted};
use anyhow::ensure;
use bytes::Bytes;
use serde_json::{Value, json};

/// A hub whose provider `openai` has a model of each type, with a price by the unit.
async fn hub(upstream: &Scripted, tenant: Tenant) -> anyhow::Result<Hub> {
    let models = [
        json!({"name": "embed", "type": "Embedding"}),
        json!({"name": "image", "type": "Image"}),
        json!({"name": "tts", "type": "Speech"}),
        json!({"name": "whisper-1", "type": "Transcription"}),
        json!({"name": "by-tokens", "type": "Image"}),
        json!({"name": "free", "type": "Speech"}),
    ];
    let provider = Provider::new("openai", "OpenAI", upstream).model("gpt");
    let rates = json!([
        {"model": "embed", "cost": {"input": "20"}},
        {"model": "image", "cost": {"images": [
            {"size": "1024x1024", "quality": "low", "amount": "0.01"}, {"quality": "high", "amount": "0.2"}]}},
        {"model": "tts", "cost": {"characters": "15"}},
        {"model": "whisper-1", "cost": {"second": "0.0001"}},
        {"model": "by-tokens", "cost": {"input": "5", "output": "40"}},
    ]);
    Blueprint::default()
        .provider(models.into_iter().fold(provider, Provider::with_model))
        .pricing(Pricing::new("openai").set("rates", rates).set("margin", json!("100%")))
        .tenant(tenant)
        .start()
        .await
}

/// A recording of three seconds, which its head says.
fn wav() -> Bytes {
    let mut data = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    data.extend(8_000_u32.to_le_bytes());
    data.extend(16_000_u32.to_le_bytes());
    data.extend(*b"\x02\0\x10\0");
    data.extend(vec![0; 48_000]);
    data.into()
}

/// Asks for one of each.
async fn ask_for_all(hub: &Hub) -> Outcome {
    let client = hub.client();
    client.post("/v1/embeddings", &json!({"model": "embed", "input": "twelve bytes"})).await?.good()?;
    let picture = json!({"model": "image", "prompt": "a cat", "n": 2, "size": "1024x1024", "quality": "low"});
    client.post("/v1/images/generations", &picture).await?.good()?;
    client
        .post("/v1/audio/speech", &json!({"model": "tts", "input": "über", "voice": "alloy"}))
        .await?
        .ok()?;
    let fields = [("model", "whisper-1".to_owned())];
    client.post_form("/v1/audio/transcriptions", &fields, "file", wav()).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn rows_have_their_units_and_cost_by_them() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream, Tenant::new("acme")).await?;
    ask_for_all(&hub).await?;
    for row in hub.rows(4).await? {
        let more = |name: &str| row.more.get(name).and_then(Value::as_u64).unwrap_or_default();
        let units = [more("images"), more("media_ms"), more("characters")];
        let (expected, cost) = match row.model.as_str() {
            "embed" => ([0, 0, 0], 20_000 * i64::try_from(row.input_tokens)?),
            "image" => ([2, 0, 0], 20_000_000),
            "tts" => ([0, 0, 4], 60_000),
            _ => ([0, 3_000, 0], 300_000),
        };
        ensure!(units == expected && row.source == "Provider", "{row:#?}");
        ensure!(row.cost_nanos == Some(cost) && row.price_nanos == Some(2 * cost), "{cost}: {row:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_openrouter_charged_stands_in_the_row() -> Outcome {
    let upstream = Scripted::start().await?;
    let provider = Provider::new("router", "OpenRouter", &upstream)
        .with_model(json!({"name": "vectors", "type": "Embedding"}))
        .with_model(json!({"name": "paint", "type": "Image"}));
    let rates = json!([{"model": "vectors", "cost": {"input": "1"}}, {"model": "paint", "cost": {"images": [{"amount": "0.05"}]}}]);
    let hub = Blueprint::default()
        .provider(provider)
        .pricing(Pricing::new("router").set("rates", rates))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    let vectors = json!({"object": "list", "model": "x", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7, "cost": 0.000_009}});
    upstream.next(Script::raw(vectors.to_string()));
    hub.client().post("/v1/embeddings", &json!({"model": "vectors", "input": "hi"})).await?.good()?;
    let picture = json!({"created": 1, "data": [{"b64_json": "QQ=="}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1290, "total_tokens": 1293, "cost": 0.0387}});
    upstream.always(Script::raw(picture.to_string()));
    let asked = json!({"model": "paint", "prompt": "a hat"});
    hub.client().post("/v1/images/generations", &asked).await?.good()?;
    let fields = [("model", "paint".to_owned()), ("prompt", "red".to_owned())];
    hub.client().post_form("/v1/images/edits", &fields, "image", Bytes::from_static(b"png")).await?.good()?;
    let paths: Vec<String> = upstream.asked().iter().map(|asked| asked.path.clone()).collect();
    ensure!(paths[1..].iter().all(|path| path.ends_with("/images")), "{paths:?}");
    for row in hub.rows(3).await? {
        let expected = if row.model == "vectors" { 9_000 } else { 38_700_000 };
        ensure!(row.more.values().any(|value| *value == json!(expected)), "{row:#?}");
    }
    for (field, value) in
        [("resolution", json!("4K")), ("input_references", json!([1])), ("stream", json!(true))]
    {
        let mut asked = asked.clone();
        asked[field] = value;
        let error = hub.client().post("/v1/images/generations", &asked).await?.openai_error(400)?;
        ensure!(error["param"] == field, "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tenant_on_credits_pays_for_what_can_be_bounded() -> Outcome {
    let upstream = Scripted::start().await?;
    let billing = json!({"mode": "Credits", "starterCredits": "1.00"});
    let hub = hub(&upstream, Tenant::new("acme").set("billing", billing)).await?;
    eventually("the credits", async || {
        let picture = json!({"model": "image", "prompt": "a cat", "n": 9, "quality": "high"});
        let refused = hub.client().post("/v1/images/generations", &picture).await?;
        Ok((refused.status == 402).then_some(()))
    })
    .await?;
    ask_for_all(&hub).await?;
    let client = hub.client();
    for (path, body, says) in [
        ("/v1/images/generations", json!({"model": "by-tokens", "prompt": "a cat"}), "maxOutputTokens"),
        ("/v1/audio/speech", json!({"model": "free", "input": "a"}), "no price"),
        (
            "/v1/images/generations",
            json!({"model": "image", "prompt": "a cat", "size": "1x1", "quality": "odd"}),
            "no price",
        ),
        (
            "/v1/images/generations",
            json!({"model": "image", "prompt": "a cat", "n": 9, "quality": "high"}),
            "can cost up to",
        ),
    ] {
        let error = client.post(path, &body).await?.openai_error(402)?;
        ensure!(error["message"].as_str().is_some_and(|message| message.contains(says)), "{says}: {error}");
    }
    // At 250 bytes a second it can have been a million seconds; a plain WAV file says how long it is.
    let fields = [("model", "whisper-1".to_owned())];
    let endless = Bytes::from(vec![1; 25 << 20]);
    client.post_form("/v1/audio/transcriptions", &fields, "file", endless).await?.openai_error(402)?;
    hub.rows(4).await?;
    Ok(())
}

#[tokio::test]
async fn bedrock_embeds_and_paints() -> Outcome {
    let upstream = Emulator::bedrock(&Sdk::setup().await?, &[]).await?;
    let keys = r#"{"accessKeyId": "AKIASCRIPTED", "secretAccessKey": "static-secret"}"#;
    let provider = Provider::at("bedrock", "Bedrock", upstream.origin())
        .set("bedrock", json!({"region": "us-east-1"}))
        .with_model(
            json!({"name": "titan", "type": "Embedding", "upstreamModel": "amazon.titan-embed-text-v2:0"}),
        )
        .with_model(
            json!({"name": "cohere", "type": "Embedding", "upstreamModel": "cohere.embed-english-v3"}),
        )
        .with_model(json!({"name": "canvas", "type": "Image", "upstreamModel": "amazon.nova-canvas-v1:0"}))
        .secret(keys);
    let rates = json!([
        {"model": "canvas", "cost": {"images": [{"amount": "0.04"}]}},
        {"model": "*", "cost": {"input": "1"}},
    ]);
    let hub = Blueprint::default()
        .provider(provider)
        .pricing(Pricing::new("bedrock").set("rates", rates))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    let client = hub.client();
    let asked = json!({"model": "titan", "input": "hello there", "dimensions": 256});
    let answer = client.post("/v1/embeddings", &asked).await?.good()?;
    ensure!(
        answer["data"][0]["embedding"].as_array().is_some_and(|numbers| numbers.len() == 256),
        "{answer}"
    );
    ensure!(answer["usage"]["prompt_tokens"] == 2, "{answer}");
    let asked = json!({"model": "cohere", "input": ["hello there", "hi"], "encoding_format": "base64"});
    let answer = client.post("/v1/embeddings", &asked).await?.good()?;
    ensure!(answer["data"][1]["embedding"].is_string() && answer["data"][2].is_null(), "{answer}");
    let asked = json!({"model": "canvas", "prompt": "a cat", "n": 2, "size": "512x512", "quality": "hd"});
    let answer = client.post("/v1/images/generations", &asked).await?.good()?;
    ensure!(answer["data"].as_array().is_some_and(|pictures| pictures.len() == 2), "{answer}");
    let fields = [("model", "canvas".to_owned()), ("prompt", "a hat".to_owned())];
    let edited =
        client.post_form("/v1/images/edits", &fields, "image", Bytes::from_static(b"\x89PNG")).await?;
    ensure!(edited.good()?["data"][0]["b64_json"].is_string(), "{}", edited.text());
    let several = json!({"model": "titan", "input": ["a", "b"]});
    ensure!(client.post("/v1/embeddings", &several).await?.openai_error(400)?["param"] == "input");
    for row in hub.rows(4).await? {
        let images = row.more.get("images").and_then(Value::as_u64).unwrap_or_default();
        let expected = match row.model.as_str() {
            "titan" => (2, 0),
            "cohere" => (3, 0),
            _ => (0, images.max(1)),
        };
        ensure!((row.input_tokens, images) == expected && row.source == "Provider", "{row:#?}");
    }
    Ok(())
}
