//! `OpenAI`'s formats beside chat: embeddings, images, speech, transcription, videos. Requests are JSON, or a form where files
//! come along; what is not known is left to whoever relays.

mod audio;
mod embeddings;
mod images;
mod values;
mod videos;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use self::values::Value;
pub use self::videos::encode as encode_job;
use super::{BadRequest, Meta, Operation, fields::bad};
use crate::{
    media::{Answer, Blob, Request, transcription::Format},
    payload::Payload,
};

/// Fields of forms that may come more than once; all others may not, however they are written.
const LISTS: [&str; 5] = [
    "image[]",
    "include[]",
    "known_speaker_names[]",
    "known_speaker_references[]",
    "timestamp_granularities[]",
];

/// Reads a request.
pub fn decode(operation: Operation, payload: &Payload) -> Result<Request, BadRequest> {
    let request = lists(payload).and_then(|()| match operation {
        Operation::Embeddings => embeddings::decode(payload).map(Request::Embedding),
        Operation::Images | Operation::ImageEdits => images::decode(payload).map(Request::Image),
        Operation::Speech => audio::speech(payload).map(Request::Speech),
        Operation::Transcription | Operation::Translation => {
            audio::transcription(payload).map(Request::Transcription)
        }
        Operation::Videos => videos::decode(payload).map(Request::Video),
        Operation::Chat | Operation::CountTokens => {
            Err(BadRequest { param: None, message: "this is no request of this format".to_owned() })
        }
    });
    request.map_err(|error| match &error.param {
        Some(param) => BadRequest { message: format!("`{param}`: {}", error.message), ..error },
        None => error,
    })
}

/// Writes an answer: its content type, and its body. `None` where there is none, or a vector is none.
pub fn encode(request: &Request, answer: &Answer, meta: &Meta) -> Option<(String, Vec<u8>)> {
    let json = |body| ("application/json".to_owned(), body);
    match answer {
        Answer::Embedding(answer) => embeddings::encode(request, answer, meta).map(json),
        Answer::Image(answer) => Some(json(images::encode(answer, meta))),
        Answer::Speech(answer) => Some((answer.media_type.clone(), answer.data.to_vec())),
        Answer::Video(job) => Some(json(videos::encode(job, meta))),
        Answer::Refused(_) => None,
    }
}

/// A relayed answer as it was asked for, with its content type where that is another. Some who speak this format write
/// vectors in one way only; a bare transcript is made of one that says how long the sound was.
pub fn as_asked(request: &Request, answer: &Bytes) -> Result<(Bytes, Option<&'static str>), String> {
    match request {
        Request::Embedding(asked) => {
            embeddings::as_asked(answer, asked.encoding).map(|answer| (answer, None))
        }
        Request::Transcription(asked) if asked.format == Format::Text => {
            audio::text(answer).map(|text| (text, Some("text/plain; charset=utf-8")))
        }
        _ => Ok((answer.clone(), None)),
    }
}

fn lists(payload: &Payload) -> Result<(), BadRequest> {
    let Payload::Form(form) = payload else { return Ok(()) };
    let odd = form.fields().iter().map(|field| field.name.as_str());
    match odd.into_iter().find(|name| name.contains('[') && !LISTS.contains(name)) {
        Some(name) => Err(bad(name, "is no list")),
        None => Ok(()),
    }
}

/// All fields but files, `null` ones left out.
fn values(payload: &Payload) -> impl Iterator<Item = Value<'_>> {
    let of_form = matches!(payload, Payload::Form(_));
    payload.members().filter(|(_, raw)| *raw != "null").map(move |(name, raw)| Value { name, raw, of_form })
}

/// `data:image/png;base64,…`; `None` where it is no such address.
fn data_url(url: &str) -> Option<Result<Blob, BadRequest>> {
    let (media_type, data) = super::fields::data_url(url)?;
    let blob = |data: Vec<u8>| Blob { media_type: media_type.to_owned(), data: data.into() };
    Some(STANDARD.decode(data).map(blob).map_err(|_| bad("", "is not valid base64")))
}
