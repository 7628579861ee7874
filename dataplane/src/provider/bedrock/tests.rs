use super::*;
use crate::{
    body,
    provider::{Fault, testing},
};
use aigne_hub_crds::config::ProviderType;

fn sent(model: &str, body: &str) -> Result<Vec<u8>, Refusal> {
    let mut provider = testing::provider(ProviderType::Bedrock);
    provider.models[0].upstream_model = model.into();
    let target = Target { provider: &provider, model: &provider.models[0] };
    let request = Wire::OpenAiChat.decode(&body::scan(body.to_owned().into()).unwrap()).unwrap();
    ADAPTER.encode(&request, target)
}

fn asked(members: &str) -> Result<Vec<u8>, Refusal> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{members}}}"#);
    sent("anthropic.claude-x-v1:0", &body)
}

#[test]
fn a_service_tier_is_asked_for_and_read() {
    let sent =
        |tier: &str| String::from_utf8(asked(&format!(r#""service_tier":"{tier}""#)).unwrap()).unwrap();
    assert!(sent("flex").contains(r#""serviceTier":{"type":"flex"}"#));
    assert!(!sent("default").contains("serviceTier"));
    let priority = Some(crate::usage::Word::new("priority"));
    let answer = br#"{"output":{"message":{"content":[]}},"stopReason":"end_turn","usage":{"inputTokens":1},"serviceTier":{"type":"priority"}}"#;
    assert_eq!(ADAPTER.decode(answer).unwrap().service_tier, priority);
    let mut decoder = ADAPTER.decoder();
    decoder
        .event(
            br#"{"metadata":{"usage":{"inputTokens":1},"serviceTier":{"type":"priority"}}}"#,
            &mut Vec::new(),
        )
        .unwrap();
    assert_eq!(decoder.observed().service_tier, priority);
}

#[test]
fn what_converse_cannot_do_is_refused_by_name() {
    for (field, value) in [
        ("n", "2"),
        ("seed", "7"),
        ("presence_penalty", "0.5"),
        ("frequency_penalty", "-1"),
        ("logprobs", "true"),
        ("logit_bias", r#"{"1":-100}"#),
        ("audio", r#"{"voice":"x"}"#),
        ("modalities", r#"["text","audio"]"#),
        ("verbosity", r#""low""#),
        ("web_search_options", "{}"),
        ("serviceTier", r#"{"type":"priority"}"#),
        ("performanceConfig", r#"{"latency":"optimized"}"#),
        ("guardrailConfig", r#"{"guardrailIdentifier":"g"}"#),
        ("additionalModelRequestFields", r#"{"thinking":{}}"#),
        ("promptVariables", r#"{"a":{"text":"b"}}"#),
        ("speed", r#""fast""#),
        ("mcp_servers", "[{}]"),
        ("stop", r#"["END"," \n"]"#),
        ("stop", r#""""#),
    ] {
        let refusal = asked(&format!(r#""{field}":{value}"#)).expect_err(field);
        assert_eq!(refusal.field, field);
        assert!(refusal.message.contains(field), "{}", refusal.message);
    }
    for harmless in [
        r#""n":1,"logprobs":false,"top_logprobs":0,"presence_penalty":0,"frequency_penalty":0.0"#,
        r#""logit_bias":{},"modalities":["text"],"verbosity":"medium","service_tier":"auto","some_new_field":[1]"#,
    ] {
        asked(harmless).unwrap();
    }
}

#[test]
fn addresses_are_refused_by_the_name_of_their_field() {
    let part = |part: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
        sent("amazon.nova-lite-v1:0", &body)
    };
    let refused = |text: &str| part(text).unwrap_err().field;
    assert_eq!(
        refused(r#"{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}"#),
        "image_url"
    );
    assert_eq!(
        refused(r#"{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AA=="}}"#),
        "image_url"
    );
    assert_eq!(refused(r#"{"type":"file","file":{"file_id":"file-1"}}"#), "file_id");
    assert_eq!(refused(r#"{"type":"file","file":{"file_data":"data:application/zip;base64,AA=="}}"#), "file");
    assert_eq!(
        refused(r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"midi"}}"#),
        "input_audio.format"
    );
    part(r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}"#).unwrap();
}

#[test]
fn the_hubs_own_tool_is_nobody_elses() {
    let tool = r#"{"type":"function","function":{"name":"hub_structured_answer"}}"#;
    assert_eq!(asked(&format!(r#""tools":[{tool}]"#)).unwrap_err().field, "tools");
}

#[test]
fn each_way_of_asking_has_its_path() {
    let provider = testing::provider(ProviderType::Bedrock);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let ask = |stream| Ask { relayed: None, operation: Operation::Chat, stream };
    assert_eq!(ADAPTER.path(ask(false), target).as_deref(), Some("/model/upstream-m/converse"));
    assert_eq!(ADAPTER.path(ask(true), target).as_deref(), Some("/model/upstream-m/converse-stream"));
    assert_eq!(ADAPTER.path(Ask { relayed: Some(Wire::OpenAiChat), ..ask(true) }, target), None);
}

fn error(status: u16, kind: Option<&'static str>, body: &str) -> UpstreamError {
    let mut headers = HeaderMap::new();
    if let Some(kind) = kind {
        headers.insert("x-amzn-errortype", http::HeaderValue::from_static(kind));
    }
    ADAPTER.error(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
}

#[test]
fn errors_say_whose_fault_they_are() {
    let said = r#"{"message":"x"}"#;
    for (status, kind, fault) in [
        (400, "ValidationException", Fault::Request),
        (400, "ServiceQuotaExceededException", Fault::Throttled),
        (403, "AccessDeniedException", Fault::Forbidden),
        (403, "UnrecognizedClientException", Fault::Credential),
        (403, "ExpiredTokenException", Fault::Credential),
        (403, "InvalidSignatureException", Fault::Credential),
        (404, "ResourceNotFoundException", Fault::Request),
        (408, "ModelTimeoutException", Fault::Provider),
        (424, "ModelErrorException", Fault::Provider),
        (429, "ThrottlingException", Fault::Throttled),
        (429, "ModelNotReadyException", Fault::Throttled),
        (500, "InternalServerException", Fault::Provider),
        (503, "ServiceUnavailableException", Fault::Provider),
    ] {
        let read = error(status, Some(kind), said);
        assert_eq!(
            (read.fault, read.code.as_deref(), read.message.as_str()),
            (fault, Some(kind), "x"),
            "{kind}"
        );
    }
    let long = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
    assert_eq!(error(429, Some(long), said).code.as_deref(), Some("ThrottlingException"));
    let typed = r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"no"}"#;
    let read = error(403, None, typed);
    assert_eq!((read.fault, read.message.as_str()), (Fault::Credential, "no"));
    let key = r#"{"Message":"Authentication failed: Please make sure your API Key is valid."}"#;
    assert_eq!(error(403, Some("AccessDeniedException"), key).fault, Fault::Credential);
    assert_eq!(error(503, None, "<html>").fault, Fault::Provider);
}

#[test]
fn an_exception_ends_a_stream_with_its_own_kind() {
    let inside = |data: &str| {
        let mut decoder = ADAPTER.decoder();
        let mut events = Vec::new();
        decoder.event(data.as_bytes(), &mut events).unwrap();
        let error = decoder.observed().error.clone();
        (error.map(|error| error.fault), events)
    };
    let failure = |data: &str| match inside(data) {
        (Some(fault), events) => match events.as_slice() {
            [chat::Event::Error(failure)] => (fault, failure.kind, failure.message.clone()),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(
        failure(r#"{"throttlingException":{"message":"Grüße, zu viel"}}"#),
        (Fault::Throttled, chat::FailureKind::Throttled, "Grüße, zu viel".to_owned())
    );
    assert_eq!(
        failure(r#"{"serviceUnavailableException":{"message":"later"}}"#).1,
        chat::FailureKind::Overloaded
    );
    assert_eq!(failure(r#"{"modelTimeoutException":{"message":"slow"}}"#).1, chat::FailureKind::Timeout);
    assert_eq!(failure(r#"{"validationException":{"message":"bad"}}"#).0, Fault::Request);
    let model = r#"{"modelStreamErrorException":{"message":"m","originalStatusCode":500}}"#;
    assert_eq!(failure(model).0, Fault::Provider);
    assert_eq!(
        failure(r#"{"error":{"code":"InternalFailure","message":"broke"}}"#),
        (Fault::Provider, chat::FailureKind::Provider, "broke".to_owned())
    );
    let text =
        r#"{"contentBlockDelta":{"delta":{"text":"{\"throttlingException\":{}}"},"contentBlockIndex":0}}"#;
    assert_eq!(inside(text).0, None);
}

#[test]
fn usage_comes_after_the_message_has_ended() {
    let mut decoder = ADAPTER.decoder();
    let mut events = Vec::new();
    decoder.event(br#"{"messageStop":{"stopReason":"end_turn"}}"#, &mut events).unwrap();
    assert!(!decoder.observed().terminated && !decoder.observed().usage_complete);
    assert_eq!(decoder.observed().finish_reason.as_deref(), Some("end_turn"));
    decoder
        .event(br#"{"metadata":{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}}"#, &mut events)
        .unwrap();
    assert!(decoder.observed().terminated && decoder.observed().usage_complete);
}

/// What comes of a stream that answers a request with a schema, and the bytes that were counted.
fn formed(tools: &str, lines: &[&str]) -> (Vec<chat::Event>, u64) {
    let schema = r#""response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}"#;
    let sent = asked(&format!("{schema}{tools}")).unwrap();
    let mut decoder = ADAPTER.decoder_of(&sent);
    let mut events = Vec::new();
    for line in lines {
        decoder.event(line.as_bytes(), &mut events).unwrap();
    }
    (events, decoder.observed().output_bytes)
}

const WORDS: &str =
    r#"{"contentBlockDelta":{"delta":{"text":"<thinking>Well</thinking>"},"contentBlockIndex":0}}"#;
const STOP: &str = r#"{"messageStop":{"stopReason":"tool_use"}}"#;

fn call(block: u64, name: &str, input: &str) -> [String; 2] {
    let start = format!(r#"{{"toolUse":{{"toolUseId":"t{block}","name":"{name}"}}}}"#);
    let input = serde_json::Value::from(input);
    [
        format!(r#"{{"contentBlockStart":{{"start":{start},"contentBlockIndex":{block}}}}}"#),
        format!(
            r#"{{"contentBlockDelta":{{"delta":{{"toolUse":{{"input":{input}}}}},"contentBlockIndex":{block}}}}}"#
        ),
    ]
}

#[test]
fn no_words_stand_beside_an_answer_that_has_a_form() {
    use chat::{Event, FinishReason};
    let [first, input] = call(1, "hub_structured_answer", r#"{"a":1}"#);
    let [second, other] = call(2, "hub_structured_answer", r#"{"a":2}"#);
    let (events, bytes) = formed("", &[WORDS, &first, &input, &second, &other, WORDS, STOP]);
    assert_eq!(
        events[1..],
        [Event::Text(r#"{"a":1}"#.to_owned()), Event::Finish(FinishReason::Stop.into())],
        "the first answer alone"
    );
    assert_eq!(bytes, 2 * 25 + 2 * 7, "what is left out was generated all the same");
}

#[test]
fn words_without_an_answer_in_form_are_given_late() {
    use chat::{Event, FinishReason};
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let words = Event::Text("<thinking>Well</thinking>".to_owned());
    let (events, _) = formed(tools, &[WORDS, r#"{"messageStop":{"stopReason":"end_turn"}}"#]);
    assert_eq!(events[1..], [words.clone(), Event::Finish(FinishReason::Stop.into())]);

    let [called, arguments] = call(1, "f", "{}");
    let [answer, early] = call(2, "hub_structured_answer", "{}");
    let (events, _) = formed(tools, &[WORDS, &called, &arguments, &answer, &early, STOP]);
    let call = Event::ToolCall { index: 0, id: "t1".to_owned(), name: "f".to_owned(), signature: None };
    let arguments = Event::ToolArguments { index: 0, text: "{}".to_owned() };
    assert_eq!(events[1..], [words, call, arguments, Event::Finish(FinishReason::ToolCalls.into())]);
}
