//! xAI's videos: a request of its own, looked at by its id (docs.x.ai, video generation). They lie at hosts of x.ai.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    json::Object,
    media::{
        Answer, Request,
        video::{Job, State},
    },
    provider::{
        Refusal, Target, Unreadable,
        endpoints::{
            Translation,
            jobs::{Polled, segment},
        },
    },
};

#[derive(Debug)]
pub(in crate::provider) struct Videos;

/// As it writes them. At 480p nobody else's size is meant but the nearest even one.
const SIZES: [(&str, &str, &str); 4] = [
    ("1280x720", "16:9", "720p"),
    ("720x1280", "9:16", "720p"),
    ("854x480", "16:9", "480p"),
    ("480x854", "9:16", "480p"),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    request_id: String,
    status: Option<String>,
    video: Option<Video>,
    code: Option<String>,
    error: Option<Failure>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Video {
    url: Option<String>,
}

/// Its errors are sentences; newer ones may be objects, as elsewhere.
#[derive(Deserialize)]
#[serde(untagged)]
enum Failure {
    Sentence(String),
    Object {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: String,
    },
}

fn read(body: &[u8]) -> Result<Told, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))
}

impl Translation for Videos {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Video(request) = request else { return Err(Refusal::of("prompt", "is missing")) };
        if request.negative_prompt.is_some() {
            return Err(Refusal::of("negative_prompt", "is not supported by xAI"));
        }
        if request.seed.is_some() {
            return Err(Refusal::of("seed", "is not supported by xAI"));
        }
        let mut out = Vec::with_capacity(256);
        let mut body = Object::open(&mut out);
        body.string("model", &target.model.upstream_model).string("prompt", &request.prompt);
        body.number("duration", request.seconds);
        if let Some(size) = &request.size {
            let found = SIZES.iter().find(|(known, ..)| known == size);
            let (_, ratio, resolution) = found.ok_or_else(|| {
                Refusal::of("size", "must be 1280x720, 720x1280, 854x480 or 480x854 for xAI")
            })?;
            body.string("aspect_ratio", ratio).string("resolution", resolution);
        }
        if let Some(picture) = &request.reference {
            let kind = if picture.media_type.is_empty() { "image/png" } else { &picture.media_type };
            let mut image = Object::open(body.name("image"));
            image.string("url", &format!("data:{kind};base64,{}", STANDARD.encode(&picture.data)));
            image.close();
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, request: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let Request::Video(request) = request else { return Err(Unreadable("it is of no video".to_owned())) };
        let id = read(body)?.request_id;
        if id.is_empty() {
            return Err(Unreadable("it names no request".to_owned()));
        }
        Ok(Answer::Video(Job {
            id,
            seconds: request.seconds,
            size: request.size.clone(),
            state: State::Queued,
        }))
    }
}

impl Polled for Videos {
    fn whose(&self) -> &'static str {
        "xAI"
    }

    fn storage(&self) -> &'static [&'static str] {
        &["x.ai"]
    }

    fn path(&self, id: &str, _: &str) -> Option<String> {
        Some(format!("/videos/{}", segment(id)?))
    }

    fn read(&self, body: &[u8]) -> Result<(State, Option<String>), Unreadable> {
        let Told { status, video, code, error, .. } = read(body)?;
        let place = video.and_then(|video| video.url).filter(|url| !url.is_empty());
        let failed = |otherwise: &str| {
            let (own, message) = match error {
                Some(Failure::Sentence(message)) => (None, message),
                Some(Failure::Object { code, message }) => (code, message),
                None => (None, "the provider made no video".to_owned()),
            };
            State::Failed { code: own.or(code).unwrap_or_else(|| otherwise.to_owned()), message }
        };
        Ok(match (status.as_deref(), place) {
            (Some("failed"), _) => (failed("failed"), None),
            // It may have been done before.
            (Some("expired"), _) => (State::Expired, None),
            // An earlier form of the answer says no status but the video.
            (Some("done") | None, Some(place)) => (State::Completed, Some(place)),
            // What its moderation keeps back has no address.
            (Some("done"), None) => (failed("content_filter"), None),
            _ => (State::InProgress, None),
        })
    }
}

#[cfg(test)]
mod tests {
    use aigne_hub_crds::config::ProviderType;

    use super::*;
    use crate::{
        media::{Blob, video},
        provider::testing,
    };

    fn encoded(request: video::Request) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::XAI);
        let target = Target { provider: &provider, model: &provider.models[0] };
        Videos.encode(&Request::Video(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    fn asked() -> video::Request {
        video::Request {
            prompt: "a cat".into(),
            seconds: 8,
            size: None,
            reference: None,
            negative_prompt: None,
            seed: None,
        }
    }

    #[test]
    fn what_was_asked_for_is_written_as_xai_has_it() {
        assert_eq!(encoded(asked()).unwrap(), r#"{"model":"upstream-m","prompt":"a cat","duration":8}"#);
        let reference = Some(Blob { media_type: "image/jpeg".into(), data: bytes::Bytes::from_static(b"A") });
        let request = video::Request { size: Some("720x1280".into()), reference, ..asked() };
        assert_eq!(
            encoded(request).unwrap(),
            r#"{"model":"upstream-m","prompt":"a cat","duration":8,"aspect_ratio":"9:16","resolution":"720p","image":{"url":"data:image/jpeg;base64,QQ=="}}"#
        );
        let field = |request| encoded(request).unwrap_err().field;
        assert_eq!(field(video::Request { size: Some("1920x1080".into()), ..asked() }), "size");
        assert_eq!(field(video::Request { seed: Some(7), ..asked() }), "seed");
        assert_eq!(field(video::Request { negative_prompt: Some("x".into()), ..asked() }), "negative_prompt");
    }

    #[test]
    fn a_request_tells_how_far_it_is() {
        let made = Videos.decode(&Request::Video(asked()), br#"{"request_id":"ab-1"}"#).unwrap();
        assert!(matches!(made, Answer::Video(Job { id, .. }) if id == "ab-1"));
        assert!(Videos.decode(&Request::Video(asked()), b"{}").is_err());
        let read = |text: &str| Polled::read(&Videos, text.as_bytes()).unwrap();
        let failed = |code: &str, message: &str| State::Failed { code: code.into(), message: message.into() };
        let place = Some("https://vidgen.x.ai/v.mp4".to_owned());
        for (text, expected) in [
            (r#"{"status":"pending","progress":10}"#, (State::InProgress, None)),
            (
                r#"{"status":"done","video":{"url":"https://vidgen.x.ai/v.mp4","duration":8}}"#,
                (State::Completed, place.clone()),
            ),
            (r#"{"video":{"url":"https://vidgen.x.ai/v.mp4"},"model":"m"}"#, (State::Completed, place)),
            (
                r#"{"status":"done","video":{"url":"","respect_moderation":false}}"#,
                (failed("content_filter", "the provider made no video"), None),
            ),
            (r#"{"status":"failed","code":"bad","error":"no"}"#, (failed("bad", "no"), None)),
            (r#"{"status":"failed","error":{"code":"c","message":"no"}}"#, (failed("c", "no"), None)),
            (r#"{"status":"expired"}"#, (State::Expired, None)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(Polled::read(&Videos, b"<html>").is_err());
        assert_eq!(Videos.path("a/b", "").as_deref(), Some("/videos/a%2Fb"));
    }
}
