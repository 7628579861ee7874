//! Videos: jobs that are paid for once, found again after a restart, given back once where they fail, and nobody else's.

use aigne_hub_tests::harness::{Blueprint, Client, Hub, Outcome, Pricing, Provider, Tenant, eventually, key};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::accounts::{DOLLAR, adds_up, becomes};

/// What a job of [`made`] costs: 4 seconds at 10 cents, doubled.
const PRICE: i64 = 800_000_000;

/// A provider in each way, and two tenants on credits.
fn blueprint(upstream: &Scripted) -> Blueprint {
    let rates = json!([{"model": "*", "cost": {"second": "0.1"}}]);
    let priced = |name: &str| Pricing::new(name).set("rates", rates.clone()).set("margin", json!("100%"));
    let billing = json!({"mode": "Credits", "starterCredits": "5.00"});
    Blueprint::default()
        .provider(
            Provider::new("openai", "OpenAI", upstream).with_model(json!({"name": "sora", "type": "Video"})),
        )
        .provider(
            Provider::new("google", "Gemini", upstream).with_model(json!({"name": "veo", "type": "Video"})),
        )
        .provider(
            Provider::new("grok", "XAI", upstream).with_model(json!({"name": "imagine", "type": "Video"})),
        )
        .provider(
            Provider::new("ark", "Doubao", upstream).with_model(json!({"name": "seedance", "type": "Video"})),
        )
        .pricing(priced("openai"))
        .pricing(priced("grok"))
        .pricing(priced("ark"))
        .pricing(priced("google"))
        .tenant(Tenant::new("acme").set("billing", billing.clone()))
        .tenant(Tenant::new("other").set("billing", billing))
}

async fn hub(upstream: &Scripted) -> anyhow::Result<Hub> {
    let hub = blueprint(upstream).start().await?;
    for account in ["hub/acme", "hub/other"] {
        becomes(&hub, account, 5 * DOLLAR).await?;
    }
    Ok(hub)
}

/// Makes a job that looks see in these states; its id.
async fn made(client: &Client, model: &str, states: &str) -> anyhow::Result<String> {
    let asked = json!({"model": model, "prompt": format!("a cat [[job={states}]]"), "size": "1280x720"});
    let job = client.post("/v1/videos", &asked).await?.good()?;
    ensure!(job["object"] == "video" && job["status"] == "queued" && job["seconds"] == "4", "{job}");
    let id = job["id"].as_str().context("id")?;
    ensure!(id.starts_with("video_") && !id.contains("scripted"), "{job}");
    Ok(id.to_owned())
}

async fn look(client: &Client, id: &str) -> anyhow::Result<Value> {
    let job = client.get(&format!("/v1/videos/{id}")).await?.good()?;
    ensure!(job["id"] == id, "{job}");
    Ok(job)
}

#[tokio::test]
async fn a_job_is_made_looked_at_fetched_and_charged_once() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    let client = hub.client();
    let providers =
        [("sora", "hub/openai"), ("veo", "hub/google"), ("imagine", "hub/grok"), ("seedance", "hub/ark")];
    for (made_before, (model, provider)) in providers.into_iter().enumerate() {
        let id = made(&client, model, "queued,in_progress,completed").await?;
        for at in 0..20 {
            let job = look(&client, &id).await?;
            // Google and xAI tell no queue apart.
            let tells = matches!(model, "sora" | "seedance");
            let states = if tells { ["queued", "in_progress"] } else { ["in_progress"; 2] };
            ensure!(job["status"] == states.get(at).copied().unwrap_or("completed"), "{at}: {job}");
            ensure!(job["seconds"] == "4" && job["size"] == "1280x720" && job["error"].is_null(), "{job}");
        }
        let film = client.get(&format!("/v1/videos/{id}/content")).await?;
        ensure!(film.status == 200 && film.header("content-type") == "video/mp4", "{film:?}");
        ensure!(
            film.body.get(4..8) == Some(b"ftyp")
                && film.header("content-length") == film.body.len().to_string()
        );
        ensure!(
            film.header("set-cookie").is_empty() && film.header("openai-organization").is_empty(),
            "{film:?}"
        );
        let rows = hub.rows(made_before + 1).await?;
        let row = rows.iter().find(|row| row.model == model).context("a row")?;
        ensure!(
            row.provider == provider && row.more["media_ms"] == 4_000 && row.source == "Provider",
            "{row:#?}"
        );
        ensure!(row.cost_nanos == Some(PRICE / 2) && row.price_nanos == Some(PRICE), "{row:#?}");
    }
    becomes(&hub, "hub/acme", 5 * DOLLAR - 4 * PRICE).await?;
    ensure!(!hub.access_log().text().contains("sk-upstream") && !hub.logs().text().contains("sk-upstream"));
    adds_up(&hub).await
}

