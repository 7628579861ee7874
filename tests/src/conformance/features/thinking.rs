//! What the model thought: shown, and given back in the next turn with the signature that its provider needs.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use super::tools::offer;
use crate::conformance::feature::{Again, Ask, Expect, Feature, Reach};
use crate::conformance::heard::{Heard, Said};
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

/// A tool is offered, and what is thought is to be shown.
fn ask(wire: Wire, _: &str) -> Ask {
    let Some(mut offered) = offer(wire, &["get_weather"]) else { return TEXT_ALONE };
    if wire == Wire::Gemini {
        offered["generationConfig"] = json!({"thinkingConfig": {"includeThoughts": true}});
    }
    Ask::With(offered)
}

pub(super) const KEPT: Feature = Feature {
    name: "thinking given back in the next turn, signed",
    script: "reasoning=2 tools=1",
    ask,
    again: Some(Again { begun_at: None, goes_on }),
    heard: |heard| {
        let signed = signatures(heard);
        match heard.signs {
            Some(own) => Reach::of(&signed, &vec![own]),
            // Who needs no signature: what came, or something sealed.
            None => Reach::present(!signed.is_empty() || thoughts(heard) == "thought 0 thought 1 "),
        }
    },
    expect: Expect::Answer(|told, _| Reach::must(told.text.starts_with("Hello"), told)),
};

/// A conversation goes on at another provider, to which the first one's signatures mean nothing.
const fn changed(name: &'static str, begun_at: &'static str, heard: fn(&Heard) -> Reach) -> Feature {
    Feature { name, again: Some(Again { begun_at: Some(begun_at), goes_on }), heard, ..KEPT }
}

pub(super) const FROM_ANTHROPIC: Feature =
    changed("a conversation begun at Anthropic, with thinking and a tool call", "Anthropic", |heard| {
        goes_through(heard, &["c2NyaXB0ZWQ="])
    });
pub(super) const FROM_GEMINI: Feature =
    changed("a conversation begun at Gemini, with thinking and a tool call", "Gemini", |heard| {
        goes_through(heard, &[])
    });
pub(super) const FROM_DEEPSEEK: Feature =
    changed("a conversation begun at DeepSeek, with thinking and a tool call", "DeepSeek", |heard| {
        goes_through(heard, &[])
    });

/// The call and its result are there, and nothing that would be taken for a forgery.
fn goes_through(heard: &Heard, readable: &[&str]) -> Reach {
    let calls = heard.said().filter(|said| matches!(said, Said::Call { .. })).count();
    let results = heard.said().filter(|said| matches!(said, Said::Result { .. })).count();
    let allowed: &[&str] = match (heard.signs, heard.at) {
        // Gemini's own word for a call that it did not make.
        (Some(GEMINIS), _) => &["skip_thought_signature_validator"],
        // It may be Google behind its own layer.
        (_, "OpenAICompatible") => &[GEMINIS, "c2NyaXB0ZWQ="],
        _ => readable,
    };
    let unsigned = heard.signs.is_some_and(|own| own != GEMINIS)
        && heard.said().any(|said| matches!(said, Said::Thinking { signature: None, .. }));
    let foreign = signatures(heard).iter().any(|signature| !allowed.contains(signature));
    Reach::must(calls == 1 && results == 1 && !unsigned && !foreign, &heard.turns)
}

/// As the double of Gemini signs.
const GEMINIS: &str = "Z2VtaW5p";

fn signatures(heard: &Heard) -> Vec<&str> {
    let mut found = Vec::new();
    for said in heard.said() {
        if let Said::Thinking { signature, .. } | Said::Call { signature, .. } = said {
            found.extend(signature.as_deref());
        }
    }
    found
}

fn thoughts(heard: &Heard) -> String {
    let mut found = String::new();
    for said in heard.said() {
        if let Said::Thinking { text, .. } = said {
            found.push_str(text);
        }
    }
    found
}
