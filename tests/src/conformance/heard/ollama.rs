//! Ollama's own chat.

use serde_json::Value;

use super::{Heard, Said, list, properties, strings, text, word};

/// How a PNG begins, in base64: pictures have no type beside their bytes.
const PNG: &str = "iVBORw0KGgo";

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard::default();
    for message in list(&body["messages"]) {
        match message["role"].as_str() {
            Some("system") => heard.system.push(text(&message["content"])),
            Some("tool") => heard.turn(
                false,
                vec![Said::Result {
                    id: text(&message["tool_call_id"]),
                    text: text(&message["content"]),
                    // This format has no place for it but the text.
                    failed: text(&message["content"]).to_lowercase().contains("error"),
                }],
            ),
            role => heard.turn(role == Some("assistant"), said(message)),
        }
    }
    heard.tools = list(&body["tools"]).iter().map(|tool| text(&tool["function"]["name"])).collect();
    heard.schema = properties(&body["format"]);
    let options = &body["options"];
    heard.stop = strings(&options["stop"]);
    heard.seed = options["seed"].as_i64();
    heard.penalties = options["presence_penalty"].as_f64().zip(options["frequency_penalty"].as_f64());
    heard.temperature = options["temperature"].as_f64();
    heard.top_p = options["top_p"].as_f64();
    heard.top_k = options["top_k"].as_f64();
    heard.max_tokens = options["num_predict"].as_u64();
    heard.effort = word(&body["think"]).or_else(|| body["think"].as_bool().map(|think| think.to_string()));
    heard
}

fn said(message: &Value) -> Vec<Said> {
    let mut said = Vec::new();
    said.extend(word(&message["thinking"]).map(|text| Said::Thinking { text, signature: None }));
    said.extend(word(&message["content"]).filter(|text| !text.is_empty()).map(Said::Text));
    said.extend(strings(&message["images"]).into_iter().map(|data| {
        let kind = if data.starts_with(PNG) { "image/png " } else { "" };
        Said::Image(format!("{kind}{data}"))
    }));
    said.extend(list(&message["tool_calls"]).iter().map(|call| Said::Call {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: call["function"]["arguments"].clone(),
        signature: None,
    }));
    said
}
