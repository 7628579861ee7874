//! Several calls in one answer, or not.

use serde_json::json;

use super::TEXT_ALONE;
use super::tools::offer;
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::said::Finish;
use crate::conformance::wire::Wire;

pub(super) const PARALLEL: Feature = Feature {
    name: "parallel tool calls",
    script: "text=two+calls tools=2",
    ask: |wire, _| offer(wire, &["get_time", "get_weather"]).map_or(TEXT_ALONE, Ask::With),
    again: None,
    heard: |heard| Reach::must(heard.tools.len() == 2, &heard.tools),
    expect: Expect::Answer(|told, _| {
        let names: Vec<&str> = told.calls.iter().map(|(name, _)| name.as_str()).collect();
        let well = names == ["get_time", "get_weather"] && told.text == "two calls";
        Reach::must(well && told.finish == Some(Finish::Calls), told)
    }),
};

pub(super) const ONE_BY_ONE: Feature = Feature {
    name: "one tool call at a time",
    script: "tools=1",
    ask: |wire, _| {
        let Some(mut offered) = offer(wire, &["get_weather"]) else { return TEXT_ALONE };
        match wire {
            Wire::Chat | Wire::Responses => offered["parallel_tool_calls"] = json!(false),
            Wire::Messages => {
                offered["tool_choice"] = json!({"type": "auto", "disable_parallel_tool_use": true});
            }
            _ => return Ask::Not("Gemini has no such setting"),
        }
        Ask::With(offered)
    },
    again: None,
    heard: |heard| Reach::of(&heard.parallel, &Some(false)),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
