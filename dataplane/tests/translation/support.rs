//! What the tests share: a target, the fixtures, and the way an answer goes through the gateway.

use std::path::PathBuf;

use aigne_hub::{
    chat::Event,
    framing::Framing,
    provider::{self, Adapter, Asked, Observed, Relay},
    wire::{Meta, Wire},
};
use aigne_hub_crds::config::{
    Bedrock, Model, ModelFeature, ModelType, Provider, ProviderType, Retry, Timeouts,
};
use bytes::Bytes;

/// All types that can be spoken to, with the prefix of their fixtures.
pub(super) const PROVIDERS: [(ProviderType, &str); 11] = [
    (ProviderType::OpenAI, "openai"),
    (ProviderType::Anthropic, "anthropic"),
    (ProviderType::Bedrock, "bedrock"),
    (ProviderType::DeepSeek, "deepseek"),
    (ProviderType::Ollama, "ollama"),
    (ProviderType::OpenRouter, "openrouter"),
    (ProviderType::XAI, "xai"),
    (ProviderType::Doubao, "doubao"),
    (ProviderType::Poe, "poe"),
    (ProviderType::OpenAICompatible, "compatible"),
    (ProviderType::Gemini, "gemini"),
];

/// All wires that are translated, with the prefix of their fixtures.
pub(super) const WIRES: [(Wire, &str); 5] = [
    (Wire::OpenAiChat, "openai"),
    (Wire::AnthropicMessages, "anthropic"),
    (Wire::Gemini, "gemini"),
    (Wire::OpenAiResponses, "responses"),
    (Wire::OpenAiCompletions, "completions"),
];

/// What has this name in one of the tables.
pub(super) fn by_name<T: Copy>(table: &[(T, &str)], name: &str) -> T {
    table.iter().find(|(_, other)| *other == name).expect("the name is in the table").0
}

