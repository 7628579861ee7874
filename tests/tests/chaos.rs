//! Everything at once: whatever happens, what a client got is in the ledger exactly once, and nothing is twice.

use std::collections::HashMap;
use std::time::Duration;

use aigne_hub_tests::harness::asks::{chat, message, with};
use aigne_hub_tests::harness::{Answer, Blueprint, Hub, Outcome, Row, Tenant, key};
use aigne_hub_tests::scripted::Scripted;
use futures::StreamExt;
use serde_json::json;

/// The same sequence each time (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}

/// One thing that a client does; the request itself scripts what the provider does.
#[derive(Clone, Debug)]
struct Deed {
    path: &'static str,
    model: &'static str,
    stream: bool,
    directives: String,
    /// The provider's answer is whole and proper, with this many output tokens.
    output: Option<u64>,
    /// The client leaves after so long.
    patience: Option<Duration>,
}

fn deeds(seed: u64, count: usize) -> Vec<Deed> {
    let mut dice = Dice(seed);
    let mut deeds = Vec::new();
    for number in 0..count {
        let output = 1000 + u64::try_from(number).unwrap_or_default();
        let trouble = match dice.roll(12) {
            0 => Some("status=500"),
            1 => Some("status=429 retry_after=0"),
            2 => Some("status=400"),
            3 => Some("cut_after=3"),
            4 => Some("reset_after=3"),
            5 => Some("error_after=3"),
            6 => Some("unterminated_after=3"),
            _ => None,
        };
        let pace = dice.roll(4);
        let directives =
            format!("chunks=8 output={output} input=7 pace={pace} {}", trouble.unwrap_or_default());
        deeds.push(Deed {
            path: ["/v1/chat/completions", "/v1/messages"][dice.roll(2)],
            model: ["gpt", "sonnet"][dice.roll(2)],
            stream: dice.roll(3) > 0,
            directives,
            output: trouble.is_none().then_some(output),
            patience: (dice.roll(8) == 0)
                .then(|| Duration::from_millis(u64::try_from(dice.roll(30)).unwrap_or_default())),
        });
    }
    deeds
}

/// What the client got: a whole answer, or anything else.
async fn act(hub: &Hub, deed: &Deed) -> Option<(String, u64)> {
    let text = format!("[[{}]]", deed.directives);
    let body =
        if deed.path.ends_with("messages") { message(deed.model, &text) } else { chat(deed.model, &text) };
    let (client, body) = (hub.client(), with(body, json!({"stream": deed.stream})));
    let asking = client.post(deed.path, &body);
    let answer = match deed.patience {
        None => asking.await.ok(),
        Some(patience) => tokio::time::timeout(patience, asking).await.ok().and_then(Result::ok),
    };
    let answer = answer.filter(is_whole)?;
    Some((answer.request_id().to_owned(), deed.output?))
}

fn is_whole(answer: &Answer) -> bool {
    let text = answer.text();
    let ended = text.contains("[DONE]") || text.contains("message_stop") || !text.contains("data: ");
    answer.status == 200 && ended && !text.contains("\"error\"")
}

/// The writer has come to them: an attempt that never reached the provider has a row too, so their number says little.
fn are_in(rows: &[Row], got: &[(String, u64)]) -> bool {
    got.iter().all(|(id, _)| rows.iter().any(|row| row.request_id == *id && row.status == "Completed"))
}

/// Each whole answer has one row with the provider's own count, and no attempt has two rows.
fn reconcile(rows: &[Row], got: &[(String, u64)]) {
    let mut attempts: HashMap<(&str, u32), usize> = HashMap::new();
    for row in rows {
        *attempts.entry((&row.request_id, row.attempt)).or_default() += 1;
    }
    let doubled: Vec<_> = attempts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    for (id, output) in got {
        let found: Vec<_> =
            rows.iter().filter(|row| row.request_id == *id && row.status == "Completed").collect();
        assert_eq!(found.len(), 1, "{id}: {found:#?}");
        assert_eq!(
            (found[0].source.as_str(), found[0].output_tokens),
            ("Provider", *output),
            "{:#?}",
            found[0]
        );
    }
}

