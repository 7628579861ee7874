//! OpenAI chat completions and legacy completions.

use serde_json::Value;

use super::{Finish, Told, arguments, list, logprobs, number, text, word};
use crate::scripted::Tokens;

pub(super) fn read(bodies: &[Value], stream: bool) -> Told {
    let mut told = Told::default();
    // By their index: name, and arguments in pieces.
    let mut calls: Vec<(String, String)> = Vec::new();
    for body in bodies {
        shared(&mut told, body);
        for choice in list(&body["choices"]).iter().filter(|choice| number(&choice["index"]) == 0) {
            let message = if stream { &choice["delta"] } else { &choice["message"] };
            told.pieces += usize::from(!text(&message["content"]).is_empty());
            told.text.push_str(text(&message["content"]));
            let thought =
                if message["reasoning_content"].is_string() { "reasoning_content" } else { "reasoning" };
            told.thinking.push_str(text(&message[thought]));
            if let Some(refusal) = message["refusal"].as_str() {
                told.refusal.get_or_insert_default().push_str(refusal);
            }
            for detail in list(&message["reasoning_details"]) {
                told.signature =
                    word(&detail["signature"]).or_else(|| word(&detail["data"])).or(told.signature.take());
            }
            let titles = list(&message["annotations"])
                .iter()
                .map(|note| text(&note["url_citation"]["title"]).to_owned());
            told.citations.extend(titles);
            for (at, call) in list(&message["tool_calls"]).iter().enumerate() {
                let index =
                    call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(at);
                calls.resize_with(calls.len().max(index + 1), Default::default);
                if let Some((name, pieces)) = calls.get_mut(index) {
                    name.push_str(text(&call["function"]["name"]));
                    pieces.push_str(text(&call["function"]["arguments"]));
                }
                let signature = word(&call["extra_content"]["google"]["thought_signature"]);
                told.signature = told.signature.take().or(signature);
            }
            told.logprobs.extend(logprobs(&choice["logprobs"]["content"], "logprob"));
        }
    }
    told.calls = calls.into_iter().map(|(name, pieces)| (name, arguments(&pieces))).collect();
    told
}

pub(super) fn read_legacy(bodies: &[Value], _stream: bool) -> Told {
    let mut told = Told::default();
    for body in bodies {
        shared(&mut told, body);
        for choice in list(&body["choices"]).iter().filter(|choice| number(&choice["index"]) == 0) {
            told.pieces += usize::from(!text(&choice["text"]).is_empty());
            told.text.push_str(text(&choice["text"]));
            let tokens = list(&choice["logprobs"]["token_logprobs"]);
            told.logprobs.extend(tokens.iter().filter_map(Value::as_f64));
        }
    }
    told
}

fn shared(told: &mut Told, body: &Value) {
    for choice in list(&body["choices"]) {
        if number(&choice["index"]) > 0 {
            for said in [&choice["text"], &choice["message"]["content"], &choice["delta"]["content"]] {
                told.others.push_str(text(said));
            }
        }
        told.choices = told.choices.max(usize::try_from(number(&choice["index"])).unwrap_or(0) + 1);
        if let Some(reason) = choice["finish_reason"].as_str() {
            told.finish = Some(match reason {
                "stop" => Finish::Done,
                "length" => Finish::Length,
                "tool_calls" => Finish::Calls,
                "content_filter" => Finish::Declined,
                other => Finish::Other(other.into()),
            });
        }
    }
    // Some say it in a word.
    told.error = word(&body["error"]["message"]).or_else(|| word(&body["error"])).or(told.error.take());
    told.tier = word(&body["service_tier"]).or(told.tier.take());
    let usage = &body["usage"];
    if usage.is_object() {
        let details = &usage["prompt_tokens_details"];
        let cached = number(&details["cached_tokens"]).max(number(&usage["prompt_cache_hit_tokens"]));
        let written = number(&details["cache_write_tokens"]);
        let reasoning = number(&usage["completion_tokens_details"]["reasoning_tokens"]);
        // Where they are not within, the total tells.
        let (prompt, completion) = (number(&usage["prompt_tokens"]), number(&usage["completion_tokens"]));
        let apart = number(&usage["total_tokens"]) == prompt + completion + reasoning;
        told.tokens = Some(Tokens {
            input: prompt.saturating_sub(cached + written),
            cached,
            cache_write: written,
            output: completion + if apart { reasoning } else { 0 },
            reasoning,
            cost: None,
        });
    }
}
