//! An address that a client sends is handed on, or refused with the field's name. The hub itself never goes there.

use std::{
    io::{ErrorKind, Write as _},
    net::{TcpListener, TcpStream},
};

use aigne_hub_crds::config::{Bedrock, ModelType as Model, ProviderType as Type};

use crate::gateway::testing::{ERROR, KEY, Rig, Upstream, answer, connect, plain};

/// Parts of a message, by the wire that has them.
const PARTS: &[(&str, &str, &str)] = &[
    ("chat", "image", r#"{"type":"image_url","image_url":{"url":"URL"}}"#),
    ("chat", "file", r#"{"type":"file","file":{"filename":"a.pdf","file_data":"URL"}}"#),
    ("chat", "sound", r#"{"type":"input_audio","input_audio":{"format":"wav","data":"URL"}}"#),
    ("chat", "video", r#"{"type":"video_url","video_url":{"url":"URL"}}"#),
    ("messages", "image", r#"{"type":"image","source":{"type":"url","url":"URL"}}"#),
    ("messages", "document", r#"{"type":"document","source":{"type":"url","url":"URL"}}"#),
    ("responses", "image", r#"{"type":"input_image","image_url":"URL"}"#),
    ("responses", "file", r#"{"type":"input_file","file_url":"URL"}"#),
    ("gemini", "image", r#"{"fileData":{"mimeType":"image/png","fileUri":"URL"}}"#),
    ("gemini", "document", r#"{"fileData":{"mimeType":"application/pdf","fileUri":"URL"}}"#),
    ("gemini", "sound", r#"{"fileData":{"mimeType":"audio/wav","fileUri":"URL"}}"#),
    ("gemini", "video", r#"{"fileData":{"mimeType":"video/mp4","fileUri":"URL"}}"#),
];

fn asked(wire: &str, part: &str) -> (&'static str, String) {
    match wire {
        "chat" => (
            "/v1/chat/completions",
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#),
        ),
        "messages" => (
            "/v1/messages",
            format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{part}]}}]}}"#),
        ),
        "responses" => {
            ("/v1/responses", format!(r#"{{"model":"m","input":[{{"role":"user","content":[{part}]}}]}}"#))
        }
        _ => (
            "/v1beta/models/m:generateContent",
            format!(r#"{{"contents":[{{"role":"user","parts":[{part}]}}]}}"#),
        ),
    }
}

/// Beside chat.
const OTHERS: &[(&[Type], Model, &str, &str)] = &[
    (
        &[Type::OpenAI, Type::XAI, Type::Gemini, Type::Bedrock],
        Model::Image,
        "/v1/images/edits",
        r#"{"model":"m","prompt":"p","image":"URL"}"#,
    ),
    (
        &[Type::OpenAI, Type::XAI, Type::Doubao, Type::Gemini, Type::Bedrock],
        Model::Image,
        "/v1/images/generations",
        r#"{"model":"m","prompt":"p","image":"URL"}"#,
    ),
    (
        &[Type::Doubao],
        Model::Embedding,
        "/v1/embeddings",
        r#"{"model":"m","input":[{"type":"image_url","image_url":{"url":"URL"}}]}"#,
    ),
    (
        &[Type::OpenAI, Type::Gemini],
        Model::Video,
        "/v1/videos",
        r#"{"model":"m","prompt":"p","input_reference":{"image_url":"URL"}}"#,
    ),
    (
        &[Type::OpenAI],
        Model::Transcription,
        "/v1/audio/transcriptions",
        "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nURL\r\n--b--\r\n",
    ),
];

fn rig(r#type: Type, model: Model) -> (Upstream, Rig) {
    let upstream = Upstream::start(|_, _, stream| plain(stream, 400, ERROR));
    let rig = Rig::start(r#type, &upstream, |setup| {
        let own = &mut setup.provider.models[0];
        own.r#type = model;
        own.upstream_model = match (r#type, model) {
            (Type::Bedrock, Model::Image) => "amazon.nova-canvas-v1:0",
            (Type::Bedrock, _) => "eu.anthropic.claude-x-v1:0",
            (Type::Doubao, Model::Embedding) => "doubao-embedding-vision",
            (Type::Gemini, Model::Video) => "veo-3",
            (Type::Gemini, Model::Image) => "gemini-image",
            _ => "upstream-m",
        }
        .into();
        let bedrock = Bedrock { region: "eu-central-1".into() };
        setup.provider.bedrock = (r#type == Type::Bedrock).then_some(bedrock);
    });
    (upstream, rig)
}

/// Whether it was handed on, or what was said instead.
fn becomes(rig: &Rig, upstream: &Upstream, url: &str, path: &str, body: &str) -> String {
    let before = upstream.requests().len();
    let body = body.replace("URL", url);
    let kind = if body.starts_with("--") { "multipart/form-data; boundary=b" } else { "application/json" };
    let mut client = connect(rig.address);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    let answer = answer(client);
    if let Some(request) = upstream.requests().get(before) {
        assert!(request.contains(url), "neither handed on nor refused: {request}");
        return "handed on".to_owned();
    }
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let from = answer.find(r#""message":""#).unwrap() + 11;
    let message = answer[from..].replace("\\\"", "'");
    message.split('"').next().unwrap().replace(url, "URL")
}

#[test]
fn no_address_that_a_client_sends_is_ever_gone_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.png", listener.local_addr().unwrap());
    let mut lines = Vec::new();
    for r#type in Type::ALL.iter().copied() {
        let (upstream, rig) = rig(r#type, Model::Chat);
        for (wire, what, part) in PARTS {
            let (path, body) = asked(wire, part);
            lines.push(format!("{type:?} {wire} {what}: {}", becomes(&rig, &upstream, &url, path, &body)));
        }
    }
    for (types, model, path, body) in OTHERS {
        for r#type in *types {
            let (upstream, rig) = rig(*r#type, *model);
            lines.push(format!("{type:?} {path}: {}", becomes(&rig, &upstream, &url, path, body)));
        }
    }
    // All gateways have ended. Whoever had come would stand in line before ourselves.
    let own = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let (_, first) = listener.accept().unwrap();
    assert_eq!(first, own.local_addr().unwrap(), "somebody else came");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    insta::assert_snapshot!(lines.join("\n"));
}
