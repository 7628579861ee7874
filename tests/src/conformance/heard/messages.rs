//! Anthropic messages.

use serde_json::Value;

use super::{Heard, Said, count, list, properties, strings, text, texts, word};

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard { signs: Some("c2NyaXB0ZWQ="), ..Heard::default() };
    match &body["system"] {
        Value::String(text) => heard.system.push(text.clone()),
        blocks => heard.system.extend(list(blocks).iter().map(|block| text(&block["text"]))),
    }
    for message in list(&body["messages"]) {
        heard.turn(message["role"] == "assistant", blocks(&message["content"]));
    }
    heard.tools = list(&body["tools"]).iter().map(|tool| text(&tool["name"])).collect();
    let choice = &body["tool_choice"];
    heard.choice = word(&choice["name"]).or_else(|| {
        word(&choice["type"]).map(|kind| if kind == "any" { "required".to_owned() } else { kind })
    });
    heard.parallel = choice["disable_parallel_tool_use"].as_bool().map(|disabled| !disabled);
    heard.schema = properties(&body["output_config"]["format"]["schema"]);
    heard.stop = strings(&body["stop_sequences"]);
    heard.temperature = body["temperature"].as_f64();
    heard.top_p = body["top_p"].as_f64();
    heard.top_k = body["top_k"].as_f64();
    heard.max_tokens = body["max_tokens"].as_u64();
    heard.tier = word(&body["service_tier"]);
    heard.effort = word(&body["output_config"]["effort"])
        .or_else(|| body["thinking"]["budget_tokens"].as_u64().map(|budget| budget.to_string()));
    heard.cache_marks = count(body, "cache_control");
    heard
}

fn blocks(content: &Value) -> Vec<Said> {
    if let Some(text) = content.as_str() {
        return vec![Said::Text(text.to_owned())];
    }
    let read = |block: &Value| {
        Some(match block["type"].as_str()? {
            "text" => Said::Text(text(&block["text"])),
            "image" => Said::Image(source(&block["source"])),
            "document" => Said::Document(source(&block["source"])),
            "tool_use" => Said::Call {
                id: text(&block["id"]),
                name: text(&block["name"]),
                arguments: block["input"].clone(),
                signature: None,
            },
            "tool_result" => Said::Result {
                id: text(&block["tool_use_id"]),
                text: texts(&block["content"]),
                failed: block["is_error"] == true,
            },
            "thinking" => {
                Said::Thinking { text: text(&block["thinking"]), signature: word(&block["signature"]) }
            }
            "redacted_thinking" => Said::Thinking { text: String::new(), signature: word(&block["data"]) },
            _ => return None,
        })
    };
    list(content).iter().filter_map(read).collect()
}

fn source(source: &Value) -> String {
    match source["type"].as_str() {
        Some("base64") => format!("{} {}", text(&source["media_type"]), text(&source["data"])),
        Some("url") => text(&source["url"]),
        _ => text(&source["data"]),
    }
}
