//! What comes back beside chat: events, bytes, or a whole answer that is read.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, response};

use super::{
    Call,
    attempt::looks_like_json,
    prepare::{Prepared, Way},
};
use crate::{
    framing::Framing,
    gateway::{
        ingress::{Arrival, Content},
        respond::Plain,
    },
    media::{Answer, Request, transcription::Format},
    provider::{
        Adapter, Fault, Observed, UpstreamError,
        endpoints::{self, How, Translation},
    },
    usage::Usage,
    wire::{Meta, Wire, gemini_embeddings, openai_media},
};

/// What an answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Whole.
    Plain,
    /// Events.
    Events(Framing),
    /// Sound, as it comes.
    Sound,
}

impl Expected {
    /// What such a request is answered with.
    pub(super) fn of(call: &Call, prepared: &Prepared, adapter: &dyn Adapter) -> Self {
        let arrival = &call.arrival;
        match (&arrival.content, prepared.way) {
            (Content::Media(_, request), Way::Media(How::Relayed(_))) if is_bare_speech(request) => {
                Self::Sound
            }
            (Content::Media(..), _) if arrival.stream => Self::Events(Framing::Sse),
            (Content::Chat(_), way) if arrival.stream => {
                Self::Events(adapter.framing(way.is_verbatim().then_some(arrival.wire)))
            }
            _ => Self::Plain,
        }
    }

    /// Whether the answer comes piece by piece as it should.
    pub(super) fn is(self, headers: &HeaderMap) -> bool {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::trim_start);
        let begins = |expected: &str| {
            kind.and_then(|kind| kind.get(..expected.len()))
                .is_some_and(|kind| kind.eq_ignore_ascii_case(expected))
        };
        match self {
            Self::Plain => false,
            Self::Events(framing) => begins(framing.content_type()),
            Self::Sound => begins("audio/") || begins("application/octet-stream"),
        }
    }
}

/// Speech that is not asked for as events.
fn is_bare_speech(request: &Request) -> bool {
    matches!(request, Request::Speech(asked) if !asked.events)
}

/// Why an answer is none.
pub(super) enum Unfit {
    /// It says itself that something went wrong, and what that used.
    Said(Box<UpstreamError>, Option<Box<Usage>>),
    /// It cannot be read.
    Unreadable(String, StatusCode),
}

/// Reads a whole answer: what the client gets, and what was used.
pub(super) fn read(
    request: &Request,
    how: How,
    expected: Expected,
    head: response::Parts,
    text: &Bytes,
    meta: &Meta,
) -> Result<(Plain, Observed), Unfit> {
    let status = head.status;
    let unreadable = |reason: String| Unfit::Unreadable(reason, status);
    if let How::Translated(translation) = how {
        let answer = translation.decode(request, text).map_err(|error| unreadable(error.to_string()))?;
        if let Answer::Refused(refused) = &answer {
            return Err(Unfit::Said(Box::new(kept_back(&refused.reason)), refused.usage.map(Box::new)));
        }
        let (kind, body) = openai_media::encode(request, &answer, meta)
            .ok_or_else(|| unreadable("a vector is none".into()))?;
        let kind = HeaderValue::try_from(kind).map_err(|error| unreadable(error.to_string()))?;
        let usage = used(translation, request, &answer).or_else(|| translation.counted(&head.headers));
        let output_bytes = if let Answer::Speech(answer) = &answer { answer.data.len() as u64 } else { 0 };
        let observed =
            Observed { usage_complete: usage.is_some(), usage, output_bytes, ..Observed::default() };
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        return Ok((Plain { status, headers, body: body.into() }, observed));
    }
    let observed = endpoints::observe(request, text);
    if let Some(error) = observed.error {
        return Err(Unfit::Said(Box::new(error), None));
    }
    if expected != Expected::Plain {
        return Err(unreadable("it is no stream, or no sound".into()));
    }
    let wants_json = match request {
        Request::Transcription(asked) => asked.format.is_json() || asked.format == Format::Text,
        _ => true,
    };
    if wants_json && !looks_like_json(text) {
        return Err(unreadable("it is no JSON".into()));
    }
    let mut headers = head.headers;
    let body = match openai_media::as_asked(request, text).map_err(unreadable)? {
        (body, Some(kind)) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            body
        }
        (body, None) => body,
    };
    Ok((Plain { status, headers, body }, observed))
}

/// The answer as the client's wire has it: Gemini's asked by way of `OpenAI`'s format.
pub(super) fn of_wire(arrival: &Arrival, answer: Plain) -> Result<Plain, Unfit> {
    if arrival.wire != Wire::Gemini {
        return Ok(answer);
    }
    match gemini_embeddings::answer(&answer.body, arrival.array) {
        Some(body) => Ok(Plain { body: body.into(), ..answer }),
        None => Err(Unfit::Unreadable("it has no vectors".to_owned(), answer.status)),
    }
}

/// The provider's word, in the form of an error: it is about what the client asked for.
fn kept_back(reason: &str) -> UpstreamError {
    UpstreamError {
        status: 400,
        fault: Fault::Request,
        message: reason.to_owned(),
        code: Some("content_filter".to_owned()),
        param: None,
        retry_after_ms: None,
    }
}

/// What a translated answer used: its tokens where they were counted, and what it is itself.
fn used(translation: &dyn Translation, request: &Request, answer: &Answer) -> Option<Usage> {
    match (request, answer) {
        (_, Answer::Embedding(answer)) => answer.usage,
        (Request::Image(asked), Answer::Image(answer)) => {
            let images = answer.pictures.len() as u64;
            let image = endpoints::kind(asked, answer.size.as_deref(), answer.quality.as_deref());
            let image = translation.kind(image);
            Some(Usage { images, image, ..answer.usage.unwrap_or_default() })
        }
        (Request::Speech(asked), Answer::Speech(answer)) => {
            Some(Usage { characters: asked.characters(), ..answer.usage.unwrap_or_default() })
        }
        (Request::Video(asked), Answer::Video(_)) => {
            Some(Usage { millis: asked.millis(), ..Usage::default() })
        }
        (_, Answer::Video(_)) => None,
        (_, Answer::Refused(refused)) => refused.usage,
        (_, Answer::Image(answer)) => answer.usage,
        (_, Answer::Speech(answer)) => answer.usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_told_from_an_error_page() {
        let kind = |text: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))])
        };
        for (expected, text, fits) in [
            (Expected::Sound, "audio/mpeg", true),
            (Expected::Sound, "Audio/L16; rate=24000", true),
            (Expected::Sound, "application/octet-stream", true),
            (Expected::Sound, "application/json", false),
            (Expected::Sound, "text/html", false),
            (Expected::Events(Framing::Sse), "text/event-stream; charset=utf-8", true),
            (Expected::Events(Framing::Sse), "audio/mpeg", false),
            (Expected::Plain, "audio/mpeg", false),
        ] {
            assert_eq!(expected.is(&kind(text)), fits, "{expected:?} {text}");
        }
        assert!(!Expected::Sound.is(&HeaderMap::new()));
    }
}
