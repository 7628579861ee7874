//! What operators see: metrics, probes, one access log line a request, and no secret anywhere.

use aigne_hub_tests::harness::asks::{chat, message, streamed, with};
use aigne_hub_tests::harness::{Blueprint, Client, Command, Outcome, Provider, key, until};
use aigne_hub_tests::scripted::{Ending, Script, Scripted};
use serde_json::json;

#[tokio::test]
async fn probes_and_metrics_have_a_listener_of_their_own() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(hub.admin_client().get(path).await?.status, 200, "{path}");
        assert_eq!(hub.client().get(path).await?.status, 404, "{path} is not for clients");
    }
    assert_eq!(hub.client().get("/metrics").await?.status, 404);
    hub.client().chat(&chat("gpt", "hi")).await?.good()?;
    hub.client().messages(&streamed(message("gpt", "hi"))).await?.ok()?;
    hub.client().chat(&chat("no-such-model", "hi")).await?.openai_error(404)?;
    hub.rows(2).await?;
    let metrics = hub.admin_client().get("/metrics").await?.text();
    for name in [
        "gen_ai_client_token_usage",
        "gen_ai_client_operation_duration",
        "gen_ai_server_request_duration",
        "gen_ai_server_time_to_first_token",
    ] {
        let alternatives =
            [name.to_owned(), name.replace("_client_", "_server_"), name.replace("_server_", "_client_")];
        assert!(alternatives.iter().any(|name| metrics.contains(name)), "{name}: {metrics}");
    }
    for label in
        ["gen_ai_request_model=\"gpt\"", "gen_ai_token_type=\"input\"", "gen_ai_token_type=\"output\""]
    {
        assert!(metrics.contains(label), "{label}: {metrics}");
    }
    assert!(!metrics.contains("acme"), "tenants and keys are no labels by default");
    Ok(())
}

#[tokio::test]
async fn each_request_is_one_line_of_the_access_log() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let client = hub.client();
    let answers = [
        client.chat(&chat("gpt", "hi")).await?,
        client.messages(&streamed(message("gpt", "hi"))).await?,
        client.chat(&chat("no-such-model", "hi")).await?,
        client.get("/v1/models").await?,
        Client::new(hub.origin(), None).chat(&chat("gpt", "hi")).await?,
        client.post_bytes("/v1/chat/completions", "{".into()).await?,
    ];
    until("all lines are there", || hub.access_log().lines().len() >= answers.len()).await?;
    let lines = hub.access_log().json();
    assert_eq!(
        (lines.len(), hub.access_log().lines().len()),
        (answers.len(), answers.len()),
        "JSON, one line each"
    );
    for answer in &answers {
        let found: Vec<_> = lines.iter().filter(|line| line["request_id"] == answer.request_id()).collect();
        assert_eq!(found.len(), 1, "{}", answer.request_id());
        assert_eq!(found[0]["status"], answer.status, "{}", found[0]);
    }
    Ok(())
}

#[tokio::test]
async fn no_secret_and_no_content_is_in_any_output() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).environment("RUST_LOG", "trace").start().await?;
    let (question, answer) = ("the-question-nobody-may-read", "the-answer-nobody-may-read");
    let stranger = "hub-a-stranger-with-a-key-0123456789abcdef";
    let client = hub.client();
    for model in ["gpt", "sonnet"] {
        for script in [
            Script::text(answer),
            Script { message: Some(answer.into()), ..Script::status(400) },
            Script { message: Some(answer.into()), ..Script::status(500) },
            Script::raw(format!("<h1>{answer}</h1>")).with_status(502),
            Script::text(answer).ending(Ending::Cut { after: 4 }),
        ] {
            for stream in [false, true] {
                upstream.next(script.clone());
                // A plain answer that is cut breaks off for the client too.
                let _ = client.chat(&with(chat(model, question), json!({"stream": stream}))).await;
            }
        }
    }
    client.post_bytes("/v1/chat/completions", format!("{{\"model\":\"gpt\",\"{question}").into()).await?;
    Client::new(hub.origin(), Some(stranger)).chat(&chat("gpt", question)).await?;
    let metrics = hub.admin_client().get("/metrics").await?.text();
    hub.sigterm().await?;
    assert!(hub.ended().await?);
    let check = Command::new(["check", "--output", "json", "-f"]).path(&hub.config()).run().await?;
    let usage =
        Command::new(["usage", "--rows", "--output", "json", "--data"]).path(&hub.data()).run().await?;
    let mut outputs = vec![
        ("log", hub.logs().text()),
        ("access log", hub.access_log().text()),
        ("metrics", metrics),
        ("check", check.stdout + &check.stderr),
        ("usage", usage.stdout + &usage.stderr),
    ];
    for entry in std::fs::read_dir(hub.data())? {
        let path = entry?.path();
        if path.is_file() {
            outputs.push(("data", String::from_utf8_lossy(&std::fs::read(path)?).into_owned()));
        }
    }
    let secrets = [
        key("acme", "app"),
        Provider::credential("openai"),
        Provider::credential("claude"),
        stranger.to_owned(),
        question.to_owned(),
        answer.to_owned(),
    ];
    for (name, output) in &outputs {
        for secret in &secrets {
            assert!(!output.contains(secret), "{secret} is in the {name}");
        }
    }
    Ok(())
}
