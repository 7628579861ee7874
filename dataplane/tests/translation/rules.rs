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
        assert_eq!(refused(r#""web_search_options":{}"#).as_deref(), Some("web_search_options"), "{type:?}");
        assert_eq!(refused(r#""stream":"yes""#).as_deref(), Some("stream"), "{type:?}");
        assert_eq!(refused(r#""echo":true,"logprobs":1,"suffix":"y","best_of":2"#), None, "{type:?}");
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