#[tokio::test]
async fn every_attempt_has_one_row_in_any_trouble() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).threads(2).start().await?;
    let deeds = deeds(42, 300);
    let got: Vec<_> =
        futures::stream::iter(&deeds).map(|deed| act(&hub, deed)).buffer_unordered(12).collect().await;
    let got: Vec<_> = got.into_iter().flatten().collect();
    assert!(got.len() > 80, "most requests go well: {}", got.len());
    // A request that reached the provider was an attempt; one that did not (its client left at once) may be.
    let asked = upstream.asked().len();
    let rows = aigne_hub_tests::harness::eventually("a row for each attempt", async || {
        Ok(Some(hub.rows_now().await?).filter(|rows| rows.len() >= asked && are_in(rows, &got)))
    })
    .await?;
    assert!(rows.len() <= deeds.len() * 2, "{} rows", rows.len());
    reconcile(&rows, &got);
    assert!(!hub.logs().text().contains("panicked"), "{}", hub.logs().text());
    hub.client().chat(&chat("gpt", "still there?")).await?.good()?;
    Ok(())
}

#[tokio::test]
async fn sigkill_at_any_time_loses_nothing_that_was_answered() -> Outcome {
    let upstream = Scripted::start().await?;
    let mut hub = Blueprint::usual(&upstream).threads(2).start().await?;
    let mut got = Vec::new();
    for round in 0..4 {
        let deeds = deeds(1000 + round, 80);
        let (enough, mut answered) = (10 + usize::try_from(round)? * 7, 0);
        let mut acting = futures::stream::iter(&deeds).map(|deed| act(&hub, deed)).buffer_unordered(8);
        while let Some(result) = acting.next().await {
            got.extend(result);
            answered += 1;
            if answered == enough {
                break;
            }
        }
        drop(acting);
        hub.sigkill().await?;
        hub.restart().await?;
    }
    let asked = upstream.asked().len();
    let rows = aigne_hub_tests::harness::eventually("a row for each attempt", async || {
        Ok(Some(hub.rows_now().await?).filter(|rows| rows.len() >= asked && are_in(rows, &got)))
    })
    .await?;
    reconcile(&rows, &got);
    Ok(())
}

#[tokio::test]
async fn changes_during_traffic_disturb_nobody() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).tenant(Tenant::new("restless")).threads(2).start().await?;
    let client = hub.client();
    let traffic = async {
        for number in 0..150 {
            let text = format!("[[chunks=4 pace={}]]", number % 4);
            let body = with(chat(["gpt", "sonnet"][number % 2], &text), json!({"stream": number % 3 > 0}));
            client.chat(&body).await?.ok()?;
        }
        anyhow::Ok(())
    };
    let changes = async {
        for number in 0..40 {
            hub.apply(Tenant::new("restless").set("displayName", json!(format!("Number {number}"))))?;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        anyhow::Ok(())
    };
    futures::future::try_join(traffic, changes).await?;
    hub.client_with(&key("restless", "app")).get("/v1/models").await?.good()?;
    hub.rows(150).await?;
    Ok(())
}

/// A valid request with bytes changed, removed and doubled at random: never the gateway's fault, never its end.
#[tokio::test]
async fn mangled_requests_are_the_clients_fault() -> Outcome {
    let upstream = Scripted::start().await?;
    let hub = Blueprint::usual(&upstream).start().await?;
    let client = hub.client();
    let mut dice = Dice(7);
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let openai = with(
        chat("MODEL", "é \u{1F600}"),
        json!({"tools": tools, "stream": true, "stop": ["a"], "max_tokens": 9}),
    );
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let anthropic =
        with(message("MODEL", "é \u{1F600}"), json!({"tools": tools, "stream": true, "system": "s"}));
    for number in 0..400 {
        let (path, body) = [("/v1/chat/completions", &openai), ("/v1/messages", &anthropic)][number % 2];
        let mut bytes = body.to_string().replace("MODEL", ["gpt", "sonnet"][dice.roll(2)]).into_bytes();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes[at] = u8::try_from(dice.roll(256)).unwrap_or_default(),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, *b"{}[]\",:\\0 \n\xff".get(dice.roll(12)).unwrap_or(&0)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer =
            client.post_bytes(path, bytes.into()).await.map_err(|error| error.context(text.clone()))?;
        assert!(answer.status < 500, "{}: {text}: {}", answer.status, answer.text());
    }
    assert!(!hub.logs().text().contains("panicked"), "{}", hub.logs().text());
    client.chat(&chat("gpt", "still there?")).await?.good()?;
    Ok(())
}
