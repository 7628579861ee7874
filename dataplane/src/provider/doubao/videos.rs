//! Doubao's videos: tasks that make contents (volcengine.com, Ark: contents/generations/tasks).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    json::Object,
    media::{
        Answer, Request,
        video::{self, Job, State},
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

/// Where they are made and, by their ids, looked at.
pub(in crate::provider) const TASKS: &str = "/contents/generations/tasks";

/// As it writes them.
const SIZES: [(&str, &str, &str); 4] = [
    ("1280x720", "16:9", "720p"),
    ("720x1280", "9:16", "720p"),
    ("1920x1080", "16:9", "1080p"),
    ("1080x1920", "9:16", "1080p"),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Task {
    id: String,
    status: String,
    content: Option<Content>,
    error: Option<Failure>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    video_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: String,
    message: String,
}

fn read(body: &[u8]) -> Result<Task, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))
}

/// Options within a prompt (`--duration 12`) choose what a video costs, beside what is charged for.
fn has_options(prompt: &str) -> bool {
    let follows = |rest: &str| rest.chars().next().is_some_and(char::is_alphanumeric);
    prompt.match_indices("--").any(|(at, dashes)| follows(&prompt[at + dashes.len()..]))
}

impl Translation for Videos {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Video(request) = request else { return Err(Refusal::of("prompt", "is missing")) };
        if has_options(&request.prompt) {
            return Err(Refusal::of(
                "prompt",
                "must not hold options for Doubao (`--name`): say `seconds` and `size`",
            ));
        }
        if request.negative_prompt.is_some() {
            return Err(Refusal::of("negative_prompt", "is not supported by Doubao"));
        }
        let mut out = Vec::with_capacity(256);
        let mut body = Object::open(&mut out);
        body.string("model", &target.model.upstream_model);
        content(body.name("content"), request);
        body.number("duration", request.seconds);
        if let Some(size) = &request.size {
            let found = SIZES.iter().find(|(known, ..)| known == size);
            let message = "must be 1280x720, 720x1280, 1920x1080 or 1080x1920 for Doubao";
            let (_, ratio, resolution) = found.ok_or_else(|| Refusal::of("size", message))?;
            body.string("ratio", ratio).string("resolution", resolution);
        }
        if let Some(seed) = request.seed {
            body.number("seed", seed);
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, request: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let Request::Video(request) = request else { return Err(Unreadable("it is of no video".to_owned())) };
        let id = read(body)?.id;
        if id.is_empty() {
            return Err(Unreadable("it names no task".to_owned()));
        }
        Ok(Answer::Video(Job {
            id,
            seconds: request.seconds,
            size: request.size.clone(),
            state: State::Queued,
        }))
    }
}

/// What to show, and the picture to begin with.
fn content(out: &mut Vec<u8>, request: &video::Request) {
    out.push(b'[');
    let mut text = Object::open(out);
    text.string("type", "text").string("text", &request.prompt);
    text.close();
    if let Some(picture) = &request.reference {
        out.push(b',');
        let mut part = Object::open(out);
        part.string("type", "image_url");
        let kind = if picture.media_type.is_empty() { "image/png" } else { &picture.media_type };
        let mut image = Object::open(part.name("image_url"));
        image.string("url", &format!("data:{kind};base64,{}", STANDARD.encode(&picture.data)));
        image.close();
        part.string("role", "first_frame");
        part.close();
    }
    out.push(b']');
}

impl Polled for Videos {
    fn whose(&self) -> &'static str {
        "Doubao"
    }

    fn storage(&self) -> &'static [&'static str] {
        &["volces.com", "bytepluses.com"]
    }

    fn path(&self, id: &str, _: &str) -> Option<String> {
        Some(format!("{TASKS}/{}", segment(id)?))
    }

    fn read(&self, body: &[u8]) -> Result<(State, Option<String>), Unreadable> {
        let Task { status, content, error, .. } = read(body)?;
        let place = content.and_then(|content| content.video_url);
        Ok(match (status.as_str(), place) {
            ("queued", _) => (State::Queued, None),
            ("succeeded", Some(place)) => (State::Completed, Some(place)),
            // A task that has expired or was cancelled was never at work.
            ("failed" | "cancelled" | "expired" | "succeeded", _) => {
                let Failure { code, message } = error.unwrap_or_else(|| Failure {
                    code: status,
                    message: "the provider made no video".to_owned(),
                });
                (State::Failed { code, message }, None)
            }
            _ => (State::InProgress, None),
        })
    }
}

