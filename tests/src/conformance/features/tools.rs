//! A tool is offered and called; who must call.

use serde_json::{Value, json};

use super::TEXT_ALONE;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::said::{Finish, Told};
use crate::conformance::wire::Wire;

/// The member that offers these tools, each of which takes a city; none in legacy completions.
pub(super) fn offer(wire: Wire, names: &[&str]) -> Option<Value> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let each = |name: &&str| match wire {
        Wire::Chat => json!({"type": "function", "function":
            {"name": name, "description": "about a city", "parameters": schema}}),
        Wire::Responses => json!({"type": "function", "name": name, "description": "about a city",
            "parameters": schema, "strict": false}),
        Wire::Messages => json!({"name": name, "description": "about a city", "input_schema": schema}),
        _ => json!({"name": name, "description": "about a city", "parameters": {"type": "OBJECT",
            "properties": {"city": {"type": "STRING"}}, "required": ["city"]}}),
    };
    let tools: Vec<Value> = names.iter().map(each).collect();
    match wire {
        Wire::Completions => None,
        Wire::Gemini => Some(json!({"tools": [{"functionDeclarations": tools}]})),
        _ => Some(json!({ "tools": tools })),
    }
}

/// The same with a choice among them.
fn chosen(wire: Wire, choice: fn(Wire) -> Value) -> Ask {
    let Some(mut offered) = offer(wire, &["get_time", "get_weather"]) else { return TEXT_ALONE };
    let member = if wire == Wire::Gemini { "toolConfig" } else { "tool_choice" };
    offered[member] = choice(wire);
    Ask::With(offered)
}

fn one_call(told: &Told, name: &str) -> Reach {
    let well = told.calls.len() == 1 && told.calls[0] == (name.to_owned(), json!({"city": "sample"}));
    Reach::must(well && told.finish == Some(Finish::Calls), told)
}

pub(super) const TOOLS: Feature = Feature {
    name: "tools",
    script: "tools=1",
    ask: |wire, _| offer(wire, &["get_weather"]).map_or(TEXT_ALONE, Ask::With),
    again: None,
    heard: |heard| Reach::of(&heard.tools, &vec!["get_weather".to_owned()]),
    expect: Expect::Answer(|told, _| one_call(told, "get_weather")),
};

pub(super) const CHOICE: Feature = Feature {
    name: "tool choice: one by name",
    script: "",
    ask: |wire, _| {
        chosen(wire, |wire| match wire {
            Wire::Chat => json!({"type": "function", "function": {"name": "get_weather"}}),
            Wire::Responses => json!({"type": "function", "name": "get_weather"}),
            Wire::Messages => json!({"type": "tool", "name": "get_weather"}),
            _ => json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}}),
        })
    },
    again: None,
    heard: |heard| Reach::of(&heard.choice, &Some("get_weather".to_owned())),
    expect: Expect::Answer(|told, _| one_call(told, "get_weather")),
};

pub(super) const REQUIRED: Feature = Feature {
    name: "tool choice: any must be called",
    script: "",
    ask: |wire, _| {
        chosen(wire, |wire| match wire {
            Wire::Chat | Wire::Responses => json!("required"),
            Wire::Messages => json!({"type": "any"}),
            _ => json!({"functionCallingConfig": {"mode": "ANY"}}),
        })
    },
    again: None,
    heard: |heard| Reach::of(&heard.choice, &Some("required".to_owned())),
    expect: Expect::Answer(|told, _| one_call(told, "get_time")),
};