#[tokio::test]
async fn a_part_of_a_video_is_fetched() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    for model in ["sora", "veo", "imagine", "seedance"] {
        let client = hub.client();
        let id = made(&client, model, "completed").await?;
        look(&client, &id).await?;
        let path = format!("/v1/videos/{id}/content");
        let whole = client.get(&path).await?;
        ensure!(
            whole.header("accept-ranges") == "bytes" && whole.header("content-range").is_empty(),
            "{whole:?}"
        );
        let length = whole.body.len();
        for (range, from, to) in
            [("bytes=0-9", 0, 10), ("bytes=10-", 10, length), ("bytes=-5", length - 5, length)]
        {
            let part = client.clone().header("range", range).header("x-secret", "no").get(&path).await?;
            ensure!(part.status == 206 && part.body == whole.body.slice(from..to), "{range}: {part:?}");
            let said = format!("bytes {from}-{}/{length}", to - 1);
            ensure!(
                part.header("content-range") == said && part.header("accept-ranges") == "bytes",
                "{part:?}"
            );
            ensure!(part.header("content-length") == (to - from).to_string(), "{part:?}");
        }
        let beyond = client.clone().header("range", "bytes=999999-").get(&path).await?;
        beyond.openai_error(416)?;
        ensure!(beyond.header("content-range") == format!("bytes */{length}"), "{beyond:?}");
        // What cannot be passed on is answered with the whole, as HTTP has it.
        for (name, value) in [("range", "bytes=0-1,3-4"), ("if-range", "\"abc\"")] {
            let asked = client.clone().header(name, value);
            let asked = if name == "range" { asked } else { asked.header("range", "bytes=0-1") };
            let answer = asked.get(&path).await?;
            ensure!(answer.status == 200 && answer.body == whole.body, "{answer:?}");
        }
    }
    let fetches = upstream.entries().into_iter().filter(|entry| entry.header("range").is_some());
    for entry in fetches {
        let path = &entry.path;
        ensure!(path.ends_with("/content") || path.contains(":download"), "{path}");
        ensure!(entry.header("x-secret").is_none() && entry.header("if-range").is_none(), "{entry:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failed_job_is_given_back_once_whoever_looks_and_restarts() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = hub(&upstream).await?;
    let mut ids = Vec::new();
    for (model, states) in [
        ("sora", "in_progress,failed"),
        ("veo", "in_progress,failed"),
        ("veo", "filtered"),
        ("imagine", "failed"),
        ("imagine", "filtered"),
        ("seedance", "failed"),
    ] {
        ids.push(made(&hub.client(), model, states).await?);
    }
    hub.rows(6).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 6 * PRICE).await?;
    for id in &ids {
        let client = hub.client();
        let seen = try_join_all((0..20).map(|_| look(&client, id))).await?;
        for job in seen.iter().filter(|job| job["status"] == "failed") {
            let why = job["error"]["message"].as_str().unwrap_or_default();
            let says = why.starts_with("not this") || why == "the provider made no video";
            ensure!(says && job["error"]["code"].is_string(), "{job}");
        }
        ensure!(seen.iter().any(|job| job["status"] == "failed"), "{seen:?}");
    }
    becomes(&hub, "hub/acme", 5 * DOLLAR).await?;
    for end in 0..2 {
        hub.sigkill().await?;
        hub.restart().await?;
        for id in &ids {
            ensure!(look(&hub.client(), id).await?["status"] == "failed", "after restart {end}");
            let film = hub.client().get(&format!("/v1/videos/{id}/content")).await?;
            ensure!(film.status == 400 || film.status == 404, "{film:?}");
        }
    }
    hub.rows(6).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR).await?;
    adds_up(&hub).await
}

