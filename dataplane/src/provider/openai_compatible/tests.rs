use bytes::Bytes;

use super::*;
use crate::{
    body,
    chat::{Event, FinishReason},
    provider::{Fault, Relay, testing},
    usage::Usage,
};

const ADAPTER: OpenAiCompatible =
    OpenAiCompatible { dialect: Dialect { rules: crate::provider::openai::RULES, ..OPENAI } };

/// The body that would be sent, and what was asked for.
fn relayed(adapter: &OpenAiCompatible, text: &str) -> Result<(String, Asked), Refusal> {
    let provider = testing::provider(aigne_hub_crds::config::ProviderType::OpenAI);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body = body::scan(Bytes::from(text.to_owned())).unwrap();
    let (edits, asked) = adapter.relay(Wire::OpenAiChat, &body, target)?;
    Ok((String::from_utf8(body::apply(&body, &edits).to_vec()).unwrap(), asked))
}

#[test]
fn a_plain_request_changes_only_its_model() {
    let (sent, asked) = relayed(&ADAPTER, r#"{ "model":"hub/m", "messages":[] , "unknown": 1.0 }"#).unwrap();
    assert_eq!(sent, r#"{ "model":"upstream-m", "messages":[] , "unknown": 1.0 }"#);
    assert!(!asked.usage);
    let same = r#"{"model":"upstream-m","messages":[]}"#;
    assert_eq!(relayed(&ADAPTER, same).unwrap().0, same);
}

#[test]
fn usage_is_asked_for_in_every_stream_and_cannot_be_switched_off() {
    let sent = |options: &str| {
        relayed(&ADAPTER, &format!(r#"{{"model":"upstream-m","stream":true{options}}}"#)).unwrap()
    };
    let asked = |yes| Asked { usage: yes };
    assert_eq!(
        sent(""),
        (
            r#"{"model":"upstream-m","stream":true,"stream_options":{"include_usage":true}}"#.to_owned(),
            asked(true)
        )
    );
    assert_eq!(
        sent(r#","stream_options":{"include_usage":false,"include_obfuscation":false}"#).0,
        r#"{"model":"upstream-m","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}"#
    );
    let own = r#","stream_options":{"include_usage":true}"#;
    assert_eq!(sent(own), (format!(r#"{{"model":"upstream-m","stream":true{own}}}"#), asked(false)));
    for odd in ["null", "\"x\"", "[]", r#"{"include_usage":"true"}"#] {
        let (sent, got) = sent(&format!(r#","stream_options":{odd}"#));
        assert!(sent.ends_with(r#""stream_options":{"include_usage":true}}"#), "{sent}");
        assert_eq!(got, asked(true));
    }
    for odd in ["1", "\"true\"", "[true]"] {
        let refusal = relayed(&ADAPTER, &format!(r#"{{"model":"m","stream":{odd}}}"#)).unwrap_err();
        assert_eq!(refusal.field, "stream");
    }
}

#[test]
fn nobody_gets_round_the_rules() {
    let refused =
        |member: &str| relayed(&ADAPTER, &format!(r#"{{"model":"m",{member}}}"#)).unwrap_err().field;
    assert_eq!(refused(r#""web_search_options":{}"#), "web_search_options");
    assert_eq!(refused(r#""web_search\u005foptions":{}"#), "web_search_options");
    assert_eq!(refused(r#""tools":[{"type":"function"},{"type":"web_search"}]"#), "tools[1].type");
    assert_eq!(refused(r#""tools":{"type":"web_search"}"#), "tools");
    for fine in [
        r#""service_tier":null"#,
        r#""service_tier":"auto""#,
        r#""tools":[{"type":"custom"}]"#,
        r#""tools":null"#,
    ] {
        relayed(&ADAPTER, &format!(r#"{{"model":"m",{fine}}}"#)).unwrap();
    }
}

#[test]
fn a_dialect_gets_what_it_knows() {
    let plain = OpenAiCompatible {
        dialect: Dialect {
            max_tokens: MaxTokens::Plain,
            developer_role: false,
            json_schema: false,
            ..OPENAI
        },
    };
    let (sent, _) = relayed(
        &plain,
        r#"{"model":"upstream-m","max_completion_tokens":5,"messages":[{"content":"developer","role":"developer"},{"role":"user", "content":"x"}]}"#,
    )
    .unwrap();
    assert_eq!(
        sent,
        r#"{"model":"upstream-m","max_tokens":5,"messages":[{"content":"developer","role":"system"},{"role":"user", "content":"x"}]}"#
    );
    let refusal = relayed(&plain, r#"{"model":"m","response_format":{"type":"json_schema"}}"#).unwrap_err();
    assert_eq!(refusal.field, "response_format.json_schema");
    let (sent, _) = relayed(
        &plain,
        r#"{"model":"upstream-m","messages":[],"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}}"#,
    )
    .unwrap();
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["response_format"], serde_json::json!({"type": "json_object"}));
    assert!(
        sent["messages"][0]["content"].as_str().is_some_and(|text| text.ends_with("{\"a\":1}")),
        "{sent}"
    );
}

const USAGE: &str = r#"{"prompt_tokens":125,"completion_tokens":15,"total_tokens":140,"prompt_tokens_details":{"cached_tokens":100},"completion_tokens_details":{"reasoning_tokens":5}}"#;

fn counted() -> Usage {
    Usage { input: 25, cached_input: 100, output: 15, reasoning: 5, ..Usage::default() }
}

#[test]
fn what_the_hub_asked_for_is_stripped_again() {
    let chunk = r#"{"id":"x","choices":[{"index":0,"delta":{"content":"Hi \"there\""},"finish_reason":null}],"usage":null}"#;
    let last = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let usage = format!(r#"{{"id":"x","choices":[],"usage":{USAGE}}}"#);
    let mut hub = ADAPTER.observer(Wire::OpenAiChat, Asked { usage: true });
    assert_eq!(
        hub.event(chunk.as_bytes()),
        Relay::Replace(Bytes::from_static(
            b"data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \\\"there\\\"\"},\"finish_reason\":null}]}\n\n"
        ))
    );
    assert_eq!(hub.event(last.as_bytes()), Relay::Pass);
    assert_eq!(hub.event(usage.as_bytes()), Relay::Drop);
    assert_eq!(hub.event(b"[DONE]"), Relay::Pass);
    let seen = Observed {
        usage: Some(counted()),
        usage_complete: true,
        output_bytes: 12,
        terminated: true,
        error: None,
        finish_reason: Some("stop".to_owned()),
        ..Observed::default()
    };
    assert_eq!(hub.observed(), &seen);

    let mut client = ADAPTER.observer(Wire::OpenAiChat, Asked::default());
    for event in [chunk, last, &usage, "[DONE]"] {
        assert_eq!(client.event(event.as_bytes()), Relay::Pass);
    }
    assert_eq!(client.observed(), &seen);
}

#[test]
fn usage_beside_a_choice_is_cut_out_alone() {
    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked { usage: true });
    let chunk = format!(
        r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"stop"}}], "usage": {USAGE} ,"z":1}}"#
    );
    let Relay::Replace(event) = observer.event(chunk.as_bytes()) else { panic!("not replaced") };
    assert_eq!(
        event,
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}] ,\"z\":1}\n\n"
    );
    assert_eq!(observer.observed().usage, Some(counted()));
    assert!(observer.observed().usage_complete);
}

#[test]
fn what_is_written_anew_stays_on_one_line() {
    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked { usage: true });
    let Relay::Replace(event) = observer.event(b"{\n\"usage\":null,\n\"choices\":[{}]}") else {
        panic!("not replaced")
    };
    assert_eq!(event, "data: { \"choices\":[{}]}\n\n");
}

#[test]
fn text_that_only_looks_like_usage_passes() {
    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked { usage: true });
    let chunk =
        r#"{"choices":[{"delta":{"content":"\"usage\":null","tool":{"usage":1}},"finish_reason":null}]}"#;
    assert_eq!(observer.event(chunk.as_bytes()), Relay::Pass);
    assert_eq!(observer.event(b"not JSON with \"usage\":null"), Relay::Pass);
    assert_eq!(observer.observed().usage, None);
}

#[test]
fn a_lone_surrogate_never_hides_the_usage() {
    let chunk = format!(r#"{{"choices":[],"note":"\ud83c","usage":{USAGE}}}"#);
    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked { usage: true });
    assert_eq!(observer.event(chunk.as_bytes()), Relay::Drop);
    assert_eq!(observer.observed().usage, Some(counted()));
}

#[test]
fn a_provider_that_gives_up_has_failed() {
    let chunk = br#"{"choices":[{"index":0,"delta":{"content":"Wa"},"finish_reason":"insufficient_system_resource"}]}"#;
    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked::default());
    observer.event(chunk);
    assert_eq!(observer.observed().error.as_ref().map(|error| error.fault), Some(Fault::Provider));
    let mut decoder = ADAPTER.decoder();
    let mut events = Vec::new();
    decoder.event(chunk, &mut events).unwrap();
    assert!(matches!(events.last(), Some(chat::Event::Error(_))), "{events:?}");
    let whole =
        br#"{"choices":[{"message":{"content":"Wa"},"finish_reason":"insufficient_system_resource"}]}"#;
    assert!(ADAPTER.observe(Wire::OpenAiChat, whole).error.is_some());
    assert!(ADAPTER.decode(whole).unwrap().error.is_some());
}

#[test]
fn reasoning_beside_the_completion_is_added_where_the_total_says_so() {
    let xai = OpenAiCompatible { dialect: Dialect { reasoning_is_addend: true, ..OPENAI } };
    let output = |adapter: &OpenAiCompatible, total: &str| {
        let body = format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":100,"completion_tokens":10{total},"completion_tokens_details":{{"reasoning_tokens":5}}}}}}"#
        );
        adapter.observe(Wire::OpenAiChat, body.as_bytes()).usage.map(|usage| (usage.output, usage.reasoning))
    };
    assert_eq!(output(&xai, r#","total_tokens":115"#), Some((15, 5)));
    assert_eq!(output(&xai, r#","total_tokens":110"#), Some((10, 5)));
    assert_eq!(output(&xai, ""), Some((15, 5)));
    assert_eq!(output(&ADAPTER, r#","total_tokens":110"#), Some((10, 5)));
}

#[test]
fn odd_counts_never_cost_the_usage() {
    let body = br#"{"choices":[],"usage":{"prompt_tokens":"12","completion_tokens":3.0,"total_tokens":null,"prompt_tokens_details":{"cached_tokens":99,"audio_tokens":[]},"cost":1e-7}}"#;
    let usage = ADAPTER.observe(Wire::OpenAiChat, body).usage.unwrap();
    assert_eq!((usage.input, usage.cached_input, usage.output), (0, 12, 3));
    assert_eq!(usage.reported_cost_nanos, Some(100));
}

#[test]
fn errors_are_read_in_every_shape() {
    let error = |status: u16, body: &str| {
        let error = ADAPTER.error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes());
        (error.fault, error.message, error.code, error.param)
    };
    let owned = |text: &str| Some(text.to_owned());
    assert_eq!(
        error(400, r#"{"error":{"message":"Bad","type":"invalid_request_error","param":"n","code":null}}"#),
        (Fault::Request, "Bad".into(), owned("invalid_request_error"), owned("n"))
    );
    assert_eq!(
        error(
            429,
            r#"{"error":{"message":"You exceeded","type":"insufficient_quota","code":"insufficient_quota"}}"#
        )
        .0,
        Fault::Forbidden
    );
    assert_eq!(error(429, "{}").0, Fault::Throttled);
    assert_eq!(
        error(402, r#"{"error":{"code":402,"message":"Insufficient credits","metadata":{}}}"#),
        (Fault::Forbidden, "Insufficient credits".into(), owned("402"), None)
    );
    assert_eq!(
        error(
            400,
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***"}"#
        )
        .0,
        Fault::Credential
    );
    assert_eq!(
        error(404, r#"{"error":"model 'x' not found"}"#),
        (Fault::Request, "model 'x' not found".into(), None, None)
    );
    assert_eq!(
        error(502, "<html>Bad Gateway</html>"),
        (Fault::Provider, "the provider answered with status 502 (Bad Gateway)".into(), None, None)
    );
    assert_eq!(error(529, "").0, Fault::Provider);
    assert_eq!(error(408, "").0, Fault::Provider);
    assert_eq!(error(302, "").0, Fault::Provider);
    assert_eq!(error(401, r#"[{"error":{"message":"m"}}]"#), (Fault::Credential, "m".into(), None, None));
}

#[test]
fn an_error_inside_a_good_answer_is_seen() {
    let body = br#"{"error":{"code":502,"message":"Provider disconnected"}}"#;
    let error = ADAPTER.observe(Wire::OpenAiChat, body).error.unwrap();
    assert_eq!(
        (error.status, error.fault, error.message.as_str()),
        (200, Fault::Provider, "Provider disconnected")
    );
    assert_eq!(ADAPTER.decode(body).unwrap().error.unwrap().message, "Provider disconnected");

    let mut observer = ADAPTER.observer(Wire::OpenAiChat, Asked::default());
    let chunk = br#"{"id":"gen-1","error":{"code":429,"message":"slow down"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    assert_eq!(observer.event(chunk), Relay::Pass);
    assert_eq!(observer.observed().error.as_ref().map(|error| error.fault), Some(Fault::Throttled));
    assert_eq!(ADAPTER.observe(Wire::OpenAiChat, br#"{"choices":[],"error":null}"#).error, None);
}

#[test]
fn what_is_thought_beyond_the_limit_is_bounded_apart() {
    use aigne_hub_crds::config::ProviderType as Type;
    let apart = |r#type| crate::provider::adapter(r#type).reasoning_is_apart();
    assert!(apart(Type::Doubao) && apart(Type::XAI) && !apart(Type::OpenAI));
}

#[test]
fn choices_have_calls_and_ends_of_their_own() {
    let mut decoder = OpenAiCompatible { dialect: OPENAI }.decoder();
    let mut events = Vec::new();
    let call = |index: u32| {
        format!(
            r#"{{"index":{index},"delta":{{"tool_calls":[{{"function":{{"name":"f","arguments":"{{}}"}}}}]}}}}"#
        )
    };
    let end = |index: u32| format!(r#"{{"index":{index},"finish_reason":"stop"}}"#);
    for (choices, complete) in
        [(format!("{},{}", call(0), call(1)), false), (end(1), false), (end(0), true), (String::new(), true)]
    {
        let chunk = format!(r#"{{"id":"c","choices":[{choices}],"usage":{{"completion_tokens":3}}}}"#);
        decoder.event(chunk.as_bytes(), &mut events).unwrap();
        assert_eq!(decoder.observed().usage_complete, complete);
    }
    let calls: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolCall { index, id, .. } => Some((*index, id.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!((calls[0].0, calls[1].0), (0, 0), "each answer counts its own");
    assert_ne!(calls[0].1, calls[1].1);
    let ended =
        |event: &&Event| matches!(event, Event::Finish(finish) if finish.reason == FinishReason::ToolCalls);
    assert_eq!(events.iter().filter(ended).count(), 2);
}

#[test]
fn only_a_schema_that_strict_mode_takes_is_sent_as_strict() {
    use serde_json::{Value, json};
    let sent = |wire: Wire, request: &Value| -> Value {
        let provider = testing::provider(aigne_hub_crds::config::ProviderType::OpenAI);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let request = wire.decode(&body::scan(request.to_string().into()).unwrap()).unwrap();
        serde_json::from_slice(&ADAPTER.encode(&request, target).unwrap()).unwrap()
    };
    let strict = |wire: Wire, request: &Value| {
        sent(wire, request)["response_format"]["json_schema"].get("strict").cloned()
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
        "additionalProperties": false});
    let optional =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let contents = json!([{"role": "user", "parts": [{"text": "x"}]}]);
    let gemini = |member: &str, schema: &Value| json!({"contents": contents, "generationConfig": {"responseMimeType": "application/json", member: schema}});
    let anthropic = |schema: &Value| {
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
            "output_config": {"format": {"type": "json_schema", "schema": schema}}})
    };
    let responses = |schema: &Value| {
        json!({"model": "m", "input": "x",
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": true}}})
    };
    assert_eq!(strict(Wire::Gemini, &gemini("responseJsonSchema", &closed)), Some(json!(true)));
    assert_eq!(strict(Wire::Gemini, &gemini("responseJsonSchema", &optional)), None);
    let pydantic = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]});
    assert_eq!(strict(Wire::Gemini, &gemini("responseSchema", &pydantic)), None);
    assert_eq!(strict(Wire::AnthropicMessages, &anthropic(&closed)), Some(json!(true)));
    assert_eq!(strict(Wire::AnthropicMessages, &anthropic(&optional)), None);
    // Who has the word is taken at it.
    assert_eq!(strict(Wire::OpenAiResponses, &responses(&optional)), Some(json!(true)));

    let function = |name: &str, schema: &Value| json!({"name": name, "parametersJsonSchema": schema});
    let validated = json!({"contents": contents, "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
        "tools": [{"functionDeclarations": [function("f", &closed), function("g", &optional)]}]});
    let tools = sent(Wire::Gemini, &validated)["tools"].take();
    assert_eq!(tools[0]["function"]["strict"], json!(true));
    assert_eq!(tools[1]["function"].get("strict"), None);
}
