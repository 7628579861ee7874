//! What is asked for beside chat.

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::cell::Outcome;
use super::double::Double;
use super::provider::Provider;
use crate::harness::{Answer, Client};

/// The section's name among the outcomes.
pub const ID: &str = "endpoints";

/// One endpoint, or one form of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// As the table names it.
    pub name: &'static str,
    /// The type of model.
    pub kind: &'static str,
    path: &'static str,
    ask: fn(&str) -> Body,
    check: fn(&Answer) -> anyhow::Result<()>,
}

/// A request's body.
enum Body {
    /// None: it is a `GET`, with this header.
    Get(&'static str),
    Json(Value),
    Form(Vec<(&'static str, String)>, &'static str),
}

/// All of them.
pub const ALL: &[Endpoint] = &[
    Endpoint {
        name: "embeddings, as numbers",
        kind: "Embedding",
        path: "/v1/embeddings",
        ask: |model| Body::Json(json!({"model": model, "input": ["one", "two"]})),
        check: |answer| {
            let body = answer.json()?;
            let numbers = body["data"][1]["embedding"].as_array().map_or(0, Vec::len);
            ensure!(numbers > 1 && body["data"][1]["index"] == 1, "{body}");
            ensure!(body["object"] == "list" && body["usage"]["prompt_tokens"].is_u64(), "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "embeddings, as base64",
        kind: "Embedding",
        path: "/v1/embeddings",
        ask: |model| Body::Json(json!({"model": model, "input": "one", "encoding_format": "base64"})),
        check: |answer| {
            let body = answer.json()?;
            let text = body["data"][0]["embedding"].as_str().unwrap_or_default();
            let bytes = STANDARD.decode(text)?;
            ensure!(bytes.len() > 4 && bytes.len() % 4 == 0, "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "images",
        kind: "Image",
        path: "/v1/images/generations",
        ask: |model| Body::Json(json!({"model": model, "prompt": "a cat", "n": 1})),
        check: picture,
    },
    Endpoint {
        name: "image edits",
        kind: "Image",
        path: "/v1/images/edits",
        ask: |model| Body::Form(vec![("model", model.into()), ("prompt", "a hat".into())], "image"),
        check: picture,
    },
    Endpoint {
        name: "speech",
        kind: "Speech",
        path: "/v1/audio/speech",
        ask: |model| Body::Json(json!({"model": model, "input": "hello", "voice": "alloy"})),
        check: |answer| {
            ensure!(answer.header("content-type").starts_with("audio/"), "{:?}", answer.headers);
            ensure!(!answer.body.is_empty(), "no sound");
            Ok(())
        },
    },
    Endpoint {
        name: "transcriptions",
        kind: "Transcription",
        path: "/v1/audio/transcriptions",
        ask: |model| Body::Form(vec![("model", model.into())], "file"),
        check: |answer| {
            let body = answer.json()?;
            ensure!(body["text"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "videos",
        kind: "Video",
        path: "/v1/videos",
        ask: |model| Body::Json(json!({"model": model, "prompt": "a cat", "seconds": "4"})),
        check: |answer| {
            let body = answer.json()?;
            let id = body["id"].as_str().unwrap_or_default();
            ensure!(body["status"] == "queued" && id.starts_with("video_") && id.len() > 80, "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "count_tokens (Anthropic)",
        kind: "Chat",
        path: "/v1/messages/count_tokens",
        ask: |model| Body::Json(json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})),
        check: |answer| {
            let body = answer.json()?;
            ensure!(body["input_tokens"].as_u64().is_some_and(|count| count > 0), "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "countTokens (Gemini)",
        kind: "Chat",
        path: "/v1beta/models/MODEL:countTokens",
        ask: |_| Body::Json(json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]})),
        check: |answer| {
            let body = answer.json()?;
            ensure!(body["totalTokens"].as_u64().is_some_and(|count| count > 0), "{body}");
            Ok(())
        },
    },
    Endpoint {
        name: "a model by its name (OpenAI)",
        kind: "Chat",
        path: "/v1/models/MODEL",
        ask: |_| Body::Get(""),
        check: |answer| told(answer, "object", "model"),
    },
    Endpoint {
        name: "a model by its name (Anthropic)",
        kind: "Chat",
        path: "/v1/models/MODEL",
        ask: |_| Body::Get("anthropic-version"),
        check: |answer| told(answer, "type", "model"),
    },
    Endpoint {
        name: "a model by its name (Gemini)",
        kind: "Chat",
        path: "/v1beta/models/MODEL",
        ask: |_| Body::Get(""),
        check: |answer| {
            let body = answer.json()?;
            ensure!(body["name"].as_str().is_some_and(|name| name.starts_with("models/")), "{body}");
            Ok(())
        },
    },
];

fn told(answer: &Answer, member: &str, word: &str) -> anyhow::Result<()> {
    let body = answer.json()?;
    ensure!(body[member] == word && body["id"].is_string(), "{body}");
    Ok(())
}

fn picture(answer: &Answer) -> anyhow::Result<()> {
    let body = answer.json()?;
    let one = &body["data"][0];
    ensure!(one["b64_json"].is_string() || one["url"].is_string(), "{body}");
    Ok(())
}

/// The name of a type's model in the configuration.
pub fn model(provider: &Provider, kind: &str) -> String {
    provider.model(&kind.to_lowercase())
}

/// What a model of a type is called there; none where chat's name does.
pub fn upstream_model(provider: &Provider, kind: &str) -> Option<&'static str> {
    match (provider.kind, kind) {
        ("Bedrock", "Embedding") => Some("cohere.embed-multilingual-v3"),
        ("Bedrock", "Image") => Some("amazon.nova-canvas-v1:0"),
        ("Gemini", "Embedding") => Some("gemini-embedding-001"),
        ("Gemini", "Image") => Some("imagen-4.0-generate-001"),
        ("Gemini", "Video") => Some("veo-3.1-generate-preview"),
        _ => None,
    }
}

impl Endpoint {
    /// Tries it.
    pub async fn run(&self, provider: &Provider, client: &Client, double: &Double) -> Outcome {
        self.tried(provider, client, double)
            .await
            .unwrap_or_else(|error| Outcome::Wrong(format!("{error:#}")))
    }

    async fn tried(&self, provider: &Provider, client: &Client, double: &Double) -> anyhow::Result<Outcome> {
        let model = model(provider, self.kind);
        let mark = double.mark().await?;
        let path = self.path.replace("MODEL", &model);
        let answer = match (self.ask)(&model) {
            Body::Get("") => client.get(&path).await?,
            Body::Get(header) => client.clone().header(header, "2023-06-01").get(&path).await?,
            Body::Json(body) => client.post(&path, &body).await?,
            Body::Form(fields, file) => {
                client.post_form(&path, &fields, file, Bytes::from_static(b"bytes")).await?
            }
        };
        if answer.status == 200 {
            (self.check)(&answer)?;
            return Ok(Outcome::Pass);
        }
        ensure!(double.arrived(mark).await?.is_empty(), "{} {}", answer.status, answer.text());
        ensure!(matches!(answer.status, 400 | 404), "{} {}", answer.status, answer.text());
        let body = answer.json()?;
        let error = &body["error"];
        ensure!(error["code"] != "unknown_endpoint" && error["message"].is_string(), "{body}");
        let message = error["message"].as_str().unwrap_or_default();
        Ok(Outcome::Refused(message.replace(&model, "…").replace(&format!("\"{}\"", provider.id()), "…")))
    }
}
