use serde_json::{Value, json};

use super::{decode, encode, stream};
use crate::{
    body,
    chat::{Answer, Content, Event, FinishReason, Logprobs, Request, Response, ToolChoice, signature},
    usage::Usage,
    wire::{BadRequest, Meta, StreamEncoder as _},
};

fn read(request: &Value) -> Result<Request, BadRequest> {
    decode::decode(&body::scan(request.to_string().into()).unwrap())
}

fn with(member: &Value) -> Value {
    let mut request = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    request.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
    request
}

fn meta() -> Meta {
    Meta { model: "hub/m".into(), id: "made".into(), created: 0, include_usage: true }
}

#[test]
fn a_service_tier_has_openais_name() {
    let tier = |member: Value| {
        let request = read(&with(&member)).unwrap();
        request.extra("service_tier").map(|tier| tier.get().to_owned())
    };
    assert_eq!(tier(json!({"serviceTier": "FLEX"})).as_deref(), Some(r#""flex""#));
    assert_eq!(tier(json!({"service_tier": "standard"})).as_deref(), Some(r#""default""#));
    assert_eq!(tier(json!({})), None);
}

#[test]
fn what_only_google_has_is_refused_by_name() {
    let refused = |member: Value| read(&with(&member)).unwrap_err().param.unwrap();
    for (field, member) in [
        ("tools[0].googleSearch", json!({"tools": [{"googleSearch": {}}]})),
        ("cachedContent", json!({"cachedContent": "cachedContents/1"})),
        ("serviceTier", json!({"serviceTier": 2})),
        ("safetySettings[0].threshold", json!({"safetySettings": [{"threshold": "BLOCK_LOW_AND_ABOVE"}]})),
        ("generationConfig.candidateCount", json!({"generationConfig": {"candidateCount": 0}})),
        ("generationConfig.logprobs", json!({"generationConfig": {"logprobs": 3}})),
        (
            "generationConfig.responseModalities",
            json!({"generationConfig": {"responseModalities": ["IMAGE"]}}),
        ),
        ("generationConfig.speechConfig", json!({"generationConfig": {"speechConfig": {}}})),
        (
            "generationConfig.responseMimeType",
            json!({"generationConfig": {"responseMimeType": "text/x.enum"}}),
        ),
        ("contents[0].parts[0].executableCode", json!({"contents": [{"parts": [{"executableCode": {}}]}]})),
        (
            "contents[0].parts[0].videoMetadata",
            json!({"contents": [{"parts": [{"text": "a", "videoMetadata": {"fps": 1}}]}]}),
        ),
        (
            "tools[0].functionDeclarations[0].behavior",
            json!({"tools": [{"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}]}),
        ),
        (
            "tools[0].functionDeclarations[0].response",
            json!({"tools": [{"functionDeclarations": [{"name": "f", "response": {"type": "STRING"}}]}]}),
        ),
        ("toolConfig.retrievalConfig", json!({"toolConfig": {"retrievalConfig": {"languageCode": "en"}}})),
        (
            "toolConfig.functionCallingConfig.streamFunctionCallArguments",
            json!({"toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": true}}}),
        ),
        (
            "generationConfig.thinkingConfig.newMember",
            json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "newMember": 1}}}),
        ),
        ("contents[0].role", json!({"contents": [{"role": "system", "parts": []}]})),
    ] {
        assert_eq!(refused(member), field);
    }
    assert_eq!(read(&json!({})).unwrap_err().param.as_deref(), Some("contents"));
    let plain = json!({"name": "f", "behavior": "BLOCKING", "response": null});
    read(&with(
        &json!({"tools": [{"functionDeclarations": [plain]}], "toolConfig": {"retrievalConfig": null}}),
    ))
    .unwrap();
    read(&json!({"generateContentRequest": with(&json!({}))})).unwrap();
}

#[test]
fn calls_without_ids_pair_with_their_results() {
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
    let result =
        |name: &str, text: &str| json!({"functionResponse": {"name": name, "response": {"result": text}}});
    let request = json!({"contents": [
        {"role": "model", "parts": [call("f"), call("g"), call("f")]},
        {"role": "user", "parts": [result("f", "1"), result("g", "2"), result("f", "3")]},
    ]});
    let request = read(&request).unwrap();
    let ids = |index: usize| -> Vec<String> {
        let id = |content: &Content| match content {
            Content::ToolCall { id, .. } | Content::ToolResult { id, .. } => id.clone(),
            other => panic!("{other:?}"),
        };
        request.messages[index].parts.iter().map(|part| id(&part.content)).collect()
    };
    assert_eq!(ids(0), ["call_0", "call_1", "call_2"]);
    assert_eq!(ids(0), ids(1));
    let orphan = json!({"contents": [{"parts": [result("f", "1")]}]});
    assert_eq!(
        read(&orphan).unwrap_err().param.as_deref(),
        Some("contents[0].parts[0].functionResponse.name")
    );
}

#[test]
fn only_the_allowed_functions_are_shown() {
    let choice = |mode: &str, allowed: Value| {
        let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
        let function = |name: &&str| json!({"name": name, "parametersJsonSchema": schema});
        let functions: Vec<Value> = ["a", "b", "c"].iter().map(function).collect();
        let calling = json!({"mode": mode, "allowedFunctionNames": allowed});
        let request = read(&with(&json!({
            "tools": [{"functionDeclarations": functions}],
            "toolConfig": {"functionCallingConfig": calling},
        })));
        let request = request.unwrap();
        let names: Vec<String> = request.tools.iter().map(|tool| tool.name.clone()).collect();
        (request.tool_choice, names.concat(), request.tools.iter().all(|tool| tool.strict == Some(true)))
    };
    assert_eq!(choice("ANY", json!(["b"])), (Some(ToolChoice::Tool("b".into())), "abc".into(), false));
    assert_eq!(choice("ANY", json!(["b", "c"])), (Some(ToolChoice::Required), "bc".into(), false));
    assert_eq!(choice("VALIDATED", json!(["c"])), (Some(ToolChoice::Auto), "c".into(), true));
    assert_eq!(choice("AUTO", json!(null)), (Some(ToolChoice::Auto), "abc".into(), false));
}

#[test]
fn answers_and_log_probabilities_are_asked_for_in_either_spelling() {
    for config in [
        json!({"candidateCount": 2, "responseLogprobs": true, "logprobs": 3}),
        json!({"candidate_count": "2", "response_logprobs": true, "logprobs": 3.0}),
    ] {
        let request = read(&with(&json!({"generationConfig": config}))).unwrap();
        assert_eq!((request.n, request.logprobs), (Some(2), Some(Logprobs { top: 3 })));
    }
    let none = json!({"generationConfig": {"candidateCount": 1, "responseLogprobs": false, "logprobs": 0}});
    let request = read(&with(&none)).unwrap();
    assert_eq!((request.n, request.logprobs), (Some(1), None));
}

#[test]
fn others_signatures_come_back_as_they_were() {
    let thinking = |text: &str, signature: Option<&str>| Content::Thinking {
        text: text.into(),
        signature: signature.map(str::to_owned),
    };
    let parts = [
        thinking("hm", Some("c2ln")),
        thinking("", Some("gemini:b3du")),
        thinking("bare", None),
        Content::RedactedThinking("enc".into()),
        Content::Text("Hello".into()),
    ];
    let said = Answer { parts: parts.iter().cloned().map(Into::into).collect(), ..Answer::default() };
    let response = Response { answers: vec![said], ..Response::default() };
    let answer: Value = serde_json::from_slice(&encode::encode(&response, &meta())).unwrap();
    let request = read(&json!({"contents": [answer["candidates"][0]["content"]]})).unwrap();
    let back: Vec<Content> = request.messages[0].parts.iter().map(|part| part.content.clone()).collect();
    assert_eq!(back, parts);
    assert_eq!(signature::for_gemini("c2ln"), None);
}

#[test]
fn calls_of_a_stream_are_whole() {
    let mut encoder = stream::Encoder::new(meta());
    let mut out = Vec::new();
    let call =
        |index: u32| Event::ToolCall { index, id: format!("c{index}"), name: "f".into(), signature: None };
    let arguments = |index, text: &str| Event::ToolArguments { index, text: text.into() };
    for event in [
        Event::Text("Let me".into()),
        call(0),
        arguments(0, "{\"a\":"),
        call(1),
        arguments(0, "1}"),
        Event::Usage(Usage { input: 3, output: 5, reasoning: 2, ..Usage::default() }),
        Event::Finish(FinishReason::ToolCalls.into()),
    ] {
        encoder.event(&event, &mut out);
    }
    encoder.finish(&mut out);
    let pieces: Vec<Value> = String::from_utf8(out)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let parts = |index: usize| pieces[index]["candidates"][0]["content"]["parts"].clone();
    assert_eq!(parts(0), json!([{"text": "Let me"}]));
    assert_eq!(
        parts(1),
        json!([
            {"functionCall": {"id": "c0", "name": "f", "args": {"a": 1}}},
            {"functionCall": {"id": "c1", "name": "f", "args": {}}},
        ])
    );
    assert_eq!(pieces[2]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        pieces[2]["usageMetadata"],
        json!({"promptTokenCount": 3, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 8})
    );
    assert_eq!(pieces.len(), 3);
}