pub(super) fn adapter(r#type: ProviderType) -> &'static dyn Adapter {
    provider::adapter(r#type)
}

/// The first wire that an adapter relays; any where it relays none.
pub(super) fn own(adapter: &dyn Adapter) -> Wire {
    Wire::ALL.into_iter().find(|wire| adapter.relays(*wire)).unwrap_or(Wire::OpenAiChat)
}

/// A wire in which the provider is asked in its own format: what it relays where that is a client's, else any that is
/// translated.
pub(super) fn native(adapter: &dyn Adapter) -> Wire {
    let own = own(adapter);
    let as_a_client = adapter.relays(own) && adapter.framing(Some(own)) == adapter.framing(None);
    let translated = || Wire::ALL.into_iter().find(|wire| !adapter.relays(*wire));
    if as_a_client { own } else { translated().unwrap_or(own) }
}

pub(super) fn provider(r#type: ProviderType, features: &[ModelFeature]) -> Provider {
    Provider {
        id: "ai/p".into(),
        name: "p".into(),
        r#type,
        base_url: "https://example.com".into(),
        credentials: Vec::new(),
        models: vec![Model {
            name: "m".into(),
            upstream_model: upstream_model(r#type).into(),
            r#type: ModelType::Chat,
            aliases: Vec::new(),
            context_window: None,
            max_output_tokens: Some(8000),
            features: features.to_vec(),
        }],
        priority: 0,
        weight: 1,
        timeouts: Timeouts { connect: 1, first_token: 1, idle: 1, request: 1 },
        retry: Retry { attempts: 1, backoff: 1, max_backoff: 1 },
        concurrency: None,
        allow_insecure: false,
        allow_private: false,
        bedrock: (r#type == ProviderType::Bedrock).then(|| Bedrock { region: "eu-central-1".into() }),
    }
}

/// Bedrock's fields depend on the maker, which the id tells.
fn upstream_model(r#type: ProviderType) -> &'static str {
    match r#type {
        ProviderType::Bedrock => "eu.anthropic.claude-x-v1:0",
        _ => "upstream-m",
    }
}

/// The fixtures of a folder that end so, by name.
pub(super) fn fixtures(folder: &str, extension: &str) -> Vec<(String, Bytes)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/translation").join(folder);
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|other| other == extension))
        .map(|path| {
            let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            (name, Bytes::from(std::fs::read(&path).expect("it can be read")))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The adapter whose answers a fixture holds.
pub(super) fn adapter_of(fixture: &str) -> &'static dyn Adapter {
    let prefix = fixture.split('-').next().unwrap_or_default();
    let (r#type, _) = PROVIDERS.iter().find(|(_, name)| *name == prefix).expect("a provider's fixture");
    adapter(*r#type)
}

pub(super) fn meta(include_usage: bool) -> Meta {
    Meta { model: "hub/m".into(), id: "made-by-hub".into(), created: 1_700_000_000, include_usage }
}

/// What a client receives of a stream that is relayed, and what was learned from it.
pub(super) fn relay(adapter: &dyn Adapter, frames: &[Bytes], asked: Asked) -> (Vec<u8>, Observed) {
    relay_as(adapter, own(adapter), frames, asked)
}

/// The same in a wire that it relays beside its own.
pub(super) fn relay_as(
    adapter: &dyn Adapter,
    wire: Wire,
    frames: &[Bytes],
    asked: Asked,
) -> (Vec<u8>, Observed) {
    let mut observer = adapter.observer(wire, asked);
    let mut out = Vec::new();
    split(adapter.framing(Some(wire)), frames, |raw, data| match data.map(|data| observer.event(data)) {
        None | Some(Relay::Pass) => out.extend_from_slice(raw),
        Some(Relay::Drop) => {}
        Some(Relay::Replace(bytes)) => out.extend_from_slice(&bytes),
    });
    (out, observer.observed().clone())
}

/// The events of a stream that is translated, and what was learned from it.
pub(super) fn decode(adapter: &dyn Adapter, frames: &[Bytes]) -> (Vec<Event>, Observed) {
    let mut decoder = adapter.decoder();
    let mut events = Vec::new();
    split(adapter.framing(None), frames, |_, data| {
        if let Some(data) = data {
            let _ = decoder.event(data, &mut events);
        }
    });
    (events, decoder.observed().clone())
}

/// The bytes that a client of this wire receives.
pub(super) fn encode(wire: Wire, events: &[Event], include_usage: bool) -> String {
    let mut encoder = wire.encoder(meta(include_usage));
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    encoder.finish(&mut out);
    String::from_utf8(out).expect("it is UTF-8")
}

/// As far as the frames can be read.
fn split(framing: Framing, frames: &[Bytes], mut each: impl FnMut(&[u8], Option<&[u8]>)) {
    let mut splitter = framing.splitter();
    for frame in frames {
        splitter.push(frame.clone());
        while let Ok(Some(event)) = splitter.next_event() {
            each(&event.raw, event.data.as_deref());
        }
    }
    if let Ok(Some(event)) = splitter.finish() {
        each(&event.raw, event.data.as_deref());
    }
}

/// The AWS event stream of a fixture that holds one event in a line, as decoders see it: `{"type":payload}`.
pub(super) fn messages(lines: &[u8]) -> Bytes {
    let header = |name: &str, value: &str| {
        let length = |text: &str| u16::try_from(text.len()).expect("it is short").to_be_bytes();
        let [_, name_length] = length(name);
        [&[name_length], name.as_bytes(), &[7], &length(value), value.as_bytes()].concat()
    };
    let mut out = Vec::new();
    for line in std::str::from_utf8(lines).expect("it is UTF-8").lines() {
        let (name, payload) = line[2..line.len() - 1].split_once("\":").expect("an event");
        let kind = if name.ends_with("Exception") { "exception" } else { "event" };
        let headers = [
            header(&format!(":{kind}-type"), name),
            header(":content-type", "application/json"),
            header(":message-type", kind),
        ]
        .concat();
        let length = |bytes: usize| u32::try_from(bytes).expect("it is short").to_be_bytes();
        let mut message = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
        message.extend(crc32fast::hash(&message).to_be_bytes());
        message.extend([headers.as_slice(), payload.as_bytes()].concat());
        message.extend(crc32fast::hash(&message).to_be_bytes());
        out.extend(message);
    }
    out.into()
}

/// Compares with the golden file of this name.
pub(super) fn golden(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "golden" }, {
        insta::assert_snapshot!(name, text);
    });
}
