//! Of everything that clients and their SDKs send, a provider gets what is listed, whatever is asked for.

use std::{collections::BTreeMap, io::Write as _};

use aigne_hub_crds::config::{Bedrock, ModelType as Model, ProviderType as Type};

use crate::gateway::testing::{ERROR, KEY, Rig, Upstream, answer, connect, plain};

/// What official clients send (OpenAI's, Anthropic's, Google's, AWS's, OpenRouter's and Ark's), what proxies add, and what
/// somebody may try. Each value has the word in it that no provider must ever see.
const SENT: &[&str] = &[
    "accept-language: hostile",
    "accept: text/hostile",
    "accept-encoding: gzip, hostile",
    "anthropic-dangerous-direct-browser-access: hostile",
    "anthropic-user-profile-id: hostile",
    "anthropic-workspace-id: hostile",
    "api-key: hostile",
    "baggage: hostile=1",
    "cookie: hostile=1",
    "forwarded: for=hostile",
    "helicone-auth: Bearer hostile",
    "http-referer: https://hostile.example",
    "idempotency-key: hostile",
    "if-none-match: hostile",
    "openai-beta: hostile=v2",
    "openai-organization: org-hostile",
    "openai-project: proj-hostile",
    "origin: https://hostile.example",
    "priority: hostile",
    "proxy-authorization: Basic hostile",
    "range: hostile=0-1",
    "referer: https://hostile.example",
    "traceparent: 00-hostile",
    "tracestate: hostile=1",
    "user-agent: hostile/1.0",
    "via: 1.1 hostile",
    "x-amz-content-sha256: hostile",
    "x-amz-date: hostile",
    "x-amz-security-token: hostile",
    "x-amzn-bedrock-accept: hostile",
    "x-amzn-bedrock-guardrailidentifier: hostile",
    "x-amzn-bedrock-performanceconfig-latency: hostile",
    "x-amzn-bedrock-service-tier: hostile",
    "x-amzn-trace-id: hostile",
    "x-api-key: hostile",
    "x-app: hostile",
    "x-client-request-id: hostile",
    "x-encrypt-info: hostile",
    "x-forwarded-for: hostile",
    "x-forwarded-host: hostile",
    "x-forwarded-proto: hostile",
    "x-goog-api-client: hostile",
    "x-goog-api-key: hostile",
    "x-goog-request-params: hostile",
    "x-goog-user-project: hostile",
    "x-grok-conv-id: hostile",
    "x-http-method-override: hostile",
    "x-is-encrypted: hostile",
    "x-named: hostile",
    "x-openrouter-categories: hostile",
    "x-openrouter-title: hostile",
    "x-portkey-config: hostile",
    "x-project-name: hostile",
    "x-real-ip: hostile",
    "x-request-id: hostile",
    "x-server-timeout: hostile",
    "x-session-token: hostile",
    "x-stainless-arch: hostile",
    "x-stainless-async: hostile",
    "x-stainless-helper-method: hostile",
    "x-stainless-lang: hostile",
    "x-stainless-os: hostile",
    "x-stainless-package-version: hostile",
    "x-stainless-raw-response: hostile",
    "x-stainless-read-timeout: hostile",
    "x-stainless-retry-count: hostile",
    "x-stainless-runtime: hostile",
    "x-stainless-timeout: hostile",
    "x-title: hostile",
    "connection: close, X-Named",
    // What crosses on Anthropic's own wire, as far as it is known.
    "anthropic-version: 2031-01-01",
    "anthropic-beta: interleaved-thinking-2025-05-14",
    "anthropic-beta: hostile-2031-01-01",
];

const CHAT: &str = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
const CONTENTS: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
const FILE: &str = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\nsound\r\n--b--\r\n";
const PICTURE: &str = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\np\r\n--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\npicture\r\n--b--\r\n";
const IMAGE: &str = r#"{"model":"m","prompt":"a cat"}"#;

/// Asks for this with all of them; the headers that reached the provider, by their names.
fn reached(rig: &Rig, upstream: &Upstream, method: &str, path: &str, body: &str) -> BTreeMap<String, String> {
    let before = upstream.requests().len();
    let kind = if body.starts_with("--") { "multipart/form-data; boundary=b" } else { "application/json" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: hostile.example\r\nauthorization: Bearer {KEY}\r\n{}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        SENT.join("\r\n"),
        body.len()
    );
    let mut client = connect(rig.address);
    client.write_all(head.as_bytes()).unwrap();
    let answer = answer(client);
    let requests = upstream.requests();
    assert_eq!(requests.len(), before + 1, "{method} {path}: {answer}");
    let request = requests.last().unwrap();
    let head = request.split("\r\n\r\n").next().unwrap();
    let target = head.lines().next().unwrap();
    assert!(!head.contains("hostile") && !head.contains(KEY), "{method} {path}: {head}");
    assert!(!target.contains('?') || target.contains("?alt=sse"), "{target}");
    let lines = head.lines().skip(1).map(|line| line.split_once(": ").unwrap());
    let mut names = BTreeMap::new();
    for (name, value) in lines {
        assert!(names.insert(name.to_owned(), value.to_owned()).is_none(), "{name} stands twice: {head}");
    }
    names
}

fn rig(r#type: Type, model: Model) -> (Upstream, Rig) {
    const QUEUED: &str = r#"{"id":"video_up","object":"video","status":"queued","model":"m","progress":0,"seconds":"8","error":null}"#;
    let upstream = Upstream::start(|_, request, stream| match request.split(' ').nth(1) {
        Some(path) if path.starts_with("/videos") => plain(stream, 200, QUEUED),
        _ => plain(stream, 400, ERROR),
    });
    let rig = Rig::start(r#type, &upstream, |setup| {
        setup.provider.models[0].r#type = model;
        if r#type == Type::Bedrock {
            setup.provider.bedrock = Some(Bedrock { region: "eu-central-1".into() });
            setup.provider.models[0].upstream_model = match model {
                Model::Embedding => "amazon.titan-embed-text-v2:0",
                Model::Image => "amazon.nova-canvas-v1:0",
                _ => "eu.anthropic.claude-x-v1:0",
            }
            .into();
        }
    });
    (upstream, rig)
}

