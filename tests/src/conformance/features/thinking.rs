//! What the model thought: shown, and given back in the next turn with the signature that it needs.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use super::tools::offer;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::wire::Wire;

const SIGNATURE: &str = "c2lnbmF0dXJl";

pub(super) const SHOWN: Feature = Feature {
    name: "thinking shown",
    script: "reasoning=2 text=yes",
    ask: |wire, _| match wire {
        // Gemini shows it where it is asked to.
        Wire::Gemini => Ask::With(json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}})),
        Wire::Completions => TEXT_ALONE,
        _ => Ask::With(json!({})),
    },
    heard: Reach::any,
    expect: Expect::Answer(|told, _| {
        let text = Reach::must(told.text == "yes", told);
        text.and(Reach::of(&told.thinking, &"thought 0 thought 1 ".to_owned()))
    }),
};

fn history(wire: Wire) -> Option<(&'static str, Value)> {
    let city = json!({"city": "Paris"});
    Some(match wire {
        Wire::Chat => {
            let call = json!({"id": "call_1", "type": "function",
                "function": {"name": "get_weather", "arguments": city.to_string()},
                "extra_content": {"google": {"thought_signature": SIGNATURE}}});
            let detail = json!({"type": "reasoning.text", "text": "hm", "signature": SIGNATURE});
            let turns = json!([
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": null, "reasoning_content": "hm", "reasoning_details": [detail],
                    "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "18C"},
            ]);
            ("messages", turns)
        }
        Wire::Responses => {
            let items = json!([
                {"role": "user", "content": "weather?"},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
                    "encrypted_content": SIGNATURE},
                {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": city.to_string()},
                {"type": "function_call_output", "call_id": "call_1", "output": "18C"},
            ]);
            ("input", items)
        }
        Wire::Messages => {
            let turns = json!([
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": SIGNATURE},
                    {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": city}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "18C"}]},
            ]);
            ("messages", turns)
        }
        Wire::Gemini => {
            let turns = json!([
                {"role": "user", "parts": [{"text": "weather?"}]},
                {"role": "model", "parts": [
                    {"text": "hm", "thought": true},
                    {"functionCall": {"id": "call_1", "name": "get_weather", "args": city},
                        "thoughtSignature": SIGNATURE}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"id": "call_1", "name": "get_weather", "response": {"result": "18C"}}}]},
            ]);
            ("contents", turns)
        }
        Wire::Completions => return None,
    })
}

pub(super) const KEPT: Feature = Feature {
    name: "thinking and its signature given back",
    script: "",
    ask: |wire, _| {
        let offered = offer(wire, &["get_weather"]).zip(history(wire));
        let Some((mut offered, (member, turns))) = offered else { return TEXT_ALONE };
        offered[member] = turns;
        Ask::With(offered)
    },
    heard: |heard| {
        let signed = |said: &Said| match said {
            Said::Thinking { signature, .. } | Said::Call { signature, .. } => {
                signature.as_deref().is_some_and(|signature| signature.contains(SIGNATURE))
            }
            _ => false,
        };
        Reach::present(heard.said().any(signed))
    },
    expect: Expect::Answer(|_, _| Reach::Whole),
};
