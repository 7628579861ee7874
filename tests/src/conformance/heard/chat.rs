//! OpenAI chat completions, with what others add to them; legacy completions.

use serde_json::Value;

use super::{Heard, Said, count, data_url, list, properties, strings, text, texts, word};

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard::default();
    for message in list(&body["messages"]) {
        match message["role"].as_str() {
            Some("system" | "developer") => heard.system.push(texts(&message["content"])),
            Some("assistant") => heard.turn(true, assistant(message)),
            Some("tool") => heard.turn(
                false,
                vec![Said::Result {
                    id: text(&message["tool_call_id"]),
                    text: texts(&message["content"]),
                    // This format has no place for it but the text.
                    failed: texts(&message["content"]).to_lowercase().contains("error"),
                }],
            ),
            _ => heard.turn(false, parts(&message["content"])),
        }
    }
    heard.turn(false, strings(&body["prompt"]).into_iter().map(Said::Text).collect());
    heard.tools = list(&body["tools"]).iter().map(|tool| text(&tool["function"]["name"])).collect();
    heard.choice = word(&body["tool_choice"]).or_else(|| word(&body["tool_choice"]["function"]["name"]));
    heard.parallel = body["parallel_tool_calls"].as_bool();
    // Who follows none is told it in words.
    let mut told =
        heard.system.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str(line).ok());
    heard.schema = properties(&body["response_format"]["json_schema"]["schema"])
        .or_else(|| told.find_map(|schema| properties(&schema)));
    heard.stop = strings(&body["stop"]);
    heard.seed = body["seed"].as_i64();
    heard.choices = body["n"].as_u64();
    heard.penalties = body["presence_penalty"].as_f64().zip(body["frequency_penalty"].as_f64());
    heard.temperature = body["temperature"].as_f64();
    heard.top_p = body["top_p"].as_f64();
    heard.top_k = body["top_k"].as_f64();
    heard.max_tokens = body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64());
    heard.logprobs = body["logprobs"].as_bool().unwrap_or(body["logprobs"].is_u64());
    heard.tier = word(&body["service_tier"]);
    heard.effort = word(&body["reasoning_effort"])
        .or_else(|| word(&body["reasoning"]["effort"]))
        .or_else(|| body["reasoning"]["max_tokens"].as_u64().map(|budget| budget.to_string()))
        .or_else(|| word(&body["thinking"]["type"]));
    heard.cache_marks = count(body, "cache_control") + count(body, "prompt_cache_breakpoint");
    heard
}

fn assistant(message: &Value) -> Vec<Said> {
    let mut said = Vec::new();
    let details = list(&message["reasoning_details"]);
    for detail in details {
        said.push(Said::Thinking {
            text: text(&detail["text"]),
            signature: word(&detail["signature"]).or_else(|| word(&detail["data"])),
        });
    }
    let plain = word(&message["reasoning_content"]).or_else(|| word(&message["reasoning"]));
    if let (Some(thought), true) = (plain, details.is_empty()) {
        said.push(Said::Thinking { text: thought, signature: None });
    }
    said.extend(parts(&message["content"]));
    said.extend(word(&message["refusal"]).map(Said::Refusal));
    said.extend(list(&message["tool_calls"]).iter().map(|call| Said::Call {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: serde_json::from_str(&text(&call["function"]["arguments"])).unwrap_or_default(),
        signature: word(&call["extra_content"]["google"]["thought_signature"]),
    }));
    said
}

fn parts(content: &Value) -> Vec<Said> {
    if let Some(text) = content.as_str() {
        return vec![Said::Text(text.to_owned())];
    }
    let read = |part: &Value| match part["type"].as_str()? {
        "text" => Some(Said::Text(text(&part["text"]))),
        "refusal" => Some(Said::Refusal(text(&part["refusal"]))),
        "image_url" => Some(Said::Image(data_url(part["image_url"]["url"].as_str()?))),
        "file" => Some(Said::Document(data_url(part["file"]["file_data"].as_str()?))),
        "input_audio" => {
            let audio = &part["input_audio"];
            Some(Said::Audio(format!("audio/{} {}", audio["format"].as_str()?, audio["data"].as_str()?)))
        }
        _ => None,
    };
    list(content).iter().filter_map(read).collect()
}
