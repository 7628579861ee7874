//! A conversation that has moved from one provider to another, relayed to that one.

use crate::{
    body,
    provider::{self, Target, testing},
    wire::Wire,
};
use aigne_hub_crds::config::ProviderType;

/// What is sent of a member of the body.
fn relayed(r#type: ProviderType, model: &str, wire: Wire, name: &str, value: &str) -> String {
    let mut provider = testing::provider(r#type);
    provider.models[0].upstream_model = model.into();
    let target = Target { provider: &provider, model: &provider.models[0] };
    let text = format!(r#"{{"a": 1,  "{name}": {value}, "z" :[ ]}}"#);
    let body = body::scan(text.into()).unwrap();
    let (edits, _) = provider::adapter(r#type).relay(wire, &body, target).unwrap();
    let sent = body::scan(body::apply(&body, &edits)).unwrap();
    assert_eq!((sent.raw("a"), sent.raw("z")), (Some("1"), Some("[ ]")));
    sent.raw(name).unwrap().to_owned()
}

fn anthropic(messages: &str) -> String {
    relayed(ProviderType::Anthropic, "claude", Wire::AnthropicMessages, "messages", messages)
}

fn gemini(model: &str, contents: &str) -> String {
    relayed(ProviderType::Gemini, model, Wire::Gemini, "contents", contents)
}

fn openrouter(messages: &str) -> String {
    relayed(ProviderType::OpenRouter, "anthropic/claude", Wire::OpenAiChat, "messages", messages)
}

#[test]
fn anthropic_gets_no_thinking_that_it_has_not_signed() {
    for foreign in [
        r#"{"type":"thinking","thinking":"hm","signature":""}"#,
        r#"{"type":"thinking","thinking":"hm","signature" : ""}"#,
        r#"{"type":"thinking","thinking":"","signature":"gemini:c2ln"}"#,
        r#"{"signature": "gemini:c2ln", "thinking":"hm", "type":"thinking"}"#,
        r#"{"type":"redacted_thinking","data":"{\"type\":\"reasoning.encrypted\",\"data\":\"gAAA\"}"}"#,
    ] {
        let call = r#"{"type":"tool_use", "id":"t","name":"f","input":{ "signature":"" }}"#;
        assert_eq!(
            anthropic(&format!(
                r#"[{{"role":"user","content":"x"}}, {{"role":"assistant", "content":[{foreign}, {call}]}}]"#
            )),
            format!(r#"[{{"role":"user","content":"x"}},{{"role":"assistant", "content":[{call}]}}]"#)
        );
        // Nothing else was said.
        assert_eq!(
            anthropic(&format!(
                r#"[{{"role":"user","content":"x"}},{{"role":"assistant","content":[{foreign}]}}]"#
            )),
            r#"[{"role":"user","content":"x"}]"#
        );
    }
    for own in [
        r#"[ {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"}, {"type":"redacted_thinking","data":"ZW5j"}]}]"#,
        r#"[ {"role":"user","content":"\"signature\":\"\""}]"#,
        r#"[ {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"signature":""}}]}]"#,
        r#"[ {"role":"user","content":[{"type":"text","text":"redacted_thinking"}]} , 7]"#,
    ] {
        assert_eq!(anthropic(own), own);
    }
}

#[test]
fn gemini_gets_no_signature_that_it_has_not_made() {
    // base64 of `hub:c2ln` and of `hub-redacted:x`
    for foreign in ["aHViOmMybG4=", "aHViLXJlZGFjdGVkOng="] {
        let turn =
            |parts: &str| format!(r#"[{{"role":"model", "parts":[{parts}]}}, {{"role":"user","parts":[]}}]"#);
        let call = r#"{"functionCall":{"name":"f", "args":{}}}"#;
        let sent = gemini(
            "gemini-2.5-flash",
            &turn(&format!(
                r#"{{"text":"hm","thought":true,"thoughtSignature":"{foreign}"}},{{"text":"a", "thoughtSignature": "{foreign}"}},{call}"#
            )),
        );
        assert_eq!(
            sent,
            format!(r#"[{{"role":"model", "parts":[{{"text":"a"}},{call}]}},{{"role":"user","parts":[]}}]"#)
        );
        let sent =
            gemini("gemini-2.5-flash", &turn(&format!(r#"{{"text":"","thought_signature":"{foreign}"}}"#)));
        assert_eq!(sent, r#"[{"role":"user","parts":[]}]"#);
    }
}

#[test]
fn a_new_gemini_is_told_that_nobody_signed_a_call() {
    let call =
        |name: &str, rest: &str| format!(r#"{{"functionCall":{{"name":"{name}","args":{{}}}}{rest}}}"#);
    let turn = |parts: &str| format!(r#"[ {{"role":"model","parts":[{parts}]}}]"#);
    let skip = r#","thoughtSignature":"skip_thought_signature_validator""#;
    let unsigned = turn(&format!("{},{}", call("f", ""), call("g", "")));
    let first = format!(r#"[{{"role":"model","parts":[{},{}]}}]"#, call("f", skip), call("g", ""));
    assert_eq!(gemini("gemini-3-pro-preview", &unsigned), first);
    assert_eq!(gemini("gemini-2.5-flash", &unsigned), unsigned);
    let foreign = turn(&call("f", r#","thoughtSignature":"aHViOmMybG4=""#));
    assert_eq!(
        gemini("gemini-3-pro-preview", &foreign),
        format!(r#"[{{"role":"model","parts":[{}]}}]"#, call("f", skip))
    );
    let signed = turn(&format!("{},{}", call("f", r#","thought_signature" : "c2ln""#), call("g", "")));
    assert_eq!(gemini("gemini-3-pro-preview", &signed), signed);
}

#[test]
fn openrouter_gets_no_details_of_geminis_under_anothers_name() {
    let own = r#"{"type":"reasoning.text","text":"b","signature":"c2ln","format":"anthropic-claude-v1"}"#;
    let foreign = r#"{"type":"reasoning.text","text":"a","signature":"gemini:c2ln","format":"anthropic-claude-v1","index":0}"#;
    let said = |details: &str| format!(r#"[{{"role":"assistant","content":"a"{details} }}]"#);
    assert_eq!(
        openrouter(&said(&format!(r#", "reasoning_details": [{foreign}, {own}]"#))),
        said(&format!(r#", "reasoning_details": [{own}]"#))
    );
    assert_eq!(openrouter(&said(&format!(r#", "reasoning_details": [{foreign}]"#))), said(""));
    let fine = format!(r#"[ {{"role":"user","content":"\"gemini:x\""}}, {{"reasoning_details":[{own}]}}]"#);
    assert_eq!(openrouter(&fine), fine);
}
