//! The scripted provider does what its scripts say: the other tests lean on it.

use aigne_hub_tests::harness::{Client, Outcome, until};
use aigne_hub_tests::scripted::{Dialect, Ending, Gate, Outcome as Ended, Script, Scripted, Tokens};
use serde_json::{Value, json};

fn question(stream: bool, text: &str) -> Value {
    json!({"model": "m", "stream": stream, "max_tokens": 100, "messages": [{"role": "user", "content": text}]})
}

async fn provider() -> anyhow::Result<(Scripted, Client)> {
    let provider = Scripted::start().await?;
    let client = Client::new(&provider.origin(), None);
    Ok((provider, client))
}

#[tokio::test]
async fn both_wires_say_the_same() -> Outcome {
    let (provider, client) = provider().await?;
    let tokens = Tokens { input: 25, cached: 100, output: 15, reasoning: 5, ..Tokens::default() };
    provider.always(Script::text("It is fine.").reasoning("Let me see").usage(Dialect::OpenAI, tokens));

    let chat = client.chat(&question(false, "hi")).await?.good()?;
    assert_eq!(chat["choices"][0]["message"]["content"], "It is fine.");
    assert_eq!(chat["choices"][0]["message"]["reasoning_content"], "Let me see");
    assert_eq!(chat["usage"]["prompt_tokens"], 125);
    let message = client.messages(&question(false, "hi")).await?.good()?;
    assert_eq!(message["content"][1]["text"], "It is fine.");
    assert_eq!(message["usage"]["input_tokens"], 25);

    let chunks = client.chat(&question(true, "hi")).await?.events()?;
    let text: String = chunks
        .iter()
        .filter_map(|e| Some(e.json()["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(text, "It is fine.");
    assert_eq!(chunks.last().map(|event| event.data.as_str()), Some("[DONE]"));
    let events = client.messages(&question(true, "hi")).await?.events()?;
    let text: String =
        events.iter().filter_map(|e| Some(e.json()["delta"]["text"].as_str()?.to_owned())).collect();
    assert_eq!(text, "It is fine.");
    assert_eq!(events.last().map(|event| event.name.as_str()), Some("message_stop"));
    assert_eq!(provider.totals().answers, 4);
    Ok(())
}

#[tokio::test]
async fn a_request_scripts_its_own_answer() -> Outcome {
    let (_provider, client) = provider().await?;
    let answer = client.chat(&question(false, "[[status=429 retry_after=3 message=slow+down]]")).await?;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "3"));
    assert_eq!(answer.json()?["error"]["message"], "slow down");
    let answer = client.messages(&question(false, "[[status=529]]")).await?;
    assert_eq!(answer.json()?["error"]["type"], "overloaded_error");
    Ok(())
}

#[tokio::test]
async fn streams_break_as_scripted_and_the_journal_tells() -> Outcome {
    let (provider, client) = provider().await?;
    for ending in [Ending::Cut { after: 2 }, Ending::Reset { after: 2 }] {
        let gate = Gate::admitting(2);
        provider.next(Script::chunks(5).ending(ending).gate(&gate));
        let mut live = client.live("/v1/chat/completions", &question(true, "hi")).await?;
        live.event().await?;
        live.event().await?;
        gate.admit(1);
        let broken = format!("{:?}", live.rest().await.err());
        let reset = matches!(ending, Ending::Reset { .. });
        assert_eq!(broken.contains("reset by peer"), reset, "{ending:?}: {broken}");
        assert_ne!(broken, "None", "{ending:?} must break the body");
    }
    provider.next(Script::chunks(5).ending(Ending::Unterminated { after: 2 }));
    assert_eq!(client.chat(&question(true, "hi")).await?.events()?.len(), 2);
    let ended: Vec<Ended> = provider.entries().iter().map(|entry| entry.outcome).collect();
    assert_eq!(ended, [Ended::Broken, Ended::Broken, Ended::Complete]);
    Ok(())
}

#[tokio::test]
async fn a_gate_holds_each_event_and_a_client_that_leaves_is_seen() -> Outcome {
    let (provider, client) = provider().await?;
    let gate = Gate::admitting(2);
    provider.always(Script::chunks(5).gate(&gate));
    let mut live = client.live("/v1/chat/completions", &question(true, "hi")).await?;
    live.event().await?;
    live.event().await?;
    assert_eq!(provider.entries()[0].events, 2);
    drop(live);
    until("the provider sees the client leave", || provider.entries()[0].outcome == Ended::ClientLeft).await
}

#[tokio::test]
async fn a_dripping_head_arrives_whole() -> Outcome {
    let (_provider, client) = provider().await?;
    let begun = std::time::Instant::now();
    let answer = client.chat(&question(false, "[[drip=1 text=slow]]")).await?.good()?;
    assert_eq!(answer["choices"][0]["message"]["content"], "slow");
    assert!(begun.elapsed().as_millis() > 100, "a head has hundreds of bytes, a millisecond each");
    Ok(())
}
