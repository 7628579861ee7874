//! What tools answered, one of them with an error.

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
                {"role": "tool", "tool_call_id": "call_2", "content": "error: unknown"},
            ]);
            ("messages", turns)
        }
        Wire::Responses => {
            let call = |id: &str, city: &Value| {
                json!({"type": "function_call", "call_id": id, "name": "get_weather", "arguments": city.to_string()})
            };
            let result = |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
            let items = json!([
                {"role": "user", "content": "weather?"},
                call("call_1", &paris), call("call_2", &york),
                result("call_1", "18C"), result("call_2", "error: unknown"),
            ]);
            ("input", items)
        }
        Wire::Messages => {
            let call = |id: &str, city: &Value| {
                json!({"type": "tool_use", "id": id, "name": "get_weather", "input": city})
            };
            let turns = json!([
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": [call("call_1", &paris), call("call_2", &york)]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "18C"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "error: unknown", "is_error": true}]},
            ]);
            ("messages", turns)
        }
        Wire::Gemini => {
            let call = |id: &str, city: &Value| {
                json!({"functionCall": {"id": id, "name": "get_weather", "args": city}})
            };
            let result = |id: &str, response: Value| {
                json!({"functionResponse": {"id": id, "name": "get_weather", "response": response}})
            };
            let turns = json!([
                {"role": "user", "parts": [{"text": "weather?"}]},
                {"role": "model", "parts": [call("call_1", &paris), call("call_2", &york)]},
                {"role": "user", "parts":
                    [result("call_1", json!({"result": "18C"})), result("call_2", json!({"error": "error: unknown"}))]},
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
            Said::Call { id, name, arguments, .. } => calls.push((id, name.as_str(), arguments["city"].as_str())),
            Said::Result { id, text, failed } => {
                results.push((id, text.contains("18C"), text.contains("unknown"), *failed));
            }
            _ => {}
        }
    }
    let asked = matches!(calls[..], [(_, "get_weather", Some("Paris")), (_, "get_weather", Some("York"))]);
    let answered = matches!(results[..], [(_, true, false, false), (_, false, true, true)]);
    let same = calls.iter().map(|call| call.0).eq(results.iter().map(|result| result.0));
    Reach::must(asked && answered && same, &heard.turns)
}

pub(super) const RESULTS: Feature = Feature {
    name: "tool results, errors among them",
    script: "",
    ask: |wire, _| {
        let offered = offer(wire, &["get_weather"]).zip(history(wire));
        let Some((mut offered, (member, turns))) = offered else { return TEXT_ALONE };
        offered[member] = turns;
        Ask::With(offered)
    },
    heard: paired,
    expect: Expect::Answer(|told, _| Reach::must(told.text.starts_with("Hello"), told)),
};
