use aigne_hub::{
    body::{self, Body},
    provider::{Refusal, Target},
};
use aigne_hub_crds::config::{ModelFeature, Provider, ProviderType};
use bytes::Bytes;

use super::support::{PROVIDERS, WIRES, adapter, fixtures, golden, provider};

/// What is sent to the provider for a client's body, and how.
fn sent(wire: aigne_hub::wire::Wire, body: &Body, provider: &Provider) -> String {
    let adapter = adapter(provider.r#type);
    let target = Target { provider, model: &provider.models[0] };
    let refusal = |refusal: Refusal| format!("refused: {}: {}", refusal.field, refusal.message);
    if adapter.relays(wire) {
        return match adapter.relay(wire, body, target) {
            Ok((edits, asked)) => {
                format!("verbatim, {asked:?}\n{}", String::from_utf8_lossy(&body::apply(body, &edits)))
            }
            Err(error) => refusal(error),
        };
    }
    let request = match wire.decode(body) {
        Ok(request) => request,
        Err(error) => return format!("bad request: {:?}: {}", error.param, error.message),
    };
    match adapter.encode(&request, target) {
        Ok(bytes) => {
            // Every encoder writes a JSON object without duplicates.
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            body::scan(Bytes::from(bytes)).unwrap();
            format!("translated\n{}", serde_json::to_string_pretty(&value).unwrap())
        }
        Err(error) => refusal(error.in_words_of(wire)),
    }
}

#[test]
fn requests_as_each_provider_gets_them() {
    for (fixture, text) in fixtures("requests", "json") {
        let (wire, _) = WIRES.into_iter().find(|(_, name)| fixture.split('-').next() == Some(name)).unwrap();
        let body = body::scan(text).unwrap();
        for (r#type, name) in PROVIDERS {
            golden(&format!("request-{fixture}-to-{name}"), &sent(wire, &body, &provider(r#type, &[])));
        }
    }
}

#[test]
fn models_that_bound_their_thinking_themselves_get_an_effort() {
    for (fixture, text) in
        fixtures("requests", "json").into_iter().filter(|(name, _)| name.starts_with("openai"))
    {
        let provider = provider(ProviderType::Anthropic, &[ModelFeature::AdaptiveThinking]);
        let sent = sent(aigne_hub::wire::Wire::OpenAiChat, &body::scan(text).unwrap(), &provider);
        golden(&format!("request-{fixture}-to-anthropic-adaptive"), &sent);
    }
}

#[test]
fn bedrock_gets_what_the_models_maker_calls_things() {
    let models: [(&str, &str, &[ModelFeature]); 4] = [
        ("claude", "eu.anthropic.claude-x-v1:0", &[]),
        (
            "claude-adaptive",
            "eu.anthropic.claude-x-v1:0",
            &[ModelFeature::AdaptiveThinking, ModelFeature::StructuredOutput],
        ),
        ("nova", "eu.amazon.nova-2-lite-v1:0", &[]),
        ("llama", "meta.llama3-1-8b-instruct-v1:0", &[]),
    ];
    for (fixture, text) in fixtures("bedrock", "json") {
        let (wire, _) = WIRES.into_iter().find(|(_, name)| fixture.starts_with(name)).unwrap();
        let body = body::scan(text).unwrap();
        let mut pieces = Vec::new();
        for (name, id, features) in models {
            let mut provider = provider(ProviderType::Bedrock, features);
            provider.models[0].upstream_model = id.into();
            pieces.push(format!("--- {name}: {}\n", sent(wire, &body, &provider)));
        }
        golden(&format!("bedrock-{fixture}"), &pieces.concat());
    }
}

#[test]
fn ollama_gets_its_own_words() {
    let provider = provider(ProviderType::Ollama, &[]);
    for (fixture, text) in fixtures("ollama", "json") {
        let (wire, _) = WIRES.into_iter().find(|(_, name)| fixture.split('-').next() == Some(name)).unwrap();
        golden(&format!("ollama-{fixture}"), &sent(wire, &body::scan(text).unwrap(), &provider));
    }
}
