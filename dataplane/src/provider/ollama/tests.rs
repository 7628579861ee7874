use aigne_hub_crds::config::ProviderType;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{ADAPTER, encode};
use crate::{
    chat::{Content, Effort, Event, FinishReason, Message, Part, Reasoning, Request, Role, Thinking},
    framing::Framing,
    provider::{Adapter as _, Ask, Fault, Target, testing},
    usage::Usage,
    wire::{Operation, Wire},
};

fn sent(request: &Request) -> Result<Value, String> {
    let provider = testing::provider(ProviderType::Ollama);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let bytes = ADAPTER.encode(request, target).map_err(|refusal| refusal.field)?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

fn message(role: Role, parts: Vec<Content>) -> Message {
    Message::new(role, parts.into_iter().map(Part::from).collect())
}

fn call(id: &str, name: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: String::new() }
}

fn result(id: &str) -> Content {
    Content::ToolResult { id: id.into(), content: Vec::new(), is_error: false }
}

#[test]
fn what_a_client_speaks_is_relayed_and_the_rest_is_asked_natively() {
    let provider = testing::provider(ProviderType::Ollama);
    let target = Target { provider: &provider, model: &provider.models[0] };
    for (wire, path, framing) in [
        (Wire::OpenAiChat, "/v1/chat/completions", Framing::Sse),
        (Wire::OpenAiCompletions, "/v1/completions", Framing::Sse),
        (Wire::AnthropicMessages, "/api/chat", Framing::NdJson),
        (Wire::Gemini, "/api/chat", Framing::NdJson),
        (Wire::OpenAiResponses, "/api/chat", Framing::NdJson),
    ] {
        let relayed = ADAPTER.relays(wire).then_some(wire);
        let ask = Ask { relayed, operation: Operation::Chat, stream: true };
        assert_eq!(ADAPTER.path(ask, target).as_deref(), Some(path), "{wire:?}");
        assert_eq!(ADAPTER.framing(relayed), framing, "{wire:?}");
    }
    let ask = Ask { relayed: None, operation: Operation::Images, stream: false };
    assert_eq!(ADAPTER.path(ask, target), None);
}

#[test]
fn a_result_names_the_tool_of_the_call_before_it() {
    // A client may count its ids anew in each turn.
    let request = Request {
        messages: vec![
            message(Role::Assistant, vec![call("call_0", "f"), call("call_1", "g")]),
            message(Role::User, vec![result("call_1"), result("call_0")]),
            message(Role::Assistant, vec![call("call_0", "h")]),
            message(Role::User, vec![result("call_0"), result("gone")]),
        ],
        ..Request::default()
    };
    let sent = sent(&request).unwrap();
    let messages = sent["messages"].as_array().unwrap();
    let names: Vec<&Value> = messages
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| &message["tool_name"])
        .collect();
    assert_eq!(names, [&json!("g"), &json!("f"), &json!("h"), &Value::Null]);
    assert_eq!(
        messages[0]["tool_calls"][0],
        json!({"id": "call_0", "function": {"name": "f", "arguments": {}}})
    );
}