/// With the clock put on, as nobody waits for minutes here.
#[tokio::test]
async fn a_failed_job_that_nobody_polls_is_given_back_all_the_same() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    for (model, states) in [
        ("sora", "failed"),
        ("veo", "filtered"),
        ("sora", "completed"),
        ("sora", "in_progress"),
        ("veo", "500,failed"),
    ] {
        made(&hub.client(), model, states).await?;
    }
    becomes(&hub, "hub/acme", 5 * DOLLAR - 5 * PRICE).await?;
    let count = |from: usize| {
        upstream.entries().split_off(from).into_iter().filter(|one| one.method == "GET").count()
    };
    ensure!(count(0) == 0, "nobody looked yet");
    // The first look of an hour later: two have failed, one is done, two may yet end.
    let hub = hub.again(["--clock-offset", "+1h"]).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 3 * PRICE).await?;
    eventually("all five were looked at", async || Ok((count(0) == 5).then_some(()))).await?;
    let before = upstream.entries().len();
    // Two minutes later only those are looked at that have not ended.
    let hub = hub.again(["--clock-offset", "+3h"]).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 2 * PRICE).await?;
    eventually("two were looked at", async || Ok((count(before) == 2).then_some(()))).await?;
    // What nobody can tell in two days stays charged, and a person is told.
    let hub = hub.again(["--clock-offset", "+51h"]).await?;
    eventually("it is given up", async || {
        Ok(hub.logs().text().contains("what it cost stays charged").then_some(()))
    })
    .await?;
    let given_up = hub.admin_client().get("/metrics").await?.text();
    ensure!(given_up.contains("aigne_hub_jobs_given_up_total 1"), "{given_up}");
    let asked = upstream.entries().len();
    let hub = hub.again(["--clock-offset", "+99h"]).await?;
    hub.client().get("/v1/models").await?.good()?;
    hub.rows(5).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 2 * PRICE).await?;
    ensure!(upstream.entries().len() == asked, "nobody looks any more");
    adds_up(&hub).await
}

#[tokio::test]
async fn nobody_elses_job_exists() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    let other = hub.client_with(&key("other", "app"));
    for model in ["sora", "veo"] {
        let id = made(&hub.client(), model, "failed").await?;
        let asked = upstream.entries().len();
        let tampered = format!("{}{}", &id[..id.len() - 1], if id.ends_with('A') { 'B' } else { 'A' });
        let shorter = &id[..id.len() - 2];
        for (client, id) in [
            (&other, &*id),
            (&hub.client(), &tampered),
            (&hub.client(), shorter),
            (&other, "video_scripted_1"),
        ] {
            let path = format!("/v1/videos/{id}");
            for answer in [
                client.get(&path).await?,
                client.get(&format!("{path}/content")).await?,
                client.delete(&path).await?,
            ] {
                let error = answer.openai_error(404)?;
                ensure!(
                    error["code"] == "unknown_video" && error["type"] == "invalid_request_error",
                    "{error}"
                );
            }
        }
        ensure!(upstream.entries().len() == asked, "the provider hears nothing of it");
    }
    becomes(&hub, "hub/acme", 5 * DOLLAR - 2 * PRICE).await?;
    becomes(&hub, "hub/other", 5 * DOLLAR).await
}

