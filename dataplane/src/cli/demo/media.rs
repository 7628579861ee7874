//! What the demo provider answers beside chat: pure, request in, bytes out. Vectors of like texts are like; every picture is one
//! grey dot, every sound is silence, and every recording says the same.

use bytes::Bytes;
use serde_json::json;

use super::answer::Failure;
use crate::{
    chat::estimate,
    media::{
        Answer, Request,
        embedding::{self, Input, Vector},
        image::{self, Picture},
        speech, transcription,
    },
    payload::Payload,
    usage::Usage,
    wire::{BadRequest, Meta, Operation, openai_media},
};

/// Numbers in a vector, where nobody says how many.
const DIMENSIONS: u64 = 256;
/// The most that is made of them, and of pictures.
const MOST: u64 = 4096;
/// One pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";
/// Samples a second.
const RATE: u32 = 8_000;
/// What every recording says.
const HEARD: &str = "Hello from the demo provider of AIGNE Hub, which did not listen.";

/// Content type and body of the answer.
pub(super) fn answer(
    operation: Operation,
    payload: &Payload,
    meta: &Meta,
) -> Result<(String, Bytes), Failure> {
    let request = openai_media::decode(operation, payload)?;
    if request.streams() {
        return Err(bad("stream", "only chats are streamed by the demo provider"));
    }
    let answer = match &request {
        Request::Embedding(asked) => Answer::Embedding(vectors(asked)?),
        Request::Image(asked) => Answer::Image(pictures(asked)?),
        Request::Speech(asked) => Answer::Speech(spoken(asked)?),
        Request::Transcription(asked) => return heard(asked),
        Request::Video(_) => return Err(Failure::NoSuchPath),
    };
    openai_media::encode(&request, &answer, meta)
        .map(|(kind, body)| (kind, body.into()))
        .ok_or_else(|| bad("input", "cannot be answered by the demo provider"))
}

fn bad(field: &str, message: &str) -> Failure {
    BadRequest { param: Some(field.to_owned()), message: format!("`{field}`: {message}") }.into()
}

fn vectors(asked: &embedding::Request) -> Result<embedding::Answer, Failure> {
    let dimensions = asked.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=MOST).contains(&dimensions) {
        return Err(bad("dimensions", "must be from 1 to 4096 for the demo provider"));
    }
    let vectors = asked.inputs.iter().map(|input| Vector::Numbers(vector(&words(input), dimensions)));
    let tokens = |input: &Input| match input {
        Input::Text(text) => estimate::text(text.as_bytes()),
        Input::Tokens(tokens) => tokens.len() as u64,
        Input::Other(_) => estimate::MEDIA_TOKENS,
    };
    let usage = Usage { input: asked.inputs.iter().map(tokens).sum(), ..Usage::default() };
    Ok(embedding::Answer { vectors: vectors.collect(), usage: Some(usage) })
}

fn words(input: &Input) -> Vec<String> {
    match input {
        Input::Text(text) => text.split_whitespace().map(str::to_lowercase).collect(),
        Input::Tokens(tokens) => tokens.iter().map(u64::to_string).collect(),
        Input::Other(raw) => vec![raw.get().to_owned()],
    }
}

/// Each word counts at a place of its own; the length is 1.
fn vector(words: &[String], dimensions: u64) -> String {
    let mut numbers = vec![0f32; usize::try_from(dimensions).unwrap_or_default()];
    for word in words {
        let place =
            usize::try_from(u64::from(crc32fast::hash(word.as_bytes())) % dimensions).unwrap_or_default();
        if let Some(number) = numbers.get_mut(place) {
            *number += 1.0;
        }
    }
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(1.0);
    json!(numbers.iter().map(|number| number / length).collect::<Vec<_>>()).to_string()
}

fn pictures(asked: &image::Request) -> Result<image::Answer, Failure> {
    if asked.as_url {
        return Err(bad(
            "response_format",
            "the demo provider has no place to put pictures: ask for b64_json",
        ));
    }
    let n = usize::try_from(asked.n.min(MOST)).unwrap_or(1).min(10);
    Ok(image::Answer {
        pictures: vec![Picture::Base64(PNG.to_owned()); n],
        size: asked.size.clone(),
        quality: asked.quality.clone(),
        output_format: Some("png".to_owned()),
        ..image::Answer::default()
    })
}

