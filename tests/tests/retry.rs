//! Retry what is safe and useful, before the first client byte, never after.

use std::time::Duration;

use aigne_hub_tests::harness::asks::{chat, message, streamed};
use aigne_hub_tests::harness::{Blueprint, Hub, Outcome, Provider, Tenant};
use aigne_hub_tests::scripted::{Ending, Script, Scripted};
use serde_json::json;
use tokio::net::TcpListener;

/// A provider that is tried three times, and one of the other wire with the same model behind it.
async fn stage() -> anyhow::Result<(Scripted, Scripted, Hub)> {
    let (first, second) = (Scripted::start().await?, Scripted::start().await?);
    let retry = json!({"attempts": 3, "backoff": "10ms", "maxBackoff": "50ms"});
    let timeouts = json!({"connect": "1s", "firstToken": "400ms", "idle": "400ms", "request": "5s"});
    let tenant =
        Tenant::new("acme").set("models", json!({"fallbacks": {"openai/gpt-backed": ["claude/sonnet"]}}));
    let openai = Provider::new("openai", "OpenAI", &first).model("gpt").model("gpt-backed");
    let hub = Blueprint::default()
        .provider(openai.set("retry", retry).set("timeouts", timeouts))
        .provider(Provider::new("claude", "Anthropic", &second).model("sonnet"))
        .tenant(tenant)
        .start()
        .await?;
    Ok((first, second, hub))
}

#[tokio::test]
async fn failures_of_the_provider_are_tried_again() -> Outcome {
    for status in [408, 429, 500, 502, 503, 529] {
        let (first, _second, hub) = stage().await?;
        first.next(Script::status(status));
        first.next(Script::text("at last"));
        let answer = hub.client().chat(&chat("gpt", "hi")).await?.good()?;
        assert_eq!(answer["choices"][0]["message"]["content"], "at last", "{status}");
        assert_eq!(first.asked().len(), 2, "{status}");
        let mut rows = hub.rows(2).await?;
        rows.sort_by_key(|row| row.attempt);
        assert_eq!(rows[0].request_id, rows[1].request_id);
        assert_eq!(
            (rows[0].attempt + 1, &rows[0].status, rows[0].output_tokens),
            (rows[1].attempt, &json!("Failed"), 0)
        );
        assert_eq!((&rows[1].status, rows[1].output_tokens), (&json!("Completed"), 2));
    }
    Ok(())
}

#[tokio::test]
async fn the_attempts_are_bounded_and_the_last_error_is_told() -> Outcome {
    let (first, _second, hub) = stage().await?;
    first.always(Script { message: Some("still broken".into()), ..Script::status(500) });
    let answer = hub.client().chat(&chat("gpt", "hi")).await?;
    assert!(answer.status >= 500, "{}", answer.text());
    answer.openai_error(answer.status)?;
    assert_eq!(first.asked().len(), 3);
    hub.rows(3).await?;
    Ok(())
}

#[tokio::test]
async fn the_clients_own_errors_are_never_tried_again() -> Outcome {
    let (first, _second, hub) = stage().await?;
    for (count, status) in [400, 404, 405, 409, 413, 415, 422].into_iter().enumerate() {
        first.next(Script::status(status));
        let answer = hub.client().chat(&chat("gpt", "hi")).await?;
        assert!((400..500).contains(&answer.status), "{status}: {}", answer.status);
        assert_eq!(first.asked().len(), count + 1, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn retry_after_is_honoured_or_the_answer_says_it() -> Outcome {
    let (first, _second, hub) = stage().await?;
    // Far beyond the longest wait: the client is told instead of kept.
    first.always(Script::status(429).header("retry-after", "3600"));
    let answer = hub.client().chat(&chat("gpt", "hi")).await?;
    answer.openai_error(429)?;
    assert_eq!(answer.header("retry-after"), "3600");
    assert_eq!(first.asked().len(), 1, "no attempt before the time");
    Ok(())
}

#[tokio::test]
async fn connect_errors_are_tried_elsewhere() -> Outcome {
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let second = Scripted::start().await?;
    let shared = json!({"name": "shared", "type": "Chat"});
    let hub = Blueprint::default()
        .provider(
            Provider::at("dead", "OpenAI", &format!("http://127.0.0.1:{port}/v1"))
                .with_model(shared.clone())
                .set("priority", json!(1)),
        )
        .provider(Provider::new("alive", "OpenAI", &second).with_model(shared).set("priority", json!(2)))
        .tenant(Tenant::new("acme"))
        .start()
        .await?;
    hub.client().chat(&chat("shared", "hi")).await?.good()?;
    let rows = hub.rows(2).await?;
    let statuses: Vec<_> = rows.iter().map(|row| (row.provider.as_str(), row.status.clone())).collect();
    assert!(statuses.contains(&("hub/dead", json!("Unreachable"))), "{statuses:?}");
    assert!(statuses.contains(&("hub/alive", json!("Completed"))), "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn fallbacks_cross_providers_and_wires() -> Outcome {
    let (first, second, hub) = stage().await?;
    first.always(Script::status(503));
    second.always(Script::text("from the other"));
    let answer = hub.client().chat(&chat("openai/gpt-backed", "hi")).await?.good()?;
    assert_eq!(answer["choices"][0]["message"]["content"], "from the other");
    let answer = hub.client().messages(&streamed(message("openai/gpt-backed", "hi"))).await?;
    assert!(answer.text().contains("message_stop"), "{}", answer.text());
    assert_eq!(second.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_clients_error_is_not_cured_by_asking_somebody_else() -> Outcome {
    let (first, second, hub) = stage().await?;
    first.always(Script::status(400));
    hub.client().chat(&chat("openai/gpt-backed", "hi")).await?.openai_error(400)?;
    assert_eq!((first.asked().len(), second.asked().len()), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_stalled_provider_is_left_for_the_fallback() -> Outcome {
    let (first, second, hub) = stage().await?;
    first.always(Script::default().ending(Ending::Stall { after: 0 }));
    second.always(Script::text("from the other"));
    let answer = hub.client().chat(&streamed(chat("openai/gpt-backed", "hi"))).await?;
    assert!(answer.text().contains("[DONE]"), "{}", answer.text());
    assert_eq!(second.asked().len(), 1);
    Ok(())
}

#[tokio::test]
async fn nothing_is_retried_after_the_first_client_byte() -> Outcome {
    let (first, second, hub) = stage().await?;
    for ending in [Ending::Cut { after: 4 }, Ending::Error { after: 4 }, Ending::Stall { after: 4 }] {
        let before = first.asked().len();
        first.next(Script { pace: Duration::from_millis(5), ..Script::chunks(20).ending(ending) });
        let answer = hub.client().chat(&streamed(chat("openai/gpt-backed", "hi"))).await?;
        assert!(
            answer.text().contains("piece 0") && answer.text().contains("\"error\""),
            "{}",
            answer.text()
        );
        assert_eq!(answer.text().matches("piece 0").count(), 1);
        assert_eq!(first.asked().len(), before + 1, "{ending:?}");
    }
    assert_eq!(second.asked().len(), 0);
    hub.rows(3).await?;
    Ok(())
}
