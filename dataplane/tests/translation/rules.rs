use aigne_hub::{
    body,
    payload::Payload,
    provider::{
        Target,
        endpoints::{How, endpoint, relay},
    },
    wire::{Operation, Wire, openai_media},
};
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
            ("prompt_cache_options.ttl", r#""prompt_cache_options":{"ttl":"12h"}"#),
            (
                "prompt_cache_options.comparison_response_id",
                r#""prompt_cache_options":{"comparison_response_id":"resp_1"}"#,
            ),
            ("prompt_cache_options.prewarm", r#""prompt_cache_options":{"prewarm":true}"#),
            (
                "prompt_cache_breakpoint.ttl",
                r#""input":[{"role":"user","content":[{"type":"input_text","text":"a","prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}}]}]"#,
            ),
            ("reasoning.mode", r#""reasoning":{"effort":"low","m\u006fde":"pro"}"#),
            ("reasoning", r#""reasoning":{"mode":"pro","mode":"standard"}"#),
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
                "input[0].content[0].file_id",
                r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            ),
        ] {
            assert_eq!(refused(member).as_deref(), Some(field), "{name}: {member}");
        }
        for fine in [
            r#""previous_response_id":null"#,
            r#""background":false"#,
            r#""reasoning":{"effort":"low","mode":"standard","summary":"auto"},"prompt_cache_options":{"mode":"explicit","ttl":"30m"}"#,
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
                Type::Ollama => Some("/options/top_k"),
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
        (Type::Poe, "quality", r#""high""#),
        (Type::Poe, "duration", "10"),
        (Type::OpenRouter, "deferred_tools", r#"{"profile":"portable"}"#),
        (Type::XAI, "agent_count", "16"),
        (Type::XAI, "storage_options", r#"{"filename":"x"}"#),
        (Type::Doubao, "session", r#"{"id":"x"}"#),
        (Type::OpenAICompatible, "api_base", r#""https://example.com""#),
        (Type::OpenAICompatible, "context_window_fallbacks", r#"[{"a":["b"]}]"#),
        (Type::Anthropic, "fallbacks", r#""default""#),
        (Type::Anthropic, "fallbacks", r#"[{"model":"dearer"}]"#),
        (Type::Anthropic, "fallback_credit_token", r#""x""#),
        (Type::Anthropic, "thread", r#"{"type":"continue","previous_message_id":"msg_1"}"#),
        (Type::Anthropic, "diagnostics.previous_message_id", r#"{"previous_message_id":"msg_1"}"#),
        (Type::Anthropic, "compaction", r#"{"type":"summarize"}"#),
        (Type::Anthropic, "context_management.edits", r#"{"edits":[{"type":"compact_20260112"}]}"#),
        (Type::Anthropic, "billing_policy.bill_to", r#"{"type":"billing_policy","bill_to":"user_profile"}"#),
        (Type::Gemini, "cached_content", r#""cachedContents/1""#),
        (Type::OpenAICompatible, "models", r#"["a"]"#),
        (Type::OpenAICompatible, "provider", r#"{"zdr":true}"#),
        (Type::OpenAICompatible, "search_parameters", "{}"),
    ] {
        let name = field.split('.').next().unwrap_or_default();
        assert_eq!(
            refused(r#type, &format!(r#""{name}":{value}"#)).as_deref(),
            Some(field),
            "{type:?}: {value}"
        );
    }
    for (r#type, member) in [
        (
            Type::Anthropic,
            r#""diagnostics":{"previous_message_id":null},"billing_policy":{"bill_to":"self"}"#,
        ),
        (
            Type::Anthropic,
            r#""context_management":{"edits":[{"type":"clear_tool_uses_20250919","keep":{"type":"tool_uses","value":3}}]}"#,
        ),
        (Type::OpenRouter, r#""models":[ ]"#),
        (Type::OpenRouter, r#""provider":{"data_collection":"deny","zdr":true}"#),
        (Type::XAI, r#""deferred":false"#),
        (Type::OpenAI, r#""models":["not a field of this provider"]"#),
    ] {
        assert_eq!(refused(r#type, member), None, "{type:?}: {member}");
    }
}

#[test]
fn a_provider_is_known_to_run_a_tool_unless_it_is_known_not_to() {
    let anthropic =
        |kind: &str| refused(Type::Anthropic, &format!(r#""tools":[{{"type":"{kind}","name":"x"}}]"#));
    for own in [
        "custom",
        "bash_20250124",
        "text_editor_20250728",
        "computer_20251124",
        "memory_20250818",
        "computer_toolset_20260801",
        "browser_toolset_20260801",
    ] {
        assert_eq!(anthropic(own), None, "{own}");
    }
    for foreign in [
        "bash_code_execution_20260101",
        "computer_cloud",
        "memory_store_20260101",
        "memory_2025",
        "advisor_20260301",
        "tool_search_tool_bm25_20251119",
        "mcp_toolset",
        "web_fetch_20260318",
    ] {
        assert_eq!(anthropic(foreign).as_deref(), Some("tools[0].type"), "{foreign}");
    }
    for (r#type, name) in PROVIDERS.into_iter().filter(|(r#type, _)| *r#type != Type::Gemini) {
        for foreign in
            ["something_new", "openrouter:fusion", "doubao_app", "view_image", "programmatic_tool_calling"]
        {
            let refused = refused(r#type, &format!(r#""tools":[{{"type":"{foreign}","name":"x"}}]"#));
            assert_eq!(refused.as_deref(), Some("tools[0].type"), "{name}: {foreign}");
        }
    }
    for foreign in ["mcpServers", "exaAiSearch", "parallelAiSearch", "fileSearch", "something_new"] {
        let refused = refused(Type::Gemini, &format!(r#""contents":[],"tools":[{{"{foreign}":{{}}}}]"#));
        assert_eq!(refused, Some(format!("tools[0].{foreign}")));
    }
    let inline = r#"[{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"web_search_20260318","name":"s"}}}]}]"#;
    assert_eq!(
        refused_in(
            Wire::AnthropicMessages,
            Type::Anthropic,
            &format!(r#"{{"model":"m","messages":{inline}}}"#)
        )
        .as_deref(),
        Some("messages[0].content[0].tool.type")
    );
}

#[test]
fn nothing_that_lies_in_the_providers_account_can_be_named() {
    let openai_type = PROVIDERS.into_iter().filter(|(r#type, _)| adapter(*r#type).relays(Wire::OpenAiChat));
    for (r#type, name) in openai_type {
        let chat = |body: &str| refused_in(Wire::OpenAiChat, r#type, &format!(r#"{{"model":"m",{body}}}"#));
        for (field, body) in [
            (
                "messages[0].content[0].file.file_id",
                r#""messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]"#,
            ),
            ("messages[0].audio.id", r#""messages":[{"role":"assistant","audio":{"id":"audio_1"}}]"#),
            ("audio.voice", r#""messages":[],"audio":{"format":"wav","voice":{"id":"voice_1"}}"#),
            ("previous_response_id", r#""messages":[],"previous_response_id":"resp_1""#),
            ("moderation", r#""messages":[],"moderation":{"model":"omni"}"#),
            ("prompt_cache_options.ttl", r#""messages":[],"prompt_cache_options":{"ttl":"12h"}"#),
            ("reasoning.mode", r#""messages":[],"reasoning":{"mode":"pro"}"#),
            (
                "cache_control.ttl",
                r#""messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"x":1,"ttl":"1h"}}]}]"#,
            ),
        ] {
            assert_eq!(chat(body).as_deref(), Some(field), "{name}: {body}");
        }
        let fine = r#""messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}}]}],"audio":{"format":"wav","voice":"alloy"},"prompt_cache_options":{"mode":"explicit","ttl":"30m"},"reasoning":{"effort":"low"}"#;
        assert_eq!(chat(fine), None, "{name}");
    }
    let messages = |content: &str| {
        let body =
            format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{content}]}}]}}"#);
        refused_in(Wire::AnthropicMessages, Type::Anthropic, &body)
    };
    for (field, content) in [
        (
            "messages[0].content[0].source.file_id",
            r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#,
        ),
        ("messages[0].content[0].file_id", r#"{"type":"container_upload","file_id":"file_1"}"#),
        (
            "messages[0].content[0].content[0].source.file_id",
            r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}"#,
        ),
    ] {
        assert_eq!(messages(content).as_deref(), Some(field), "{content}");
    }
    assert_eq!(
        messages(r#"{"type":"tool_use","id":"t","name":"open","input":{"file_id":"the client's own"}}"#),
        None
    );
}

#[test]
fn gemini_makes_no_pictures_and_looks_at_films_once() {
    let gemini = |body: &str| refused_in(Wire::Gemini, Type::Gemini, &format!("{{{body}}}"));
    for (field, body) in [
        (
            "generationConfig.responseFormat",
            r#""generationConfig":{"responseFormat":[{"text":{}},{"image":{"imageSize":"SIZE_4K"}}]}"#,
        ),
        ("generation_config.response_format", r#""generation_config":{"response_format":{"video":{}}}"#),
        (
            "contents[0].parts[0].mediaProcessing",
            r#""contents":[{"parts":[{"mediaProcessing":"AGENTIC","inlineData":{"mimeType":"video/mp4","data":"AA=="}}]}]"#,
        ),
        ("contents[0].parts[0].media_processing", r#""contents":[{"parts":[{"media_processing":2}]}]"#),
    ] {
        assert_eq!(gemini(body).as_deref(), Some(field), "{body}");
    }
    let fine = r#""contents":[{"parts":[{"mediaProcessing":"STATIC"}]}],"generationConfig":{"responseFormat":[{"text":{"mimeType":"x"}},{"audio":{}}]}"#;
    assert_eq!(gemini(fine), None);
}

/// The field that a refusal names, if this is refused beside chat.
fn refused_beside(r#type: Type, operation: Operation, member: &str) -> Option<String> {
    let provider = provider(r#type, &[]);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let text = format!(r#"{{"model":"m","prompt":"p","input":"hi",{member}}}"#);
    let payload = Payload::Json(body::scan(text.into()).unwrap());
    let request = match openai_media::decode(operation, &payload) {
        Ok(request) => request,
        Err(error) => return error.param,
    };
    match endpoint(operation, target).expect("it has such an endpoint").how {
        How::Relayed(checked) => relay(checked, &request, &payload, target).err(),
        How::Translated(translation) => translation.encode(&request, target).err(),
    }
    .map(|refusal| refusal.field)
}

#[test]
fn beside_chat_nothing_chooses_another_model_or_makes_more_than_is_paid_for() {
    use Operation::{Embeddings, Images, Speech};
    let of_openai = [Type::OpenAI, Type::OpenAICompatible];
    let of_images = [Type::OpenAI, Type::OpenAICompatible, Type::XAI, Type::Doubao];
    for (types, operation, field, value) in [
        (&of_openai[..], Images, "svg", r#"{"model":"dearer"}"#),
        (&of_openai, Images, "frame_count", "16"),
        (&of_openai, Images, "complexity", r#""high""#),
        (&of_openai, Images, "output_format", r#""gif""#),
        (&of_openai, Images, "output_format", r#""svg""#),
        (&of_openai, Speech, "voice", r#"{"id":"voice_1"}"#),
        (&of_images, Images, "service_tier", r#""priority""#),
        (&[Type::Doubao, Type::OpenAICompatible], Images, "sequential_image_generation", r#""auto""#),
        (&[Type::Doubao, Type::OpenAICompatible], Images, "layer_decomposition", "true"),
        (&[Type::Doubao, Type::OpenAICompatible], Images, "tools", r#"[{"type":"web_search"}]"#),
        (&[Type::XAI, Type::OpenAICompatible], Images, "storage_options", r#"{"filename":"x"}"#),
        (&[Type::OpenRouter], Embeddings, "models", r#"["a/b"]"#),
        (&[Type::OpenRouter], Embeddings, "provider", r#"{"order":["x"]}"#),
        (&[Type::Ollama, Type::Doubao, Type::OpenAI], Embeddings, "service_tier", r#""flex""#),
    ] {
        for r#type in types {
            let refused = refused_beside(*r#type, operation, &format!(r#""{field}":{value}"#));
            assert_eq!(refused.as_deref(), Some(field), "{type:?} {operation:?}: {value}");
        }
    }
    for (types, operation, member) in [
        (
            &of_openai[..],
            Images,
            r#""output_format":"webp","quality":"high","moderation":"low","background":"opaque","partial_images":2,"stream":true"#,
        ),
        (&of_openai, Speech, r#""voice":"alloy","instructions":"calmly","speed":1.5"#),
        (&[Type::XAI], Images, r#""resolution":"2k","aspect_ratio":"1:1""#),
        (&[Type::Doubao], Images, r#""sequential_image_generation":"disabled","watermark":false,"seed":1"#),
        (&[Type::OpenRouter], Embeddings, r#""provider":{"zdr":true},"input_type":"search_query""#),
    ] {
        for r#type in types {
            assert_eq!(refused_beside(*r#type, operation, member), None, "{type:?} {operation:?}: {member}");
        }
    }
}

#[test]
fn reasoning_that_says_nothing_by_itself_stands_in_no_translated_request() {
    // Ollama signs nothing, and takes what was thought as a text.
    let translating = PROVIDERS
        .into_iter()
        .filter(|(r#type, _)| *r#type != Type::Ollama && !adapter(*r#type).relays(Wire::OpenAiResponses));
    for (r#type, name) in translating {
        let provider = provider(r#type, &[]);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let sent = |thought: &str| {
            let text = format!(
                r#"{{"model":"m","input":[{{"role":"user","content":"a"}},{thought},{{"role":"assistant","content":"b"}},{{"role":"user","content":"c"}}]}}"#
            );
            let request = Wire::OpenAiResponses.decode(&body::scan(text.into()).unwrap()).unwrap();
            String::from_utf8(adapter(r#type).encode(&request, target).unwrap()).unwrap()
        };
        for thought in [
            r#"{"type":"reasoning"}"#,
            r#"{"type":"reasoning","id":"rs_hidden"}"#,
            r#"{"type":"reasoning","summary":[]}"#,
            r#"{"type":"reasoning","id":"rs_hidden","summary":[],"encrypted_content":null}"#,
            r#"{"type":"reasoning","id":"rs_hidden","summary":[],"content":null,"encrypted_content":""}"#,
            r#"{"type":"reasoning","id":"rs_hidden","summary":[],"encrypted_content":"hidden, another provider's"}"#,
            // Nobody signed it, so no provider would take it for what it thought.
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"hidden"}]}"#,
            r#"{"type":"reasoning","content":[{"type":"reasoning_text","text":"hidden"}]}"#,
        ] {
            let sent = sent(thought);
            assert!(!sent.contains("hidden") && !sent.contains("think"), "{name}: {thought}: {sent}");
        }
    }
}

/// The field that a refusal names where this member comes in Anthropic's format and is translated.
fn refused_translated(r#type: Type, member: &str) -> Option<String> {
    let provider = provider(r#type, &[]);
    let target = Target { provider: &provider, model: &provider.models[0] };
    let body =
        format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}],{member}}}"#);
    match Wire::AnthropicMessages.decode(&body::scan(body.into()).unwrap()) {
        Ok(request) => adapter(r#type).encode(&request, target).err().map(|refusal| refusal.field),
        Err(error) => error.param,
    }
}

#[test]
fn ollamas_own_format_reaches_neither_the_machine_nor_what_it_cannot_do() {
    for (field, member) in [
        ("service_tier", r#""service_tier":"priority""#),
        ("web_search_options", r#""web_search_options":{}"#),
        ("container", r#""container":"c""#),
        ("mcp_servers", r#""mcp_servers":[{"url":"https://example.com"}]"#),
        ("keep_alive", r#""keep_alive":-1"#),
        ("runner", r#""runner":"llamacpp""#),
        ("_debug_render_only", r#""_debug_render_only":true"#),
        ("think", r#""think":true"#),
        ("format", r#""format":"json""#),
        ("options.num_ctx", r#""options":{"num_ctx":1000000}"#),
        ("options.num_gpu", r#""options":{"min_p":0.1,"num_gpu":0}"#),
        ("options.num_predict", r#""options":{"num_predict":-1}"#),
        ("options.stop", r#""options":{"s\u0074op":["x"]}"#),
        ("options", r#""options":{"min_p":1,"min\u005fp":2}"#),
        ("options", r#""options":[]"#),
        ("tool_choice", r#""tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"any"}"#),
        ("n", r#""n":2"#),
        ("logprobs", r#""logprobs":true"#),
        ("top_logprobs", r#""top_logprobs":3"#),
        ("logit_bias", r#""logit_bias":{"1":2}"#),
        ("audio", r#""audio":{}"#),
        ("modalities", r#""modalities":["audio"]"#),
    ] {
        assert_eq!(refused_translated(Type::Ollama, member).as_deref(), Some(field), "{member}");
    }
    for fine in [
        r#""service_tier":"auto""#,
        r#""mcp_servers":[]"#,
        r#""keep_alive":null"#,
        r#""options":{"min_p":0.1}"#,
        r#""truncate":false"#,
        r#""n":1,"logprobs":false,"modalities":["text"],"some_new_field":{}"#,
    ] {
        assert_eq!(refused_translated(Type::Ollama, fine), None, "{fine}");
    }
}