#[cfg(test)]
mod tests {
    use aigne_hub_crds::config::ProviderType;

    use super::*;
    use crate::{media::Blob, provider::testing};

    fn encoded(request: video::Request) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::Doubao);
        let target = Target { provider: &provider, model: &provider.models[0] };
        Videos.encode(&Request::Video(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    fn asked(prompt: &str) -> video::Request {
        video::Request {
            prompt: prompt.into(),
            seconds: 5,
            size: None,
            reference: None,
            negative_prompt: None,
            seed: None,
        }
    }

    #[test]
    fn what_was_asked_for_is_written_as_doubao_has_it() {
        assert_eq!(
            encoded(asked("a cat")).unwrap(),
            r#"{"model":"upstream-m","content":[{"type":"text","text":"a cat"}],"duration":5}"#
        );
        let reference = Some(Blob { media_type: String::new(), data: bytes::Bytes::from_static(b"A") });
        let request =
            video::Request { size: Some("1920x1080".into()), seed: Some(7), reference, ..asked("a cat") };
        assert_eq!(
            encoded(request).unwrap(),
            r#"{"model":"upstream-m","content":[{"type":"text","text":"a cat"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="},"role":"first_frame"}],"duration":5,"ratio":"16:9","resolution":"1080p","seed":7}"#
        );
    }

    #[test]
    fn nobody_chooses_what_it_costs_within_a_prompt() {
        let field = |prompt: &str| encoded(asked(prompt)).err().map(|refusal| refusal.field);
        for prompt in ["a cat --duration 12", "--rs 1080p", "a cat--dur 12", "a --- b --x"] {
            assert_eq!(field(prompt).as_deref(), Some("prompt"), "{prompt}");
        }
        for prompt in ["a cat - black - asleep", "a cat -- asleep", "a cat --"] {
            assert_eq!(field(prompt), None, "{prompt}");
        }
        let other = video::Request { size: Some("1x1".into()), ..asked("a") };
        assert_eq!(encoded(other).unwrap_err().field, "size");
        let other = video::Request { negative_prompt: Some("dogs".into()), ..asked("a") };
        assert_eq!(encoded(other).unwrap_err().field, "negative_prompt");
    }

    #[test]
    fn a_task_tells_how_far_it_is() {
        let made = Videos.decode(&Request::Video(asked("a")), br#"{"id":"cgt-1"}"#).unwrap();
        assert!(matches!(made, Answer::Video(Job { id, .. }) if id == "cgt-1"));
        assert!(Videos.decode(&Request::Video(asked("a")), b"{}").is_err());
        let failed = |code: &str, message: &str| State::Failed { code: code.into(), message: message.into() };
        for (text, expected) in [
            (r#"{"id":"cgt-1","status":"queued"}"#, (State::Queued, None)),
            (r#"{"status":"running","error":null}"#, (State::InProgress, None)),
            (
                r#"{"status":"succeeded","content":{"video_url":"https://a.tos-cn-beijing.volces.com/v?s"}}"#,
                (State::Completed, Some("https://a.tos-cn-beijing.volces.com/v?s".to_owned())),
            ),
            (
                r#"{"status":"failed","error":{"code":"OutputVideoSensitive","message":"no"}}"#,
                (failed("OutputVideoSensitive", "no"), None),
            ),
            (r#"{"status":"cancelled"}"#, (failed("cancelled", "the provider made no video"), None)),
            (r#"{"status":"expired"}"#, (failed("expired", "the provider made no video"), None)),
        ] {
            assert_eq!(Polled::read(&Videos, text.as_bytes()).unwrap(), expected, "{text}");
        }
        assert_eq!(Videos.path("cgt-1", "").as_deref(), Some("/contents/generations/tasks/cgt-1"));
    }
}
