//! Anthropic messages.

use anyhow::ensure;
use serde_json::Value;

use super::{Finish, Told, arguments, list, number, text, word};
use crate::scripted::Tokens;

pub(super) fn read(bodies: &[Value], stream: bool) -> anyhow::Result<Told> {
    let mut told = Told { choices: 1, ..Told::default() };
    let mut usage = Value::Null;
    let mut called: Option<(String, String)> = None;
    for body in bodies {
        match body["type"].as_str() {
            Some("message") => {
                ended(&mut told, body);
                usage = body["usage"].clone();
                for block in list(&body["content"]) {
                    add(&mut told, block);
                    if block["type"] == "tool_use" {
                        told.calls.push((text(&block["name"]).into(), block["input"].clone()));
                    }
                    told.citations.extend(list(&block["citations"]).iter().map(title));
                }
            }
            Some("message_start") => usage = body["message"]["usage"].clone(),
            Some("content_block_start") => {
                let block = &body["content_block"];
                called = (block["type"] == "tool_use").then(|| (text(&block["name"]).into(), String::new()));
                add(&mut told, block);
            }
            Some("content_block_delta") => {
                let delta = &body["delta"];
                told.pieces += usize::from(delta["type"] == "text_delta");
                add(&mut told, delta);
                if delta["type"] == "citations_delta" {
                    told.citations.push(title(&delta["citation"]));
                }
                if let Some((_, pieces)) = &mut called {
                    pieces.push_str(text(&delta["partial_json"]));
                }
            }
            Some("content_block_stop") => {
                let done = called
                    .take()
                    .map(|(name, pieces)| (name, arguments(if pieces.is_empty() { "{}" } else { &pieces })));
                told.calls.extend(done);
            }
            Some("message_delta") => {
                ended(&mut told, &body["delta"]);
                if let (Value::Object(usage), Value::Object(later)) = (&mut usage, &body["usage"]) {
                    usage.extend(later.clone());
                }
            }
            Some("error") => told.error = word(&body["error"]["message"]),
            _ => {}
        }
    }
    let whole = bodies.last().is_some_and(|last| last["type"] == "message_stop") || told.error.is_some();
    ensure!(!stream || whole, "no message_stop");
    told.tier = word(&usage["service_tier"]);
    told.tokens = usage.is_object().then(|| Tokens {
        input: number(&usage["input_tokens"]),
        cached: number(&usage["cache_read_input_tokens"]),
        cache_write: number(&usage["cache_creation_input_tokens"]),
        output: number(&usage["output_tokens"]),
        reasoning: number(&usage["output_tokens_details"]["thinking_tokens"]),
        cost: None,
    });
    Ok(told)
}

fn add(told: &mut Told, block: &Value) {
    told.text.push_str(text(&block["text"]));
    told.thinking.push_str(text(&block["thinking"]));
    let signature =
        word(&block["signature"]).or_else(|| word(&block["data"])).filter(|text| !text.is_empty());
    told.signature = signature.or(told.signature.take());
}

fn ended(told: &mut Told, body: &Value) {
    let Some(reason) = body["stop_reason"].as_str() else { return };
    told.finish = Some(match reason {
        "end_turn" | "stop_sequence" => Finish::Done,
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::Calls,
        "refusal" => Finish::Declined,
        other => Finish::Other(other.into()),
    });
}

fn title(citation: &Value) -> String {
    let title = if citation["document_title"].is_string() { "document_title" } else { "title" };
    text(&citation[title]).to_owned()
}
