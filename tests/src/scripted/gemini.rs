//! Answers on Google's Gemini wire.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::media::vector;
use super::openai::LOGPROB;
use super::reply::{Finish, Reply};
use super::script::Script;
use super::usage::{Tokens, merge};
use super::wire::{Events, escape};

const ID: &str = "scripted-response";
/// What Gemini must get back with a call.
const SIGNATURE: &str = "Z2VtaW5p";

/// The body of a plain answer.
pub(super) fn plain(script: &Script, ask: &Ask, reply: &Reply) -> Bytes {
    let mut parts: Vec<Value> = Vec::new();
    if !reply.reasoning.is_empty() {
        parts.push(json!({"text": reply.reasoning.concat(), "thought": true}));
    }
    if !reply.text.is_empty() {
        parts.push(json!({"text": reply.text.concat()}));
    }
    parts.extend(calls(reply));
    sign(&mut parts, reply);
    match ask.modality.as_deref() {
        Some("AUDIO") => parts = vec![inline("audio/L16;codec=pcm;rate=24000", "AAAAAAAA")],
        Some(_) => parts.push(inline("image/png", super::media::PIXEL)),
        None => {}
    }
    let mut told = candidate(&parts, Some(reply));
    if ask.logprobs {
        merge(&mut told, json!({"avgLogprobs": LOGPROB, "logprobsResult": logprobs(&reply.text)}));
    }
    escape(&answer(script, ask, &each(ask, &told), Some(&reply.tokens)))
}

/// The events of a streamed answer: whole answers, of which each has a part. Usage is a running count.
pub(super) fn stream(script: &Script, ask: &Ask, reply: &Reply) -> Events {
    let mut pieces: Vec<Vec<Value>> =
        reply.reasoning.iter().map(|piece| vec![json!({"text": piece, "thought": true})]).collect();
    pieces.extend(reply.text.iter().map(|piece| vec![json!({ "text": piece })]));
    // Calls come whole.
    pieces.extend(Some(calls(reply)).filter(|calls| !calls.is_empty()));
    if pieces.is_empty() {
        pieces.push(Vec::new());
    }
    if let Some(last) = pieces.last_mut() {
        sign(last, reply);
    }
    let count = pieces.len();
    let running = Tokens { output: 1, reasoning: 0, ..reply.tokens.clone() };
    let events = pieces.iter().enumerate().map(|(number, parts)| {
        let last = number + 1 == count;
        let end = last.then_some(reply);
        let mut told = candidate(parts, end);
        let said =
            parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
        let said: Vec<&str> = said.filter(|_| ask.logprobs).collect();
        if !said.is_empty() {
            merge(&mut told, json!({"logprobsResult": logprobs(&said)}));
        }
        let tokens = if last { &reply.tokens } else { &running };
        event(&answer(script, ask, &each(ask, &told), Some(tokens)))
    });
    Events { events: events.collect(), terminator: Bytes::new() }
}

/// An error inside a stream.
pub(super) fn error_event(message: &str) -> Bytes {
    event(&error(503, message))
}

/// The body of an error answer.
pub(super) fn error(status: u16, message: &str) -> Value {
    let (word, details) = match status {
        400 => ("INVALID_ARGUMENT", json!([])),
        401 => ("UNAUTHENTICATED", json!([])),
        403 => ("PERMISSION_DENIED", json!([])),
        404 => ("NOT_FOUND", json!([])),
        429 => (
            "RESOURCE_EXHAUSTED",
            json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]),
        ),
        503 => ("UNAVAILABLE", json!([])),
        504 => ("DEADLINE_EXCEEDED", json!([])),
        _ => ("INTERNAL", json!([])),
    };
    json!({"error": {"code": status, "message": message, "status": word, "details": details}})
}

/// `countTokens`.
pub(super) fn count(ask: &Ask) -> Bytes {
    escape(&json!({"totalTokens": ask.prompt_tokens}))
}

/// `embedContent`, `batchEmbedContents`.
pub(super) fn embeddings(ask: &Ask, batch: bool) -> Bytes {
    let all: Vec<Value> =
        ask.inputs.iter().map(|text| json!({"values": vector(text, ask.dimensions.unwrap_or(8))})).collect();
    escape(&if batch { json!({"embeddings": all}) } else { json!({"embedding": all.first()}) })
}

