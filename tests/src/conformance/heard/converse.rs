//! Amazon Bedrock's Converse.

use serde_json::Value;

use super::{Heard, Said, count, list, properties, strings, text, texts, word};

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard { signs: Some("c2NyaXB0ZWQ="), ..Heard::default() };
    heard.system = list(&body["system"]).iter().filter_map(|block| word(&block["text"])).collect();
    for message in list(&body["messages"]) {
        let said = list(&message["content"]).iter().filter_map(block).collect();
        heard.turn(message["role"] == "assistant", said);
    }
    let tools = &body["toolConfig"];
    heard.tools = list(&tools["tools"]).iter().filter_map(|tool| word(&tool["toolSpec"]["name"])).collect();
    let choice = &tools["toolChoice"];
    heard.choice = word(&choice["tool"]["name"]).or_else(|| {
        let kind = choice.as_object()?.keys().next()?;
        Some(if kind == "any" { "required".to_owned() } else { kind.clone() })
    });
    let schema = word(&body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]);
    heard.schema = schema.and_then(|text| properties(&serde_json::from_str(&text).ok()?));
    let config = &body["inferenceConfig"];
    heard.stop = strings(&config["stopSequences"]);
    heard.temperature = config["temperature"].as_f64();
    heard.top_p = config["topP"].as_f64();
    heard.top_k = body["additionalModelRequestFields"]["top_k"].as_f64();
    heard.max_tokens = config["maxTokens"].as_u64();
    heard.tier = word(&body["serviceTier"]["type"]);
    let more = &body["additionalModelRequestFields"];
    heard.effort = word(&body["outputConfig"]["effort"])
        .or_else(|| word(&more["output_config"]["effort"]))
        .or_else(|| word(&more["reasoning_effort"]))
        .or_else(|| word(&more["reasoningConfig"]["maxReasoningEffort"]))
        .or_else(|| more["thinking"]["budget_tokens"].as_u64().map(|budget| budget.to_string()))
        .or_else(|| more["reasoning_config"]["budget_tokens"].as_u64().map(|budget| budget.to_string()));
    heard.parallel = more["tool_choice"]["disable_parallel_tool_use"].as_bool().map(|disabled| !disabled);
    heard.cache_marks = count(body, "cachePoint");
    heard
}

fn block(block: &Value) -> Option<Said> {
    let media = |kind: &str, block: &Value| {
        let source = &block["source"];
        let data = word(&source["bytes"]).or_else(|| word(&source["text"])).unwrap_or_default();
        format!("{kind}/{} {data}", text(&block["format"]))
    };
    let (kind, inner) = block.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "text" => Said::Text(text(inner)),
        "image" => Said::Image(media("image", inner)),
        "document" => Said::Document(media("application", inner)),
        "audio" => Said::Audio(media("audio", inner)),
        "toolUse" => Said::Call {
            id: text(&inner["toolUseId"]),
            name: text(&inner["name"]),
            arguments: inner["input"].clone(),
            signature: None,
        },
        "toolResult" => Said::Result {
            id: text(&inner["toolUseId"]),
            text: texts(&inner["content"]),
            failed: inner["status"] == "error",
        },
        "reasoningContent" => {
            let thought = &inner["reasoningText"];
            let signature = word(&thought["signature"]).or_else(|| word(&inner["redactedContent"]));
            Said::Thinking { text: text(&thought["text"]), signature }
        }
        _ => return None,
    })
}
