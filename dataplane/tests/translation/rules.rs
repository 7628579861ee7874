use aigne_hub::{body, provider::Target, wire::Wire};
use aigne_hub_crds::config::ProviderType as Type;

use super::support::{PROVIDERS, adapter, own, provider};

/// The same for a request that comes in another wire.
fn refused_in(wire: Wire, r#type: Type, body: &str) -> Option<String> {
    let provider = provider(r#type, &[]);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body = body::scan(body.to_owned().into()).unwrap();
    adapter(r#type).relay(wire, &body, target).err().map(|refusal| refusal.field)
}

#[test]
fn no_response_reaches_what_is_stored_or_paid_for() {
    let relaying = PROVIDERS.into_iter().filter(|(r#type, _)| adapter(*r#type).relays(Wire::OpenAiResponses));
    let names: Vec<&str> = relaying.clone().map(|(_, name)| name).collect();
    assert_eq!(names, ["openai", "openrouter", "xai", "doubao", "poe"]);
    for (r#type, name) in relaying {
        let refused =
            |member: &str| refused_in(Wire::OpenAiResponses, r#type, &format!(r#"{{"model":"m",{member}}}"#));
        for (field, member) in [
            ("previous_response_id", r#""previous_response_id":"resp_1""#),
            ("conversation", r#""conversation":{"id":"conv_1"}"#),
            ("prompt", r#""prompt":{"id":"pmpt_1"}"#),
            ("background", r#""background":true"#),
            ("context_management", r#""context_management":[{"type":"compaction"}]"#),
            ("moderation", r#""moderation":{"model":"m"}"#),
            ("prompt_cache_options", r#""prompt_cache_options":{"ttl":"12h"}"#),
            ("service_tier", r#""service_tier":"flex""#),
            ("stream", r#""stream":1"#),
            ("tools[0].type", r#""tools":[{"type":"web_search"}]"#),
            ("tools[0].type", r#""tools":[{"type":"mcp","server_url":"https://example.com"}]"#),
            ("tools[0].type", r#""tools":[{"type":"code_interpreter","container":{"type":"auto"}}]"#),
            ("tools[0].type", r#""tools":[{"type":"shell"}]"#),
            (
                "input[1].type",
                r#""input":[{"role":"user","content":"a"},{"type":"item_reference","id":"x"}]"#,
            ),
            (
                "input[0].file_id",
                r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            ),
        ] {
            assert_eq!(refused(member).as_deref(), Some(field), "{name}: {member}");
        }
        for fine in [
            r#""previous_response_id":null"#,
            r#""background":false"#,
            r#""store":false,"include":["reasoning.encrypted_content"],"prompt_cache_key":"k""#,
            r#""tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"local_shell"}]"#,
            r#""input":"Hi","stream":true"#,
        ] {
            assert_eq!(refused(fine), None, "{name}: {fine}");
        }
    }
    let doubao =
        refused_in(Wire::OpenAiResponses, Type::Doubao, r#"{"model":"m","caching":{"type":"enabled"}}"#);
    assert_eq!(doubao.as_deref(), Some("caching"));
}

#[test]
fn legacy_completions_keep_to_the_same_rules() {
    for r#type in [Type::OpenAI, Type::Ollama, Type::OpenAICompatible] {
        let refused = |member: &str| {
            refused_in(Wire::OpenAiCompletions, r#type, &format!(r#"{{"model":"m","prompt":"x",{member}}}"#))
        };
        assert_eq!(refused(r#""service_tier":"priority""#).as_deref(), Some("service_tier"), "{type:?}");
        assert_eq!(refused(r#""stream":"yes""#).as_deref(), Some("stream"), "{type:?}");
        assert_eq!(refused(r#""echo":true,"logprobs":1,"suffix":"y","best_of":2"#), None, "{type:?}");
    }
}

/// What is sent of a request that is translated, or the field that it is refused for.
fn translated(wire: Wire, r#type: Type, model: &str, body: &str) -> Result<serde_json::Value, String> {
    let mut provider = provider(r#type, &[]);
    if !model.is_empty() {
        provider.models[0].upstream_model = model.into();
    }
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body = body::scan(body.to_owned().into()).unwrap();
    let request = wire.decode(&body).map_err(|error| error.param.unwrap_or_default())?;
    let sent = adapter(r#type).encode(&request, target).map_err(|refusal| refusal.field)?;
    Ok(serde_json::from_slice(&sent).unwrap())
}

#[test]
fn top_k_is_never_dropped_by_those_who_do_not_ignore_it() {
    const ANTHROPIC: &str =
        r#"{"model":"m","max_tokens":9,"top_k":40,"messages":[{"role":"user","content":"x"}]}"#;
    const GEMINI: &str = r#"{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"topK":40.0}}"#;
    for (wire, body) in [(Wire::AnthropicMessages, ANTHROPIC), (Wire::Gemini, GEMINI)] {
        for (r#type, name) in PROVIDERS {
            let sent = translated(wire, r#type, "", body);
            let place = match r#type {
                Type::OpenRouter | Type::OpenAICompatible | Type::Anthropic => Some("/top_k"),
                Type::Bedrock => Some("/additionalModelRequestFields/top_k"),
                Type::Gemini => Some("/generationConfig/topK"),
                // It says so of its own endpoint in Anthropic's format.
                Type::DeepSeek => None,
                _ => {
                    assert_eq!(sent.unwrap_err(), "top_k", "{name}");
                    continue;
                }
            };
            let sent = sent.unwrap();
            let found = place.and_then(|place| sent.pointer(place)).and_then(serde_json::Value::as_u64);
            assert_eq!(found, place.map(|_| 40), "{name}: {sent}");
            assert_eq!(
                sent.to_string().contains("top_k"),
                place.is_some_and(|place| place.contains("top_k"))
            );
        }
    }
}

#[test]
fn a_cache_is_marked_where_openais_model_takes_marks() {
    const BODY: &str = r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
        "messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}},
        {"type":"text","text":"y"}]}]}"#;
    let marks = |r#type, model| {
        let sent = translated(Wire::AnthropicMessages, r#type, model, BODY).unwrap().to_string();
        assert!(!sent.contains("cache_control"));
        sent.matches(r#""prompt_cache_breakpoint":{"mode":"explicit"}"#).count()
    };
    for model in ["gpt-5.6", "gpt-5.6-mini-2026-09-01", "gpt-5.10", "gpt-6", "ft:gpt-5.6-mini:org::x"] {
        assert_eq!(marks(Type::OpenAI, model), 2, "{model}");
    }
    for model in ["gpt-5.5", "gpt-5", "gpt-4o", "o3", "gpt-", "m"] {
        assert_eq!(marks(Type::OpenAI, model), 0, "{model}");
    }
    assert_eq!(marks(Type::XAI, "gpt-5.6"), 0);
}

#[test]
fn settings_of_openais_cache_do_not_reach_gemini() {
    const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"prompt_cache_key":"k",
        "prompt_cache_options":{"mode":"explicit"},"prompt_cache_retention":"24h"}"#;
    let sent = translated(Wire::OpenAiChat, Type::Gemini, "", BODY).unwrap().to_string();
    assert!(!sent.contains("prompt_cache"), "{sent}");
}

#[test]
fn what_only_anthropics_tools_have_is_refused_by_name() {
    let ask = |member: &str| {
        let body = format!(
            r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"x"}}],
            "tools":[{{"name":"f","input_schema":{{"type":"object"}}{member}}}]}}"#
        );
        translated(Wire::AnthropicMessages, Type::OpenAI, "", &body).map(|_| ())
    };
    for (field, member) in [
        ("input_examples", r#","input_examples":[{"a":1}]"#),
        ("defer_loading", r#","defer_loading":true"#),
        ("allowed_callers", r#","allowed_callers":["code_execution_20260120"]"#),
        ("allowed_callers", r#","allowed_callers":["direct","code_execution_20260120"]"#),
    ] {
        assert_eq!(ask(member).unwrap_err(), format!("tools[0].{field}"), "{member}");
    }
    ask(r#","input_examples":[],"defer_loading":false,"allowed_callers":["direct"],"eager_input_streaming":true"#)
        .unwrap();
}

#[test]
fn sources_are_sent_and_cited_where_they_are_known() {
    const BODY: &str = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"x"},
        {"type":"document","source":{"type":"text","media_type":"text/plain","data":"y"},"citations":{"enabled":true}}]}]}"#;
    for (r#type, name) in PROVIDERS {
        let sent = translated(Wire::AnthropicMessages, r#type, "", BODY);
        if matches!(r#type, Type::Bedrock | Type::Anthropic) {
            assert!(sent.unwrap().to_string().contains(r#""citations":{"enabled":true}"#), "{name}");
        } else {
            assert_eq!(sent.unwrap_err(), "citations", "{name}");
        }
    }
    let found = r#"{"type":"search_result","source":"https://e.org","title":"E","content":[{"type":"text","text":"y"}],"citations":{"enabled":true}}"#;
    let alone = found.to_owned();
    let of_a_tool = format!(r#"{{"type":"tool_result","tool_use_id":"t","content":[{found}]}}"#);
    for block in [alone, of_a_tool] {
        let body =
            format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{block}]}}]}}"#);
        for (r#type, name) in PROVIDERS {
            let sent = translated(Wire::AnthropicMessages, r#type, "", &body);
            match r#type {
                Type::Bedrock => assert!(sent.unwrap().to_string().contains("searchResult"), "{name}"),
                Type::Anthropic => assert!(sent.unwrap().to_string().contains("search_result"), "{name}"),
                _ => assert_eq!(sent.unwrap_err(), "search_result", "{name}"),
            }
        }
    }
}

/// The field that a refusal names, if this member is refused.
fn refused(r#type: Type, member: &str) -> Option<String> {
    let provider = provider(r#type, &[]);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body = body::scan(format!(r#"{{"model":"m","messages":[],{member}}}"#).into()).unwrap();
    let adapter = adapter(r#type);
    if adapter.relays(own(adapter)) {
        return adapter.relay(own(adapter), &body, target).err().map(|refusal| refusal.field);
    }
    match own(adapter).decode(&body) {
        Ok(request) => adapter.encode(&request, target).err().map(|refusal| refusal.field),
        Err(error) => error.param,
    }
}

#[test]
fn nothing_that_costs_or_chooses_passes_any_provider() {
    // Gemini's fields have other names; its own tests look at them.
    for (r#type, name) in PROVIDERS.into_iter().filter(|(r#type, _)| *r#type != Type::Gemini) {
        for (field, member) in [
            ("service_tier", r#""service_tier":"priority""#),
            ("stream", r#""stream":"true""#),
            ("tools[0].type", r#""tools":[{"type":"web_search_20250305"}]"#),
            ("tools[0].type", r#""tools":[{"type":"openrouter:web_search"}]"#),
        ] {
            assert_eq!(refused(r#type, member).as_deref(), Some(field), "{name}: {member}");
        }
        for fine in
            [r#""stream":true"#, r#""service_tier":"auto""#, r#""tools":[]"#, r#""some_new_field":{"a":1}"#]
        {
            assert_eq!(refused(r#type, fine), None, "{name}: {fine}");
        }
    }
}

#[test]
fn each_provider_has_its_own_ways_round_and_each_is_closed() {
    let openai_type =
        [Type::OpenAI, Type::DeepSeek, Type::Ollama, Type::OpenRouter, Type::XAI, Type::Doubao, Type::Poe];
    for r#type in openai_type.into_iter().chain([Type::OpenAICompatible]) {
        assert_eq!(
            refused(r#type, r#""web_search_options":{}"#).as_deref(),
            Some("web_search_options"),
            "{type:?}"
        );
    }
    for (r#type, field, value) in [
        (Type::OpenRouter, "models", r#"["a/b"]"#),
        (Type::OpenRouter, "route", r#""fallback""#),
        (Type::OpenRouter, "preset", r#""x""#),
        (Type::OpenRouter, "plugins", r#"[{"id":"web"}]"#),
        (Type::OpenRouter, "transforms", r#"["middle-out"]"#),
        (Type::OpenRouter, "provider", r#"{"order":["x"]}"#),
        (Type::OpenRouter, "provider", r#"{"zdr":true,"so\u0072t":"price"}"#),
        (Type::OpenRouter, "provider", r#""x""#),
        (Type::Doubao, "caching", r#"{"type":"enabled"}"#),
        (Type::XAI, "search_parameters", r#"{"mode":"on"}"#),
        (Type::XAI, "deferred", "true"),
        (Type::Poe, "web_search", "true"),
        (Type::Gemini, "serviceTier", r#""flex""#),
        (Type::Gemini, "cached_content", r#""cachedContents/1""#),
        (Type::OpenAICompatible, "models", r#"["a"]"#),
        (Type::OpenAICompatible, "provider", r#"{"zdr":true}"#),
        (Type::OpenAICompatible, "search_parameters", "{}"),
    ] {
        assert_eq!(
            refused(r#type, &format!(r#""{field}":{value}"#)).as_deref(),
            Some(field),
            "{type:?}: {value}"
        );
    }
    for (r#type, member) in [
        (Type::OpenRouter, r#""models":[ ]"#),
        (Type::OpenRouter, r#""provider":{"data_collection":"deny","zdr":true}"#),
        (Type::XAI, r#""deferred":false"#),
        (Type::OpenAI, r#""models":["not a field of this provider"]"#),
    ] {
        assert_eq!(refused(r#type, member), None, "{type:?}: {member}");
    }
}
