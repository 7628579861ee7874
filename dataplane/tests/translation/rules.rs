use aigne_hub::{body, provider::Target};
use aigne_hub_crds::config::ProviderType as Type;

use super::support::{PROVIDERS, adapter, own, provider};

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
