use bytes::Bytes;

use super::*;
use crate::{
    body,
    provider::{Fault, Relay, testing},
    usage::Usage,
};

fn relayed(text: &str) -> Result<String, Refusal> {
    let provider = testing::provider(aigne_hub_crds::config::ProviderType::Anthropic);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body = body::scan(Bytes::from(text.to_owned())).unwrap();
    let (edits, asked) = ADAPTER.relay(Wire::AnthropicMessages, &body, target)?;
    assert_eq!(asked, Asked::default());
    Ok(String::from_utf8(body::apply(&body, &edits).to_vec()).unwrap())
}

#[test]
fn only_the_model_changes() {
    assert_eq!(
        relayed(r#"{"max_tokens": 1, "model": "hub/m" , "x": [1.0]}"#).unwrap(),
        r#"{"max_tokens": 1, "model": "upstream-m" , "x": [1.0]}"#
    );
}

#[test]
fn nobody_gets_round_the_rules() {
    let refused = |member: &str| relayed(&format!(r#"{{"model":"m",{member}}}"#)).unwrap_err().field;
    assert_eq!(refused(r#""service_tier":"priority""#), "service_tier");
    assert_eq!(refused(r#""speed":"fast""#), "speed");
    assert_eq!(refused(r#""container":"c""#), "container");
    assert_eq!(refused(r#""mcp_servers":[{"url":"https://example.com"}]"#), "mcp_servers");
    assert_eq!(refused(r#""inference_geo":"us""#), "inference_geo");
    assert_eq!(refused(r#""stream":1"#), "stream");
    assert_eq!(
        refused(r#""tools":[{"name":"f"},{"type":"web_search_20250305","name":"web_search"}]"#),
        "tools[1].type"
    );
    assert_eq!(refused(r#""tools":[{"type":"code_execution_20250825"}]"#), "tools[0].type");
    for fine in [
        r#""service_tier":"standard_only""#,
        r#""mcp_servers":[]"#,
        r#""tools":[{"name":"f"},{"type":"custom"},{"type":"bash_20250124"},{"type":"text_editor_20250728"}]"#,
        r#""stream":true"#,
    ] {
        relayed(&format!(r#"{{"model":"m",{fine}}}"#)).unwrap();
    }
}

#[test]
fn only_the_priced_cache_lifetime_passes() {
    let system = |cache: &str| {
        relayed(&format!(
            r#"{{"model":"m","system":[{{"type":"text","text":"x","cache_control":{cache}}}]}}"#
        ))
    };
    system(r#"{"type":"ephemeral"}"#).unwrap();
    system(r#"{"type":"ephemeral","ttl":"5m"}"#).unwrap();
    for long in [
        r#"{"type":"ephemeral","ttl":"1h"}"#,
        r#"{"\u0074tl":"1h","type":"ephemeral"}"#,
        r#"{"ttl" : "\u0031h"}"#,
        r#"{"type":"ephemeral","scope":"global","ttl":"1h"}"#,
    ] {
        assert_eq!(system(long).unwrap_err().field, "cache_control.ttl");
    }
    relayed(r#"{"model":"m","cache_control":{"type":"ephemeral","ttl":"1h"}}"#).unwrap_err();
    // The same words elsewhere mean nothing.
    relayed(r#"{"model":"m","messages":[{"content":[{"type":"tool_use","input":{"ttl":"1h"}},{"text":"\"ttl\":\"1h\""}]}]}"#)
        .unwrap();
}

fn counted(output: u64) -> Usage {
    Usage { input: 25, cached_input: 100, cache_write: 7, output, ..Usage::default() }
}

const START: &[u8] = br#"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":25,"cache_read_input_tokens":100,"cache_creation_input_tokens":7,"output_tokens":1}}}"#;

#[test]
fn usage_in_a_stream_is_cumulative_and_never_added() {
    let mut observer = ADAPTER.observer(Wire::AnthropicMessages, Asked::default());
    assert_eq!(observer.event(START), Relay::Pass);
    assert_eq!(observer.observed().usage, Some(counted(1)));
    assert!(!observer.observed().usage_complete);
    for output in [9, 15] {
        let delta = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{{"output_tokens":{output},"input_tokens":null}}}}"#
        );
        observer.event(delta.as_bytes());
        assert_eq!(observer.observed().usage, Some(counted(output)));
    }
    assert!(observer.observed().usage_complete);
    assert!(!observer.observed().terminated);
    observer.event(br#"{"type":"message_stop"}"#);
    assert!(observer.observed().terminated);
}

#[test]
fn an_event_is_known_by_its_own_type_only() {
    let mut observer = ADAPTER.observer(Wire::AnthropicMessages, Asked::default());
    observer.event(br#"{"index":0,"delta":{"type":"text_delta","text":"{\"type\":\"error\"}"},"type":"content_block_delta"}"#);
    observer.event(
        br#"{"type":"content_block_start","content_block":{"type":"error","error":{"message":"no"}}}"#,
    );
    assert_eq!(observer.observed().error, None);
    assert_eq!(observer.observed().output_bytes, 20);
    observer.event(br#"{"error":{"type":"rate_limit_error","message":"slow"},"type":"error"}"#);
    assert_eq!(observer.observed().error.as_ref().map(|error| error.fault), Some(Fault::Throttled));
}

#[test]
fn errors_say_whose_fault_they_are() {
    let error = |status: u16, body: &str| {
        ADAPTER.error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    };
    let body = |kind: &str, message: &str| {
        format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"r"}}"#)
    };
    let overloaded = error(529, &body("overloaded_error", "Overloaded"));
    assert_eq!(
        (overloaded.fault, overloaded.code.as_deref(), overloaded.message.as_str()),
        (Fault::Provider, Some("overloaded_error"), "Overloaded")
    );
    assert_eq!(error(401, &body("authentication_error", "x")).fault, Fault::Credential);
    assert_eq!(
        error(400, &body("invalid_request_error", "Your credit balance is too low to access")).fault,
        Fault::Forbidden
    );
    assert_eq!(error(413, "").fault, Fault::Request);
    let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    assert_eq!(error(429, spent).fault, Fault::Forbidden);
    assert_eq!(error(503, "<html>").message, "the provider answered with status 503 (Service Unavailable)");
}

#[test]
fn the_tier_that_served_is_read() {
    let answer = br#"{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1,"service_tier":"priority"}}"#;
    let priority = Some(crate::usage::Word::new("priority"));
    assert_eq!(ADAPTER.observe(Wire::AnthropicMessages, answer).service_tier, priority);
    assert_eq!(ADAPTER.decode(answer).unwrap().service_tier, priority);
    let mut observer = ADAPTER.observer(Wire::AnthropicMessages, Asked::default());
    observer.event(
        br#"{"type":"message_start","message":{"usage":{"input_tokens":1,"service_tier":"priority"}}}"#,
    );
    observer.event(br#"{"type":"message_delta","delta":{},"usage":{"output_tokens":1}}"#);
    assert_eq!(observer.observed().service_tier, priority);
}

#[test]
fn the_plain_tier_is_not_left_to_anthropics_choice() {
    let provider = testing::provider(aigne_hub_crds::config::ProviderType::Anthropic);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let sent = |tier: &str| {
        let text = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"service_tier":"{tier}"}}"#
        );
        let request = Wire::OpenAiChat.decode(&body::scan(text.into()).unwrap()).unwrap();
        String::from_utf8(ADAPTER.encode(&request, target).unwrap()).unwrap()
    };
    assert!(sent("default").contains(r#""service_tier":"standard_only""#));
    assert!(!sent("auto").contains("service_tier"));
}

#[test]
fn what_anthropic_cannot_do_is_refused_by_name() {
    let provider = testing::provider(aigne_hub_crds::config::ProviderType::Anthropic);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let refused = |member: &str| {
        let text = format!(r#"{{"model":"m","messages":[],{member}}}"#);
        let request = Wire::OpenAiChat.decode(&body::scan(text.into()).unwrap()).unwrap();
        ADAPTER.encode(&request, target).unwrap_err().field
    };
    for (field, value) in [
        ("n", "2"),
        ("logprobs", "true"),
        ("audio", "{}"),
        ("modalities", r#"["text","audio"]"#),
        ("web_search_options", "{}"),
        ("service_tier", r#""flex""#),
        ("service_tier", r#""standard_only""#),
        ("speed", r#""fast""#),
        ("system", r#""x""#),
        ("output_config", "{}"),
        ("mcp_servers", "[{}]"),
    ] {
        assert_eq!(refused(&format!(r#""{field}":{value}"#)), field);
    }
    let sound = r#""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]}]"#;
    let request = Wire::OpenAiChat.decode(&body::scan(format!("{{{sound}}}").into()).unwrap()).unwrap();
    assert_eq!(ADAPTER.encode(&request, target).unwrap_err().field, "messages");
}
