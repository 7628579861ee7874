//! OpenAI responses.

use serde_json::Value;

use super::{Heard, Said, count, data_url, list, properties, text, texts, word};

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard::default();
    heard.system.extend(word(&body["instructions"]));
    if let Some(text) = body["input"].as_str() {
        heard.turn(false, vec![Said::Text(text.to_owned())]);
    }
    for item in list(&body["input"]) {
        match item["type"].as_str().unwrap_or("message") {
            "function_call" => heard.turn(
                true,
                vec![Said::Call {
                    id: text(&item["call_id"]),
                    name: text(&item["name"]),
                    arguments: serde_json::from_str(&text(&item["arguments"])).unwrap_or_default(),
                    signature: None,
                }],
            ),
            "function_call_output" => heard.turn(
                false,
                vec![Said::Result {
                    id: text(&item["call_id"]),
                    text: texts(&item["output"]),
                    failed: item["status"] == "incomplete"
                        || texts(&item["output"]).to_lowercase().contains("error"),
                }],
            ),
            "reasoning" => heard.turn(
                true,
                vec![Said::Thinking {
                    text: texts(&item["summary"]),
                    signature: word(&item["encrypted_content"]),
                }],
            ),
            _ => match item["role"].as_str() {
                Some("system" | "developer") => heard.system.push(texts(&item["content"])),
                role => heard.turn(role == Some("assistant"), parts(&item["content"])),
            },
        }
    }
    heard.tools = list(&body["tools"]).iter().map(|tool| text(&tool["name"])).collect();
    heard.choice = word(&body["tool_choice"]).or_else(|| word(&body["tool_choice"]["name"]));
    heard.parallel = body["parallel_tool_calls"].as_bool();
    heard.schema = properties(&body["text"]["format"]["schema"]);
    heard.temperature = body["temperature"].as_f64();
    heard.top_p = body["top_p"].as_f64();
    heard.max_tokens = body["max_output_tokens"].as_u64();
    heard.logprobs = body["top_logprobs"].is_u64();
    heard.tier = word(&body["service_tier"]);
    heard.effort = word(&body["reasoning"]["effort"]);
    heard.cache_marks = count(body, "prompt_cache_breakpoint");
    heard
}

fn parts(content: &Value) -> Vec<Said> {
    if let Some(text) = content.as_str() {
        return vec![Said::Text(text.to_owned())];
    }
    let read = |part: &Value| match part["type"].as_str()? {
        "input_text" | "output_text" => Some(Said::Text(text(&part["text"]))),
        "refusal" => Some(Said::Refusal(text(&part["refusal"]))),
        "input_image" => Some(Said::Image(data_url(part["image_url"].as_str()?))),
        "input_file" => Some(Said::Document(data_url(part["file_data"].as_str()?))),
        _ => None,
    };
    list(content).iter().filter_map(read).collect()
}
