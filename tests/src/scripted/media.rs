//! Answers that are no chat, in OpenAI's words: embeddings, images, speech, transcriptions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::reply::Reply;
use super::script::Script;
use super::usage::{Tokens, merge};
use super::wire::Events;

/// A PNG of one pixel.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// What a speech says, and a transcription hears.
const SOUND: &[u8] = b"ID3scripted-speech-0123456789";
/// Seconds that a file lasts.
const SECONDS: u64 = 3;

/// The same text gives the same numbers, exact in 32 bits.
pub(super) fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let sum = text.bytes().fold(0_u8, u8::wrapping_add);
    (0..dimensions)
        .map(|at| f32::from(sum.wrapping_add(u8::try_from(at % 64).unwrap_or(0)) % 64) / 64.0)
        .collect()
}

/// Tokens of a request that has no answer in tokens.
pub(super) fn prompt(script: &Script, ask: &Ask) -> Tokens {
    script.usage.clone().unwrap_or_else(|| Tokens { input: ask.prompt_tokens, ..Tokens::default() })
}

/// `POST /embeddings`.
pub(super) fn embeddings(ask: &Ask, tokens: &Tokens) -> Bytes {
    let base64 = ask.encoding.as_deref() == Some("base64");
    let data: Vec<Value> = ask
        .inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = vector(text, ask.dimensions.unwrap_or(8));
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let value = if base64 { json!(STANDARD.encode(bytes)) } else { json!(numbers) };
            json!({"object": "embedding", "index": index, "embedding": value})
        })
        .collect();
    json!({"object": "list", "data": data, "model": ask.model,
        "usage": {"prompt_tokens": tokens.input, "total_tokens": tokens.input}})
    .to_string()
    .into()
}

/// `POST /images/generations`, `/images/edits`.
pub(super) fn images(ask: &Ask, tokens: &Tokens) -> Bytes {
    let one = json!({"b64_json": PIXEL});
    let data = vec![one; usize::try_from(ask.choices).unwrap_or(1)];
    json!({"created": 1_700_000_000, "data": data, "size": "1024x1024", "quality": "low", "output_format": "png",
        "usage": image_usage(tokens)})
    .to_string()
    .into()
}

/// The same, streamed.
pub(super) fn images_stream(tokens: &Tokens) -> Events {
    let partial = json!({"type": "image_generation.partial_image", "b64_json": PIXEL, "partial_image_index": 0,
        "created_at": 1_700_000_000, "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"});
    let mut last = partial.clone();
    merge(&mut last, json!({"type": "image_generation.completed", "usage": image_usage(tokens)}));
    Events { events: vec![event(&partial), event(&last)], terminator: Bytes::new() }
}

fn image_usage(tokens: &Tokens) -> Value {
    json!({"input_tokens": tokens.input, "output_tokens": tokens.output, "total_tokens": tokens.input + tokens.output,
        "input_tokens_details": {"text_tokens": tokens.input, "image_tokens": 0}})
}

/// `POST /audio/speech`.
pub(super) fn speech() -> Bytes {
    Bytes::from_static(SOUND)
}

/// The same as events.
pub(super) fn speech_stream(tokens: &Tokens) -> Events {
    let delta = json!({"type": "speech.audio.delta", "audio": STANDARD.encode(SOUND)});
    let done = json!({"type": "speech.audio.done", "usage": {"input_tokens": tokens.input,
        "output_tokens": tokens.output, "total_tokens": tokens.input + tokens.output}});
    Events { events: vec![event(&delta), event(&done)], terminator: Bytes::new() }
}

/// `POST /audio/transcriptions`. Whisper counts seconds, newer models tokens.
pub(super) fn transcription(ask: &Ask, reply: &Reply) -> Bytes {
    let text = reply.text.concat();
    if matches!(ask.encoding.as_deref(), Some("text" | "srt" | "vtt")) {
        return text.into();
    }
    let mut body = json!({ "text": text });
    if ask.encoding.as_deref() == Some("verbose_json") {
        merge(
            &mut body,
            json!({"task": "transcribe", "language": "english", "duration": SECONDS, "segments": []}),
        );
    }
    merge(&mut body, json!({"usage": transcribed(ask, &reply.tokens)}));
    body.to_string().into()
}

/// The same, streamed.
pub(super) fn transcription_stream(ask: &Ask, reply: &Reply) -> Events {
    let mut events: Vec<Bytes> = reply
        .text
        .iter()
        .map(|piece| event(&json!({"type": "transcript.text.delta", "delta": piece, "logprobs": []})))
        .collect();
    let usage = transcribed(ask, &reply.tokens);
    events.push(event(&json!({"type": "transcript.text.done", "text": reply.text.concat(), "usage": usage})));
    Events { events, terminator: Bytes::new() }
}

fn transcribed(ask: &Ask, tokens: &Tokens) -> Value {
    if ask.model.contains("whisper") {
        return json!({"type": "duration", "seconds": SECONDS});
    }
    json!({"type": "tokens", "input_tokens": tokens.input, "output_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "input_token_details": {"text_tokens": 0, "audio_tokens": tokens.input}})
}

fn event(body: &Value) -> Bytes {
    let name = body["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {body}\n\n").into()
}