/// What every request with a body has, beside the credential.
const ALWAYS: [&str; 6] =
    ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"];

fn expected(r#type: Type, with_body: bool) -> Vec<&'static str> {
    let always = ALWAYS.into_iter().filter(|name| with_body || !name.starts_with("content-"));
    let own: &[&str] = match r#type {
        Type::Anthropic => &["x-api-key", "anthropic-version"],
        Type::Gemini => &["x-goog-api-key"],
        _ => &["authorization"],
    };
    let mut names: Vec<_> = always.chain(own.iter().copied()).collect();
    names.sort_unstable();
    names
}

fn names(reached: &BTreeMap<String, String>) -> Vec<&str> {
    reached.keys().map(String::as_str).collect()
}

#[test]
fn of_a_clients_headers_the_listed_ones_cross_on_each_wire_and_operation() {
    let of_openai = [Type::OpenAI, Type::OpenAICompatible];
    let chats = ["/v1/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent"];
    let mut asked = 0;
    for r#type in Type::ALL.iter().copied() {
        let (upstream, rig) = rig(r#type, Model::Chat);
        let mut ask = |path: &str, body: &str| {
            asked += 1;
            let reached = reached(&rig, &upstream, "POST", path, body);
            // The only ones that ever cross.
            let own_wire = r#type == Type::Anthropic && path.starts_with("/v1/messages");
            let mut expected = expected(r#type, true);
            if own_wire {
                expected.push("anthropic-beta");
                expected.sort_unstable();
                assert_eq!(reached["anthropic-beta"], "interleaved-thinking-2025-05-14");
            }
            assert_eq!(names(&reached), expected, "{type:?} {path}");
            if r#type == Type::Anthropic {
                let version = if own_wire { "2031-01-01" } else { "2023-06-01" };
                assert_eq!(reached["anthropic-version"], version, "{path}");
            }
            assert!(reached["user-agent"].starts_with("aigne-hub/"));
            assert_eq!(reached["accept-encoding"], "identity");
            let shown = ["authorization", "x-api-key", "x-goog-api-key"];
            let shown = shown.into_iter().find_map(|name| reached.get(name)).unwrap();
            assert!(shown.ends_with("sk-c"), "{type:?} {path}");
        };
        for path in chats {
            ask(path, if path.contains("Content") { CONTENTS } else { CHAT });
        }
        ask("/v1/completions", r#"{"model":"m","prompt":"hi"}"#);
        ask("/v1/responses", r#"{"model":"m","input":"hi"}"#);
        ask("/v1beta/models/m:streamGenerateContent?alt=sse&key=hostile", CONTENTS);
        if r#type == Type::Anthropic {
            ask("/v1/messages/count_tokens", CHAT);
            ask("/v1/messages?beta=true", CHAT);
        }
        if r#type == Type::Gemini {
            ask("/v1beta/models/m:countTokens", CONTENTS);
        }
    }
    for (types, model, path, body) in [
        (
            &[
                Type::OpenAI,
                Type::OpenAICompatible,
                Type::OpenRouter,
                Type::Ollama,
                Type::Doubao,
                Type::Gemini,
                Type::Bedrock,
            ][..],
            Model::Embedding,
            "/v1/embeddings",
            r#"{"model":"m","input":"hi"}"#,
        ),
        (
            &[Type::Gemini, Type::OpenAI],
            Model::Embedding,
            "/v1beta/models/m:embedContent",
            r#"{"content":{"parts":[{"text":"hi"}]}}"#,
        ),
        (
            &[Type::OpenAI, Type::OpenAICompatible, Type::XAI, Type::Doubao, Type::Bedrock],
            Model::Image,
            "/v1/images/generations",
            IMAGE,
        ),
        (&[Type::OpenAI, Type::OpenAICompatible, Type::XAI], Model::Image, "/v1/images/edits", PICTURE),
        (&of_openai, Model::Speech, "/v1/audio/speech", r#"{"model":"m","input":"hi","voice":"alloy"}"#),
        (&of_openai, Model::Transcription, "/v1/audio/transcriptions", FILE),
        (&of_openai, Model::Transcription, "/v1/audio/translations", FILE),
        (&of_openai, Model::Video, "/v1/videos", IMAGE),
    ] {
        for r#type in types {
            let (upstream, rig) = rig(*r#type, model);
            asked += 1;
            let reached = reached(&rig, &upstream, "POST", path, body);
            assert_eq!(names(&reached), expected(*r#type, true), "{type:?} {path}");
        }
    }
    assert_eq!(asked, 11 * 6 + 3 + 7 + 2 + 5 + 3 + 2 * 4, "each was asked");
}

#[test]
fn nor_do_others_cross_where_a_job_is_looked_at() {
    let (upstream, rig) = rig(Type::OpenAI, Model::Video);
    let made = answer(rig.post("/v1/videos", IMAGE));
    let from = made.find(r#""id":"video_"#).unwrap() + 6;
    let id = made[from..].split('"').next().unwrap();
    for (method, part) in [("GET", ""), ("GET", "/content"), ("DELETE", "")] {
        let reached = reached(&rig, &upstream, method, &format!("/v1/videos/{id}{part}"), "");
        assert_eq!(names(&reached), expected(Type::OpenAI, false), "{method} {part}");
    }
}
