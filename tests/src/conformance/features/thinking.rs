//! What the model thought: shown, and given back in the next turn with the signature that its provider needs.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use super::tools::offer;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::wire::Wire;

pub(super) const SHOWN: Feature = Feature {
    name: "thinking shown",
    script: "reasoning=2 text=yes",
    ask: |wire, _| match wire {
        // Gemini shows it where it is asked to.
        Wire::Gemini => Ask::With(json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}})),
        Wire::Completions => TEXT_ALONE,
        _ => Ask::With(json!({})),
    },
    again: None,
    heard: Reach::any,
    expect: Expect::Answer(|told, _| {
        let text = Reach::must(told.text == "yes", told);
        text.and(Reach::of(&told.thinking, &"thought 0 thought 1 ".to_owned()))
    }),
};

/// What was asked, what the model answered to it, and what the tool found, as each wire's clients do it.
fn goes_on(wire: Wire, answer: &Value) -> Value {
    match wire {
        Wire::Chat => {
            let said = &answer["choices"][0]["message"];
            let result =
                json!({"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "18C"});
            json!({"messages": [{"role": "user", "content": "weather?"}, said, result]})
        }
        Wire::Responses => {
            let mut items = vec![json!({"role": "user", "content": "weather?"})];
            let output = answer["output"].as_array().cloned().unwrap_or_default();
            let called =
                output.iter().find(|item| item["type"] == "function_call").cloned().unwrap_or_default();
            items.extend(output);
            items
                .push(json!({"type": "function_call_output", "call_id": called["call_id"], "output": "18C"}));
            json!({ "input": items })
        }
        Wire::Messages => {
            let content = &answer["content"];
            let blocks = content.as_array().cloned().unwrap_or_default();
            let called = blocks.iter().find(|block| block["type"] == "tool_use").cloned().unwrap_or_default();
            let result = json!({"type": "tool_result", "tool_use_id": called["id"], "content": "18C"});
            json!({"messages": [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": content},
                {"role": "user", "content": [result]}]})
        }
        _ => {
            let said = &answer["candidates"][0]["content"];
            let parts = said["parts"].as_array().cloned().unwrap_or_default();
            let called = parts.iter().map(|part| &part["functionCall"]).find(|call| call.is_object());
            let id = called.map(|call| call["id"].clone()).unwrap_or_default();
            let result = json!({"functionResponse":
                {"id": id, "name": "get_weather", "response": {"result": "18C"}}});
            json!({"contents": [{"role": "user", "parts": [{"text": "weather?"}]}, said,
                {"role": "user", "parts": [result]}]})
        }
    }
}

pub(super) const KEPT: Feature = Feature {
    name: "thinking given back in the next turn, signed",
    script: "reasoning=2 tools=1",
    ask: |wire, _| {
        let Some(mut offered) = offer(wire, &["get_weather"]) else { return TEXT_ALONE };
        if wire == Wire::Gemini {
            offered["generationConfig"] = json!({"thinkingConfig": {"includeThoughts": true}});
        }
        Ask::With(offered)
    },
    again: Some(goes_on),
    heard: |heard| {
        let back = |said: &Said| match said {
            Said::Thinking { text, signature } => signature.is_some() || (!heard.signed && !text.is_empty()),
            Said::Call { signature, .. } => signature.is_some(),
            _ => false,
        };
        Reach::present(heard.said().any(back))
    },
    expect: Expect::Answer(|told, _| Reach::must(told.text.starts_with("Hello"), told)),
};