#[tokio::test]
async fn a_provider_that_fails_between_looks_changes_nothing() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    let client = hub.client();
    for model in ["sora", "veo"] {
        let id = made(&client, model, "in_progress,cut,500,503,429,completed").await?;
        let path = format!("/v1/videos/{id}");
        ensure!(look(&client, &id).await?["status"] == "in_progress");
        for status in [502, 500, 503, 429] {
            client.get(&path).await?.openai_error(status)?;
        }
        ensure!(look(&client, &id).await?["status"] == "completed");
    }
    hub.rows(2).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 2 * PRICE).await?;
    // Gone altogether.
    let id = made(&client, "sora", "completed").await?;
    drop(upstream);
    let path = format!("/v1/videos/{id}");
    for answer in [client.get(&path).await?, client.get(&format!("{path}/content")).await?] {
        answer.openai_error(502)?;
    }
    becomes(&hub, "hub/acme", 5 * DOLLAR - 3 * PRICE).await
}

#[tokio::test]
async fn a_video_is_deleted_where_the_provider_can() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    let client = hub.client();
    let id = made(&client, "sora", "completed").await?;
    let path = format!("/v1/videos/{id}");
    let gone = client.delete(&path).await?.good()?;
    ensure!(gone["deleted"] == true && gone["id"] == *id && gone["object"] == "video.deleted", "{gone}");
    // The provider's own word for it: the id can still be read.
    client.get(&path).await?.openai_error(404)?;
    let id = made(&client, "veo", "completed").await?;
    let refused = client.delete(&format!("/v1/videos/{id}")).await?.openai_error(400)?;
    ensure!(refused["message"].as_str().is_some_and(|message| message.contains("Gemini")), "{refused}");
    // Whoever deletes a job that failed has its price back, though nobody looked.
    let failed = made(&client, "sora", "failed").await?;
    client.delete(&format!("/v1/videos/{failed}")).await?.good()?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - 2 * PRICE).await
}

#[tokio::test]
async fn who_has_no_videos_says_so_when_one_is_made() -> Outcome {
    let upstream = Scripted::start().await?;
    let models = json!([{"model": "*", "cost": {"second": "0.1"}}]);
    let mut blueprint = Blueprint::default().tenant(Tenant::new("acme"));
    let kinds = ["DeepSeek", "OpenRouter", "Poe", "Anthropic"];
    for kind in kinds {
        let name = kind.to_lowercase();
        let model = json!({"name": format!("film-{name}"), "type": "Video"});
        blueprint = blueprint
            .provider(Provider::new(&name, kind, &upstream).with_model(model))
            .pricing(Pricing::new(&name).set("rates", models.clone()));
    }
    let hub = blueprint.start().await?;
    for kind in kinds {
        let name = kind.to_lowercase();
        let asked = json!({"model": format!("film-{name}"), "prompt": "a cat"});
        let error = hub.client().post("/v1/videos", &asked).await?.openai_error(400)?;
        let message = error["message"].as_str().unwrap_or_default();
        ensure!(
            error["param"] == "model" && message.contains(&name) && message.contains("has no videos"),
            "{error}"
        );
    }
    ensure!(upstream.entries().is_empty(), "nothing was sent");
    Ok(())
}

/// Whether there was a video before, nobody can tell: who waits until it is gone gets nothing back.
#[tokio::test]
async fn what_has_expired_is_not_given_back() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = hub(&upstream).await?;
    let id = made(&hub.client(), "imagine", "expired").await?;
    let job = look(&hub.client(), &id).await?;
    ensure!(job["status"] == "failed" && job["error"]["code"] == "expired", "{job}");
    hub.rows(1).await?;
    becomes(&hub, "hub/acme", 5 * DOLLAR - PRICE).await
}
