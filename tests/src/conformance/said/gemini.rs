//! Google Gemini: a stream is whole answers, of which each has a part.

use serde_json::Value;

use super::{Finish, Told, list, logprobs, number, text, word};
use crate::scripted::Tokens;

pub(super) fn read(bodies: &[Value]) -> Told {
    let mut told = Told::default();
    for body in bodies {
        if body["error"].is_object() {
            told.error = word(&body["error"]["message"]);
        }
        for candidate in list(&body["candidates"]) {
            let index = usize::try_from(number(&candidate["index"])).unwrap_or(0);
            told.choices = told.choices.max(index + 1);
            if index == 0 {
                first(&mut told, candidate);
            } else {
                let parts = list(&candidate["content"]["parts"]).iter();
                told.others.extend(parts.map(|part| text(&part["text"])));
            }
        }
        let usage = &body["usageMetadata"];
        if usage.is_object() {
            let cached = number(&usage["cachedContentTokenCount"]);
            let thoughts = number(&usage["thoughtsTokenCount"]);
            told.tokens = Some(Tokens {
                input: number(&usage["promptTokenCount"]).saturating_sub(cached),
                cached,
                cache_write: 0,
                output: number(&usage["candidatesTokenCount"]) + thoughts,
                reasoning: thoughts,
                cost: None,
            });
        }
    }
    told
}

fn first(told: &mut Told, candidate: &Value) {
    for part in list(&candidate["content"]["parts"]) {
        told.signature = word(&part["thoughtSignature"]).or(told.signature.take());
        if part["functionCall"].is_object() {
            told.calls
                .push((text(&part["functionCall"]["name"]).into(), part["functionCall"]["args"].clone()));
        } else if part["thought"] == true {
            told.thinking.push_str(text(&part["text"]));
        } else {
            told.pieces += usize::from(!text(&part["text"]).is_empty());
            told.text.push_str(text(&part["text"]));
        }
    }
    told.logprobs.extend(logprobs(&candidate["logprobsResult"]["chosenCandidates"], "logProbability"));
    for source in list(&candidate["citationMetadata"]["citationSources"])
        .iter()
        .chain(list(&candidate["citationMetadata"]["citations"]))
    {
        told.citations.push(text(&source["title"]).to_owned());
    }
    if let Some(reason) = candidate["finishReason"].as_str() {
        told.finish = Some(match reason {
            "STOP" if !told.calls.is_empty() => Finish::Calls,
            "STOP" => Finish::Done,
            "MAX_TOKENS" => Finish::Length,
            "SAFETY" | "PROHIBITED_CONTENT" | "RECITATION" | "BLOCKLIST" => Finish::Declined,
            other => Finish::Other(other.into()),
        });
    }
}
