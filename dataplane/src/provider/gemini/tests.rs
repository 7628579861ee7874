use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    body,
    provider::{Fault, Relay, testing},
    usage::{Usage, Word},
};
use aigne_hub_crds::config::{ModelType, Provider, ProviderType};

fn provider(upstream: &str) -> Provider {
    let mut provider = testing::provider(ProviderType::Gemini);
    provider.base_url = "https://example.com".into();
    provider.models[0].upstream_model = upstream.into();
    provider
}

fn target(provider: &Provider) -> Target<'_> {
    Target { provider, model: &provider.models[0] }
}

fn relayed(text: &str) -> Result<String, Refusal> {
    let provider = provider("gemini-x");
    let body = body::scan(Bytes::from(text.to_owned())).unwrap();
    let (edits, asked) = ADAPTER.relay(Wire::Gemini, &body, target(&provider))?;
    assert_eq!(asked, Asked::default());
    Ok(String::from_utf8(body::apply(&body, &edits).to_vec()).unwrap())
}

fn encoded(upstream: &str, request: &Value) -> Result<Value, Refusal> {
    let provider = provider(upstream);
    let request = Wire::OpenAiChat.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
    let bytes = ADAPTER.encode(&request, target(&provider))?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

fn asking(member: &Value) -> Value {
    let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    request.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
    request
}

#[test]
fn the_model_and_the_way_of_asking_are_in_the_path() {
    let path = |upstream: &str, base: &str, operation, stream, relayed| {
        let provider = Provider { base_url: base.into(), ..provider(upstream) };
        ADAPTER.path(Ask { relayed, operation, stream }, target(&provider))
    };
    let base = "https://example.com";
    assert_eq!(
        path("gemini-x", base, Operation::Chat, false, None).unwrap(),
        "/v1beta/models/gemini-x:generateContent"
    );
    assert_eq!(
        path("tunedModels/a b?", "https://example.com/v1", Operation::Chat, true, Some(Wire::Gemini))
            .unwrap(),
        "/tunedModels/a%20b%3F:streamGenerateContent?alt=sse"
    );
    assert_eq!(
        path("models/x", base, Operation::CountTokens, false, Some(Wire::Gemini)).unwrap(),
        "/v1beta/models/x:countTokens"
    );
    assert_eq!(path("x", base, Operation::CountTokens, false, None), None);
}

#[test]
fn what_is_relayed_stays_as_it_is() {
    let text = r#"{ "contents":[ {"parts":[{"text":"a"}]} ],"safetySettings":[],"new":{"a":1.50}}"#;
    assert_eq!(relayed(text).unwrap(), text);
    assert_eq!(relayed(r#"{"model":"models/dear","contents":[]}"#).unwrap(), r#"{"contents":[]}"#);
    assert_eq!(
        relayed(r#"{"generateContentRequest":{"model":"models/hub/m","contents":[]}}"#).unwrap(),
        r#"{"generateContentRequest":{"model":"models/gemini-x","contents":[]}}"#
    );
}

#[test]
fn nobody_gets_round_the_rules_in_either_spelling() {
    let refused = |member: &str| relayed(&format!("{{{member}}}")).unwrap_err().field;
    for tool in [
        "googleSearch",
        "google_search",
        "googleSearchRetrieval",
        "codeExecution",
        "urlContext",
        "googleMaps",
        "fileSearch",
        "mcpServers",
        "retrieval",
        "some_new_tool",
    ] {
        assert_eq!(
            refused(&format!(r#""tools":[{{"functionDeclarations":[]}},{{"{tool}":{{}}}}]"#)),
            format!("tools[1].{tool}")
        );
    }
    assert_eq!(refused(r#""tools":[{"google\u0053earch":{}}]"#), "tools[0].googleSearch");
    assert_eq!(refused(r#""tools":{}"#), "tools");
    assert_eq!(refused(r#""cachedContent":"cachedContents/1""#), "cachedContent");
    assert_eq!(refused(r#""cached_content":"cachedContents/1""#), "cached_content");
    assert_eq!(refused(r#""generationConfig":{"routingConfig":{}}"#), "generationConfig.routingConfig");
    assert_eq!(refused(r#""generationConfig":{},"generation_config":{}"#), "generation_config");
    assert_eq!(refused(r#""generationConfig":{"a":1,"a":2}"#), "generationConfig");
    assert_eq!(
        refused(r#""generation_config":{"response_modalities":["TEXT","IMAGE"]}"#),
        "generation_config.response_modalities"
    );
    assert_eq!(
        refused(r#""generateContentRequest":{"tools":[{"googleSearch":{}}]}"#),
        "tools[0].googleSearch"
    );
    for fine in [
        r#""tools":[{"functionDeclarations":[{"name":"f"}]},{"functionDeclarations":[],"googleSearch":null}]"#,
        r#""cachedContent":"","serviceTier":"standard","tools":null"#,
        r#""generationConfig":{"responseModalities":["TEXT"],"thinkingConfig":{"thinkingBudget":-1}}"#,
    ] {
        relayed(&format!("{{{fine}}}")).unwrap();
    }
}

#[test]
fn files_of_the_shared_account_are_refused_however_they_are_written() {
    let own = "https://generativelanguage.googleapis.com/v1beta/files/a";
    let part = |part: &str| relayed(&format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#));
    for (text, field) in [
        (format!(r#"{{"fileData":{{"fileUri":"{own}"}}}}"#), "fileData.fileUri"),
        (r#"{"file_data":{"file_uri":"gs://b/a"}}"#.to_owned(), "file_data.file_uri"),
        (r#"{"fileData":{"file\u0055ri":"files/a"}}"#.to_owned(), "fileData.fileUri"),
        (r#"{"fileData":{"fileUri":"\u0066iles/a"}}"#.to_owned(), "fileData.fileUri"),
        (r#"{"fileData":{"fileUri":["files/a"]}}"#.to_owned(), "fileData.fileUri"),
        (r#"{"fileData":{"fileUri":"https://x.com/a","fileUri":"files/a"}}"#.to_owned(), "fileData"),
        (
            r#"{"functionResponse":{"name":"f","parts":[{"fileData":{"fileUri":"files/a"}}]}}"#.to_owned(),
            "functionResponse.parts[0].fileData.fileUri",
        ),
    ] {
        assert_eq!(part(&text).unwrap_err().field, format!("contents[0].parts[0].{field}"), "{text}");
    }
    let inner = r#"{"parts":{"fileData":{"fileUri":"files/a"}}}"#;
    for whole in [
        format!(r#"{{"contents":{inner}}}"#),
        format!(r#"{{"system_instruction":{inner}}}"#),
        format!(r#"{{"generateContentRequest":{{"contents":[{inner}]}}}}"#),
    ] {
        relayed(&whole).unwrap_err();
    }
    for fine in [
        r#"{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}},{"text":"fileUri \u0041"}"#,
        r#"{"functionCall":{"name":"f","args":{"fileUri":"files/a"}}}"#,
        r#"{"functionResponse":{"name":"f","response":{"fileUri":"gs://a/b"}}}"#,
    ] {
        part(fine).unwrap();
    }
    let image = json!({"type": "image_url", "image_url": {"url": own}});
    let file = |id: &str| json!({"type": "file", "file": {"file_id": id}});
    for part in [image, file(own), file("gs://b/a"), file("files/a")] {
        let request = json!({"messages": [{"role": "user", "content": [part]}]});
        assert_eq!(encoded("gemini-x", &asking(&request)).unwrap_err().field, "messages", "{part}");
    }
}

#[test]
fn pictures_are_for_models_that_are_priced_so() {
    let mut provider = provider("gemini-x-image");
    provider.models[0].r#type = ModelType::Image;
    let body = body::scan(r#"{"generationConfig":{"responseModalities":["TEXT","IMAGE"]}}"#.into()).unwrap();
    ADAPTER.relay(Wire::Gemini, &body, target(&provider)).unwrap();
}

#[test]
fn what_gemini_cannot_do_is_refused_by_name() {
    let refused = |member: Value| encoded("gemini-x", &asking(&member)).unwrap_err().field;
    for (field, value) in [
        ("logit_bias", json!({"1": 2})),
        ("audio", json!({})),
        ("modalities", json!(["text", "audio"])),
        ("web_search_options", json!({})),
        ("serviceTier", json!("flex")),
        ("cachedContent", json!("x")),
        ("generationConfig", json!({})),
        ("contents", json!([])),
    ] {
        assert_eq!(refused(json!({field: value})), field);
    }
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    assert_eq!(refused(json!({"parallel_tool_calls": false, "tools": tools})), "parallel_tool_calls");
    let system = json!({"messages": [{"role": "system", "content": "only"}]});
    assert_eq!(refused(system), "messages");
    let orphan = json!({"messages": [{"role": "tool", "tool_call_id": "x", "content": "?"}]});
    assert_eq!(refused(orphan), "messages");
    let file =
        json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]});
    assert_eq!(refused(file), "messages");
}

#[test]
fn a_service_tier_is_asked_for_and_read() {
    let tier = |word: &str| encoded("gemini-x", &asking(&json!({"service_tier": word}))).unwrap();
    assert_eq!(tier("flex")["serviceTier"], "flex");
    for plain in ["auto", "default"] {
        assert_eq!(tier(plain).get("serviceTier"), None);
    }
    let mut headers = HeaderMap::new();
    assert_eq!(ADAPTER.served_tier(&headers), None);
    headers.insert("x-gemini-service-tier", http::HeaderValue::from_static("STANDARD"));
    assert_eq!(ADAPTER.served_tier(&headers), Some(Word::new("standard")));
    let answer = br#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"serviceTier":"PRIORITY"}}"#;
    assert_eq!(ADAPTER.observe(Wire::Gemini, answer).service_tier, Some(Word::new("priority")));
    assert_eq!(ADAPTER.decode(answer).unwrap().service_tier, Some(Word::new("priority")));
}

#[test]
fn thinking_is_asked_for_in_each_generations_words() {
    let thinking = |upstream: &str, member: Value| {
        encoded(upstream, &asking(&member)).unwrap()["generationConfig"]["thinkingConfig"].clone()
    };
    let effort = |word: &str| json!({"reasoning_effort": word});
    assert_eq!(
        thinking("gemini-2.5-flash", effort("medium")),
        json!({"includeThoughts": true, "thinkingBudget": 4096})
    );
    assert_eq!(thinking("gemini-2.5-flash", effort("none")), json!({"thinkingBudget": 0}));
    assert_eq!(thinking("gemini-2.5-pro", effort("none")), json!({"thinkingBudget": 128}));
    assert_eq!(
        thinking("gemini-3-flash", effort("medium")),
        json!({"includeThoughts": true, "thinkingLevel": "MEDIUM"})
    );
    assert_eq!(thinking("gemini-3-pro-preview", effort("none")), json!({"thinkingLevel": "LOW"}));
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 9000}});
    assert_eq!(
        thinking("gemini-2.5-pro", budget.clone()),
        json!({"includeThoughts": true, "thinkingBudget": 9000})
    );
    assert_eq!(thinking("gemini-4", budget), json!({"includeThoughts": true, "thinkingLevel": "HIGH"}));
    let adaptive = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
    assert_eq!(thinking("gemini-2.5-pro", adaptive), json!({"thinkingBudget": -1}));
    assert_eq!(encoded("gemini-3-flash", &asking(&json!({}))).unwrap().get("generationConfig"), None);
}

#[test]
fn the_first_call_of_a_turn_is_signed_where_a_model_needs_it() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let request = asking(&json!({"messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]}));
    let new = encoded("gemini-3-flash", &request).unwrap();
    let parts = &new["contents"][1]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(parts[1].get("thoughtSignature"), None);
    assert_eq!(new["contents"][2]["parts"].as_array().unwrap().len(), 2, "results in one content");
    let old = encoded("gemini-2.5-flash", &request).unwrap();
    assert_eq!(old["contents"][1]["parts"][0].get("thoughtSignature"), None);
}

#[test]
fn a_signature_before_a_call_is_the_calls() {
    // How Anthropic's format carries one.
    let request = json!({"max_tokens": 9, "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "gemini:dGV4dA=="},
            {"type": "text", "text": "Let me see."},
            {"type": "thinking", "thinking": "", "signature": "gemini:Y2FsbA=="},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}},
            {"type": "thinking", "thinking": "not Google's", "signature": "c2ln"},
            {"type": "thinking", "thinking": "", "signature": "gemini:bGFzdA=="},
        ]},
    ]});
    let provider = provider("gemini-3-flash");
    let request = Wire::AnthropicMessages.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
    let sent: Value = serde_json::from_slice(&ADAPTER.encode(&request, target(&provider)).unwrap()).unwrap();
    assert_eq!(
        sent["contents"][1]["parts"],
        json!([
            {"text": "hm", "thought": true},
            {"text": "Let me see.", "thoughtSignature": "dGV4dA=="},
            {"functionCall": {"id": "a", "name": "f", "args": {}}, "thoughtSignature": "Y2FsbA=="},
            {"text": "", "thoughtSignature": "bGFzdA=="},
        ])
    );
}

#[test]
fn pictures_of_a_tool_stand_where_each_generation_wants_them() {
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
    let request = json!({"max_tokens": 9, "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [{"type": "text", "text": "x"}, image]}]},
    ]});
    let request = Wire::AnthropicMessages.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
    let parts = |upstream: &str| -> Value {
        let provider = provider(upstream);
        let sent: Value =
            serde_json::from_slice(&ADAPTER.encode(&request, target(&provider)).unwrap()).unwrap();
        sent["contents"][1]["parts"].clone()
    };
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": "AA=="}});
    let mut result = json!({"id": "a", "name": "f", "response": {"error": "x"}});
    assert_eq!(parts("gemini-2.5-flash"), json!([{"functionResponse": result}, blob]));
    result["parts"] = json!([blob]);
    assert_eq!(parts("gemini-3-flash"), json!([{"functionResponse": result}]));
}

#[test]
fn usage_in_a_stream_is_cumulative_and_whole_at_its_end() {
    let mut watch = ADAPTER.observer(Wire::Gemini, Asked::default());
    let piece = |reason: &str, output: u64| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"ab"}}]}}{reason}}}],"usageMetadata":{{"promptTokenCount":12,"cachedContentTokenCount":10,"toolUsePromptTokenCount":1,"candidatesTokenCount":{output},"thoughtsTokenCount":2}}}}"#
        )
    };
    watch.event(piece("", 3).as_bytes());
    let counted = |output| Usage { input: 3, cached_input: 10, output, reasoning: 2, ..Usage::default() };
    assert_eq!(watch.observed().usage, Some(counted(5)));
    assert!(!watch.observed().usage_complete);
    watch.event(piece(r#","finishReason":"STOP""#, 7).as_bytes());
    let observed = watch.observed();
    assert_eq!((observed.usage, observed.usage_complete, observed.output_bytes), (Some(counted(9)), true, 4));
    assert_eq!(observed.finish_reason.as_deref(), Some("STOP"));
}

#[test]
fn an_answer_without_words_is_none() {
    let empty = br#"{"candidates":[{"finishReason":"OTHER","finishMessage":"bad luck"}]}"#;
    assert!(ADAPTER.decode(empty).unwrap_err().to_string().contains("bad luck"));
    assert_eq!(ADAPTER.observe(Wire::Gemini, empty).error, None, "who knows the format reads it for itself");
    let mut events = Vec::new();
    ADAPTER.decoder().event(empty, &mut events).unwrap();
    assert!(matches!(events.last(), Some(chat::Event::Error(_))));
    ADAPTER.decode(br#"{"usageMetadata":{}}"#).unwrap_err();
}

#[test]
fn what_a_request_can_bring_about_is_no_fault_of_the_providers() {
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"] {
        let answer = json!({
            "candidates": [{"finishReason": reason, "finishMessage": "bad call of api_key:AIzaX"}],
            "usageMetadata": {"promptTokenCount": 7},
        })
        .to_string();
        let response = ADAPTER.decode(answer.as_bytes()).unwrap();
        assert_eq!(response.error, None);
        assert_eq!(response.usage.map(|usage| usage.input), Some(7));
        assert_eq!(
            response.answers[0].parts,
            [chat::Content::Refusal("bad call of api_key:(left out)".into()).into()]
        );
        let mut decoder = ADAPTER.decoder();
        decoder.event(answer.as_bytes(), &mut Vec::new()).unwrap();
        assert_eq!((&decoder.observed().error, decoder.observed().usage_complete), (&None, true));
    }
}

#[test]
fn errors_name_no_key_of_ours() {
    let said = "Permission denied: Consumer 'api_key:AIzaSyA1' has been suspended.";
    let body = json!({"error": {"code": 403, "message": said, "status": "PERMISSION_DENIED"}}).to_string();
    let message = ADAPTER.error(StatusCode::FORBIDDEN, &HeaderMap::new(), body.as_bytes()).message;
    assert_eq!(message, "Permission denied: Consumer 'api_key:(left out)' has been suspended.");
    let mut watch = ADAPTER.observer(Wire::Gemini, Asked::default());
    let Relay::Replace(event) = watch.event(body.as_bytes()) else { panic!("not replaced") };
    assert!(!event.windows(4).any(|piece| piece == b"AIza"));
    assert_eq!(watch.observed().error.as_ref().unwrap().message, message);
    let mut events = Vec::new();
    ADAPTER.decoder().event(body.as_bytes(), &mut events).unwrap();
    assert!(matches!(events.last(), Some(chat::Event::Error(failure)) if failure.message == message));
}

#[test]
fn errors_say_whose_fault_they_are() {
    let error = |status: u16, body: &str| {
        ADAPTER.error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    };
    let body = |code: u16, status: &str, message: &str, details: &str| {
        format!(
            r#"{{"error":{{"code":{code},"message":"{message}","status":"{status}","details":[{details}]}}}}"#
        )
    };
    let key = body(400, "INVALID_ARGUMENT", "x", r#"{"@type":"t","reason":"API_KEY_INVALID"}"#);
    assert_eq!(error(400, &key).fault, Fault::Credential);
    let retry = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12.5s"}"#;
    let throttled = error(429, &format!("[{}]", body(429, "RESOURCE_EXHAUSTED", "Quota", retry)));
    assert_eq!((throttled.fault, throttled.retry_after_ms), (Fault::Throttled, Some(12_500)));
    assert_eq!(throttled.code.as_deref(), Some("RESOURCE_EXHAUSTED"));
    let field = r#"{"fieldViolations":[{"field":"contents[0].parts","description":"no"}]}"#;
    let invalid = error(400, &body(400, "INVALID_ARGUMENT", "bad", field));
    assert_eq!((invalid.fault, invalid.param.as_deref()), (Fault::Request, Some("contents[0].parts")));
    let place = body(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "");
    assert_eq!(error(400, &place).fault, Fault::Forbidden);
    assert_eq!(error(403, &body(403, "PERMISSION_DENIED", "x", "")).fault, Fault::Forbidden);
    let file = "You do not have permission to access the File abc or it may not exist.";
    assert_eq!(error(403, &body(403, "PERMISSION_DENIED", file, "")).fault, Fault::Request);
    assert_eq!(error(503, &body(503, "UNAVAILABLE", "x", "")).fault, Fault::Provider);
    assert_eq!(error(499, &body(499, "CANCELLED", "x", "")).fault, Fault::Provider);
    assert_eq!(error(502, "<html>").message, "the provider answered with status 502 (Bad Gateway)");
}

#[test]
fn candidates_have_calls_and_ends_of_their_own() {
    let call = json!({"parts": [{"functionCall": {"name": "f"}}]});
    let piece = |candidates: Value| {
        json!({"candidates": candidates, "usageMetadata": {"candidatesTokenCount": 3}, "responseId": "r"})
            .to_string()
    };
    let first = piece(json!([{"index": 0, "content": call, "finishReason": "STOP"}, {"index": 1}]));
    let second = piece(json!([{"index": 1, "content": call, "finishReason": "STOP"}]));
    let (mut decoder, mut observer) = (ADAPTER.decoder(), ADAPTER.observer(Wire::Gemini, Asked::default()));
    let mut events = Vec::new();
    for (piece, complete) in [(first, false), (second, true)] {
        decoder.event(piece.as_bytes(), &mut events).unwrap();
        observer.event(piece.as_bytes());
        for observed in [decoder.observed(), observer.observed()] {
            assert_eq!(observed.usage_complete, complete, "the other one was still being written");
        }
    }
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            chat::Event::ToolCall { index, id, .. } => Some((*index, id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!((calls[0].0, calls[1].0), (0, 0), "each answer counts its own");
    assert_ne!(calls[0].1, calls[1].1);
    let ended = |event: &&chat::Event| matches!(event, chat::Event::Finish(finish) if finish.reason == chat::FinishReason::ToolCalls);
    assert_eq!(events.iter().filter(ended).count(), 2);
}