#[test]
fn an_effort_or_a_budget_says_how_much_to_think() {
    let think = |thinking, effort| encode::think(&Reasoning { thinking, effort, display: None });
    assert_eq!(think(None, None), None);
    assert_eq!(think(Some(Thinking::Disabled), Some(Effort::High)), Some("false"));
    assert_eq!(think(None, Some(Effort::None)), Some("false"));
    assert_eq!(think(Some(Thinking::Adaptive), None), Some("true"));
    assert_eq!(think(Some(Thinking::Adaptive), Some(Effort::Max)), Some(r#""high""#));
    assert_eq!(think(Some(Thinking::Budget(1024)), None), Some(r#""low""#));
    assert_eq!(think(Some(Thinking::Budget(5000)), None), Some(r#""medium""#));
    assert_eq!(think(Some(Thinking::Budget(5000)), Some(Effort::Minimal)), Some(r#""low""#));
}

#[test]
fn an_answer_has_an_end() {
    // 0 and nothing mean none to Ollama.
    assert_eq!(
        sent(&Request { max_output_tokens: Some(0), ..Request::default() }),
        Err("max_tokens".to_owned())
    );
    let unbounded = sent(&Request::default()).unwrap();
    assert_eq!((&unbounded["options"]["num_predict"], &unbounded["stream"]), (&json!(8000), &json!(false)));
}

#[test]
fn a_count_that_is_left_out_is_none_only_beside_none() {
    let usage = |counts: &str| {
        let text = format!(r#"{{"message":{{"content":"a"}},"done":true{counts}}}"#);
        let mut decoder = ADAPTER.decoder();
        decoder.event(text.as_bytes(), &mut Vec::new()).unwrap();
        let observed = ADAPTER.observe(Wire::Gemini, text.as_bytes());
        let response = ADAPTER.decode(text.as_bytes()).unwrap();
        assert_eq!((observed.usage, response.usage), (decoder.observed().usage, observed.usage));
        assert_eq!(decoder.observed().usage_complete, observed.usage.is_some());
        observed.usage
    };
    let some = |input, output| Some(Usage { input, output, ..Usage::default() });
    assert_eq!(usage(r#","prompt_eval_count":3,"eval_count":4"#), some(3, 4));
    assert_eq!(usage(r#","eval_count":4"#), some(0, 4));
    assert_eq!(usage(r#","prompt_eval_count":3"#), some(3, 0));
    assert_eq!(usage(r#","prompt_eval_count":null"#), None);
    assert_eq!(usage(r#","prompt_eval_count":0,"eval_count":0"#), None);
    assert_eq!(usage(""), None);
}

#[test]
fn a_stream_ends_with_the_line_that_is_done() {
    let mut decoder = ADAPTER.decoder();
    let mut events = Vec::new();
    decoder.event(br#"{"message":{"content":"a"},"done":false,"eval_count":1}"#, &mut events).unwrap();
    assert!(!decoder.observed().terminated && decoder.observed().usage.is_none());
    decoder.event(br#"{"done":true,"done_reason":"length","eval_count":2}"#, &mut events).unwrap();
    decoder.event(br#"{"done":true,"done_reason":"stop","eval_count":9}"#, &mut events).unwrap();
    assert!(decoder.observed().terminated && decoder.observed().usage_complete);
    let usage = Usage { output: 2, ..Usage::default() };
    let end = [Event::Finish(FinishReason::Length.into()), Event::Usage(usage)];
    assert_eq!(events[events.len() - 2..], end);
}

#[test]
fn errors_are_a_sentence_wherever_they_come() {
    let error =
        ADAPTER.error(StatusCode::NOT_FOUND, &HeaderMap::new(), br#"{"error":"model 'x' not found"}"#);
    assert_eq!((error.fault, error.message.as_str()), (Fault::Request, "model 'x' not found"));
    // Whoever must sign in is the operator: a client is not shown where.
    let body = br#"{"error":"unauthorized","signin_url":"https://ollama.com/connect?key=k"}"#;
    let error = ADAPTER.error(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body);
    assert_eq!((error.fault, error.message.as_str()), (Fault::Credential, "unauthorized"));
    let mut decoder = ADAPTER.decoder();
    let mut events = Vec::new();
    decoder.event(br#"{"error":"out of memory"}"#, &mut events).unwrap();
    assert!(matches!(&events[..], [Event::Error(failure)] if failure.message == "out of memory"));
    assert_eq!(decoder.observed().error.as_ref().map(|error| error.fault), Some(Fault::Provider));
    let error = ADAPTER.observe(Wire::Gemini, br#"{"error":"out of memory"}"#).error;
    assert_eq!(error, decoder.observed().error);
}
