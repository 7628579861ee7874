//! OpenAI responses. Of a stream, the events must add up to what the last one says.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Finish, Told, arguments, list, logprobs, number, text, word};
use crate::scripted::Tokens;

pub(super) fn read(bodies: &[Value], stream: bool) -> anyhow::Result<Told> {
    if !stream {
        return Ok(whole(bodies.first().context("no body")?));
    }
    let (mut pieces, mut said) = (0, String::new());
    for (number, event) in bodies.iter().enumerate() {
        ensure!(
            event["sequence_number"].as_u64() == u64::try_from(number).ok(),
            "sequence_number of {event}"
        );
        if event["type"] == "response.output_text.delta" {
            pieces += 1;
            said.push_str(text(&event["delta"]));
        }
    }
    let last = bodies.last().context("no event")?;
    let mut told = match text(&last["type"]) {
        "response.completed" | "response.incomplete" => whole(&last["response"]),
        "response.failed" => Told { error: word(&last["response"]["error"]["message"]), ..Told::default() },
        "error" => Told { error: word(&last["message"]), ..Told::default() },
        other => anyhow::bail!("the last event is {other}"),
    };
    ensure!(told.error.is_some() || told.text == said, "deltas {said:?}, whole {:?}", told.text);
    told.pieces = pieces;
    Ok(told)
}

fn whole(body: &Value) -> Told {
    let mut told = Told { choices: 1, tier: word(&body["service_tier"]), ..Told::default() };
    for item in list(&body["output"]) {
        match text(&item["type"]) {
            "message" => {
                for part in list(&item["content"]) {
                    told.text.push_str(text(&part["text"]));
                    told.refusal = word(&part["refusal"]).or(told.refusal.take());
                    told.citations.extend(
                        list(&part["annotations"]).iter().map(|note| text(&note["title"]).to_owned()),
                    );
                    told.logprobs.extend(logprobs(&part["logprobs"], "logprob"));
                }
            }
            "reasoning" => {
                for part in list(&item["summary"]).iter().chain(list(&item["content"])) {
                    told.thinking.push_str(text(&part["text"]));
                }
                told.signature = word(&item["encrypted_content"]).or(told.signature.take());
            }
            "function_call" => {
                told.calls.push((text(&item["name"]).into(), arguments(text(&item["arguments"]))));
            }
            _ => {}
        }
    }
    told.finish = Some(match (text(&body["status"]), text(&body["incomplete_details"]["reason"])) {
        ("completed", _) if !told.calls.is_empty() => Finish::Calls,
        ("completed", _) => Finish::Done,
        ("incomplete", "max_output_tokens") => Finish::Length,
        ("incomplete", "content_filter") => Finish::Declined,
        (status, _) => Finish::Other(status.into()),
    });
    let usage = &body["usage"];
    told.tokens = usage.is_object().then(|| {
        let details = &usage["input_tokens_details"];
        let (cached, written) = (number(&details["cached_tokens"]), number(&details["cache_write_tokens"]));
        Tokens {
            input: number(&usage["input_tokens"]).saturating_sub(cached + written),
            cached,
            cache_write: written,
            output: number(&usage["output_tokens"]),
            reasoning: number(&usage["output_tokens_details"]["reasoning_tokens"]),
            cost: None,
        }
    });
    told
}
