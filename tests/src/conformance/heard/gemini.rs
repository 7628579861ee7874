//! Google Gemini.

use serde_json::Value;

use super::{Heard, Said, list, properties, strings, text, word};

pub(super) fn read(body: &Value) -> Heard {
    let mut heard = Heard { signs: Some("Z2VtaW5p"), ..Heard::default() };
    heard.system = list(&body["systemInstruction"]["parts"]).iter().map(|part| text(&part["text"])).collect();
    for content in list(&body["contents"]) {
        let said = list(&content["parts"]).iter().map(part).collect();
        heard.turn(content["role"] == "model", said);
    }
    let declared = list(&body["tools"]).iter().flat_map(|tool| list(&tool["functionDeclarations"]));
    heard.tools = declared.map(|tool| text(&tool["name"])).collect();
    let calling = &body["toolConfig"]["functionCallingConfig"];
    heard.choice = strings(&calling["allowedFunctionNames"]).pop().or_else(|| {
        word(&calling["mode"])
            .map(|mode| if mode == "ANY" { "required".to_owned() } else { mode.to_lowercase() })
    });
    let config = &body["generationConfig"];
    heard.schema =
        properties(&config["responseSchema"]).or_else(|| properties(&config["responseJsonSchema"]));
    heard.stop = strings(&config["stopSequences"]);
    heard.seed = config["seed"].as_i64();
    heard.choices = config["candidateCount"].as_u64();
    heard.penalties = config["presencePenalty"].as_f64().zip(config["frequencyPenalty"].as_f64());
    heard.temperature = config["temperature"].as_f64();
    heard.top_p = config["topP"].as_f64();
    heard.top_k = config["topK"].as_f64();
    heard.max_tokens = config["maxOutputTokens"].as_u64();
    heard.logprobs = config["responseLogprobs"] == true;
    let thinking = &config["thinkingConfig"];
    heard.effort = word(&thinking["thinkingLevel"])
        .or_else(|| thinking["thinkingBudget"].as_i64().map(|budget| budget.to_string()));
    heard.tier = word(&body["serviceTier"]);
    heard
}

fn part(part: &Value) -> Said {
    let signature = word(&part["thoughtSignature"]);
    if part["functionCall"].is_object() {
        let call = &part["functionCall"];
        return Said::Call {
            id: text(&call["id"]),
            name: text(&call["name"]),
            arguments: call["args"].clone(),
            signature,
        };
    }
    if part["functionResponse"].is_object() {
        let answer = &part["functionResponse"];
        let failed = answer["response"].get("error").is_some();
        return Said::Result { id: text(&answer["id"]), text: answer["response"].to_string(), failed };
    }
    if let Some(url) = part["fileData"]["fileUri"].as_str() {
        return Said::Image(url.to_owned());
    }
    if part["inlineData"].is_object() {
        let kind = text(&part["inlineData"]["mimeType"]);
        let media = format!("{kind} {}", text(&part["inlineData"]["data"]));
        return match kind.split('/').next() {
            Some("image") => Said::Image(media),
            Some("audio") => Said::Audio(media),
            _ => Said::Document(media),
        };
    }
    if part["thought"] == true || signature.is_some() {
        return Said::Thinking { text: text(&part["text"]), signature };
    }
    Said::Text(text(&part["text"]))
}