/// Imagen's `predict`.
pub(super) fn predictions(ask: &Ask) -> Bytes {
    let one = json!({"bytesBase64Encoded": super::media::PIXEL, "mimeType": "image/png"});
    escape(&json!({"predictions": vec![one; usize::try_from(ask.choices).unwrap_or(1)]}))
}

/// `GET /v1beta/models`.
pub(super) fn models(names: &[String]) -> Bytes {
    let list: Vec<Value> = names.iter().map(|name| model(name)).collect();
    escape(&json!({ "models": list }))
}

/// One entry of it.
pub(super) fn model(name: &str) -> Value {
    json!({"name": format!("models/{name}"), "displayName": name, "version": "1", "inputTokenLimit": 100_000,
        "outputTokenLimit": 4096, "supportedGenerationMethods": ["generateContent", "countTokens"]})
}

fn inline(kind: &str, data: &str) -> Value {
    json!({"inlineData": {"mimeType": kind, "data": data}})
}

fn calls(reply: &Reply) -> Vec<Value> {
    reply
        .calls
        .iter()
        .map(|call| json!({"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}))
        .collect()
}

/// Who thought signs the first call, or the last text.
fn sign(parts: &mut [Value], reply: &Reply) {
    if reply.reasoning.is_empty() {
        return;
    }
    let signed = parts
        .iter()
        .position(|part| part["functionCall"].is_object())
        .unwrap_or(parts.len().saturating_sub(1));
    if let Some(part) = parts.get_mut(signed).filter(|part| part["thought"] != true) {
        merge(part, json!({"thoughtSignature": SIGNATURE}));
    }
}

/// The same for each candidate that is asked for.
fn each(ask: &Ask, candidate: &Value) -> Vec<Value> {
    let number = |index: u64| {
        let mut candidate = candidate.clone();
        merge(&mut candidate, json!({ "index": index }));
        candidate
    };
    (0..ask.choices).map(number).collect()
}

/// A piece is a token, and was the only one to choose from.
fn logprobs<S: AsRef<str>>(pieces: &[S]) -> Value {
    let token = |piece: &S| json!({"token": piece.as_ref(), "tokenId": 7, "logProbability": LOGPROB});
    let chosen: Vec<Value> = pieces.iter().map(token).collect();
    let top: Vec<Value> = chosen.iter().map(|token| json!({"candidates": [token]})).collect();
    json!({"chosenCandidates": chosen, "topCandidates": top})
}

fn candidate(parts: &[Value], end: Option<&Reply>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}});
    let Some(reply) = end else { return candidate };
    let reason = match &reply.finish {
        // Gemini says the same for a call.
        Finish::Done | Finish::Stop(_) | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Refused => "SAFETY",
        Finish::Verbatim(words) => words,
    };
    merge(&mut candidate, json!({"finishReason": reason}));
    if let Some(title) = &reply.citation {
        let source = json!({"startIndex": 0, "endIndex": reply.text.concat().len(), "uri": "https://source.example/", "title": title});
        merge(&mut candidate, json!({"citationMetadata": {"citationSources": [source]}}));
    }
    candidate
}

fn answer(script: &Script, ask: &Ask, candidates: &[Value], tokens: Option<&Tokens>) -> Value {
    // `xScripted` is a field that nobody knows: it has to survive.
    let mut body = json!({"candidates": candidates, "modelVersion": ask.model, "responseId": ID, "xScripted": {"kept": true}});
    if let Some(tokens) = tokens.filter(|_| !script.mute_usage) {
        let prompt = tokens.input + tokens.cached + tokens.cache_write;
        let mut usage = json!({
            "promptTokenCount": prompt,
            "candidatesTokenCount": tokens.output - tokens.reasoning,
            "totalTokenCount": prompt + tokens.output,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
        });
        // Those that are nothing are left out.
        for (name, count) in
            [("cachedContentTokenCount", tokens.cached), ("thoughtsTokenCount", tokens.reasoning)]
        {
            if count > 0 {
                merge(&mut usage, json!({ name: count }));
            }
        }
        merge(&mut body, json!({ "usageMetadata": usage }));
    }
    body
}

fn event(body: &Value) -> Bytes {
    let mut bytes = b"data: ".to_vec();
    bytes.extend_from_slice(&escape(body));
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.into()
}
