//! What tools answered; one failed.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use super::tools::offer;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::{Heard, Said};
use crate::conformance::wire::Wire;

fn history(wire: Wire) -> Option<(&'static str, Value)> {
    let (paris, york) = (json!({"city": "Paris"}), json!({"city": "York"}));
    Some(match wire {
        Wire::Chat => {
            let call = |id: &str, city: &Value| {
                json!({"id": id, "type": "function",
                    "function": {"name": "get_weather", "arguments": city.to_string()}})
            };
            let turns = json!([
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": null, "tool_calls": [call("call_1", &paris), call("call_2", &york)]},
                {"role": "tool", "tool_call_id": "call_1", "content": "18C"},
                {"role": "tool", "tool_call_id": "call_2", "content": "unknown"},
            ]);
            ("messages", turns)
        }
        Wire::Responses => {
            let call = |id: &str, city: &Value| json!({"type": "function_call", "call_id": id, "name": "get_weather", "arguments": city.to_string()});
            let result =
                |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
            let items = json!([
                {"role": "user", "content": "weather?"},
                call("call_1", &paris), call("call_2", &york),
                result("call_1", "18C"), result("call_2", "unknown"),
            ]);
            ("input", items)
        }
        Wire::Messages => {
            let call = |id: &str, city: &Value| json!({"type": "tool_use", "id": id, "name": "get_weather", "input": city});
            let turns = json!([
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": [call("call_1", &paris), call("call_2", &york)]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "18C"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "unknown", "is_error": true}]},
            ]);
            ("messages", turns)
        }
        Wire::Gemini => {
            let call = |id: &str, city: &Value| json!({"functionCall": {"id": id, "name": "get_weather", "args": city}});
            let result = |id: &str, response: Value| json!({"functionResponse": {"id": id, "name": "get_weather", "response": response}});
            let turns = json!([
                {"role": "user", "parts": [{"text": "weather?"}]},
                {"role": "model", "parts": [call("call_1", &paris), call("call_2", &york)]},
                {"role": "user", "parts":
                    [result("call_1", json!({"result": "18C"})), result("call_2", json!({"error": "unknown"}))]},
            ]);
            ("contents", turns)
        }
        Wire::Completions => return None,
    })
}

/// Two calls, and their results after them in the same order.
fn paired(heard: &Heard) -> Reach {
    let mut calls = Vec::new();
    let mut results = Vec::new();
    for said in heard.said() {
        match said {
            Said::Call { id, name, arguments, .. } => {
                calls.push((id, name.as_str(), arguments["city"].as_str()));
            }
            Said::Result { id, text, .. } => {
                results.push((id, text.contains("18C"), text.contains("unknown")));
            }
            _ => {}
        }
    }
    let asked = matches!(calls[..], [(_, "get_weather", Some("Paris")), (_, "get_weather", Some("York"))]);
    let answered = matches!(results[..], [(_, true, false), (_, false, true)]);
    let same = calls.iter().map(|call| call.0).eq(results.iter().map(|result| result.0));
    Reach::must(asked && answered && same, &heard.turns)
}

fn ask(wire: Wire) -> Ask {
    let offered = offer(wire, &["get_weather"]).zip(history(wire));
    let Some((mut offered, (member, turns))) = offered else { return TEXT_ALONE };
    offered[member] = turns;
    Ask::With(offered)
}

pub(super) const RESULTS: Feature = Feature {
    name: "tool results",
    script: "",
    ask: |wire, _| ask(wire),
    again: None,
    heard: paired,
    expect: Expect::Answer(|told, _| Reach::must(told.text.starts_with("Hello"), told)),
};

pub(super) const FAILED: Feature = Feature {
    name: "a tool that failed",
    script: "",
    ask: |wire, _| match wire {
        Wire::Chat | Wire::Responses => Ask::Not("OpenAI's formats have no mark for it beside the text"),
        _ => ask(wire),
    },
    again: None,
    heard: |heard| {
        let failed = |said: &Said| matches!(said, Said::Result { failed: true, .. });
        Reach::present(heard.said().filter(|said| failed(said)).count() == 1)
    },
    expect: Expect::Answer(|_, _| Reach::Whole),
};