/// Silence: a tenth of a second for each letter.
fn spoken(asked: &speech::Request) -> Result<speech::Answer, Failure> {
    if !matches!(asked.format.as_deref(), None | Some("wav")) {
        return Err(bad("response_format", "the demo provider knows wav alone"));
    }
    let letters = u32::try_from(asked.characters().min(MOST)).unwrap_or_default();
    Ok(speech::Answer { media_type: "audio/wav".to_owned(), data: silence(letters * RATE / 10), usage: None })
}

/// A WAV file: one channel of eight bits, whose middle is 128.
fn silence(samples: u32) -> Bytes {
    let mut file = Vec::new();
    let mut word = |bytes: &[u8]| file.extend_from_slice(bytes);
    word(b"RIFF");
    word(&(36 + samples).to_le_bytes());
    word(b"WAVEfmt ");
    word(&16u32.to_le_bytes());
    word(&1u16.to_le_bytes());
    word(&1u16.to_le_bytes());
    word(&RATE.to_le_bytes());
    word(&RATE.to_le_bytes());
    word(&1u16.to_le_bytes());
    word(&8u16.to_le_bytes());
    word(b"data");
    word(&samples.to_le_bytes());
    file.resize(file.len() + usize::try_from(samples).unwrap_or_default(), 128);
    file.into()
}

fn heard(asked: &transcription::Request) -> Result<(String, Bytes), Failure> {
    if !asked.format.is_json() {
        return Err(bad("response_format", "the demo provider writes JSON alone"));
    }
    let seconds = asked.likely_millis().div_ceil(1000);
    let body = json!({"text": HEARD, "usage": {"type": "duration", "seconds": seconds}});
    Ok(("application/json".to_owned(), body.to_string().into()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn asked(operation: Operation, body: &Value) -> Result<(String, Bytes), Failure> {
        let meta = Meta { model: "demo".into(), id: "id".into(), created: 7, include_usage: true };
        let payload = Payload::read("application/json", body.to_string().into()).unwrap();
        answer(operation, &payload, &meta)
    }

    fn json_of(operation: Operation, body: &Value) -> Value {
        serde_json::from_slice(&asked(operation, body).unwrap().1).unwrap()
    }

    #[test]
    fn like_texts_have_like_vectors_of_length_one() {
        let body = json!({"model": "demo", "input": ["a red car", "the red car", "cold tea"]});
        let answer = json_of(Operation::Embeddings, &body);
        let vector = |index: usize| -> Vec<f64> {
            let numbers = answer["data"][index]["embedding"].as_array().unwrap();
            numbers.iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let like = |one: usize, other: usize| -> f64 {
            vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum()
        };
        assert_eq!(vector(0).len(), 256);
        assert!((like(0, 0) - 1.0).abs() < 1e-6 && like(0, 1) > 0.5 && like(0, 2) < 0.1);
        assert!(answer["usage"]["prompt_tokens"].as_u64() > Some(0), "{answer}");
    }

    #[test]
    fn pictures_and_sound_are_files_of_their_kind() {
        let answer = json_of(Operation::Images, &json!({"model": "demo", "prompt": "a hat", "n": 2}));
        assert_eq!(answer["data"].as_array().unwrap().len(), 2);
        let (kind, sound) =
            asked(Operation::Speech, &json!({"input": "hi", "voice": "alloy", "response_format": "wav"}))
                .unwrap();
        assert_eq!((kind.as_str(), sound.len(), &sound[..4]), ("audio/wav", 44 + 1600, &b"RIFF"[..]));
        let error = asked(Operation::Speech, &json!({"input": "hi", "response_format": "mp3"})).unwrap_err();
        assert_eq!(error.body()["error"]["param"], "response_format");
        let error = asked(Operation::Images, &json!({"prompt": "x", "stream": true})).unwrap_err();
        assert_eq!(error.status(), 400);
    }
}
