//! Videos by Veo: `predictLongRunning`, and the operation that it answers with.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{super::version, refuse};
use crate::{
    json::{self, Object},
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
pub(super) struct Veo;

/// Operations, as their names are: paths of their own.
#[derive(Debug)]
pub(in crate::provider) struct Operations;

/// The sizes that it makes, as it writes them (ai.google.dev/gemini-api/docs/video).
const SIZES: [(&str, &str, &str); 4] = [
    ("1280x720", "16:9", "720p"),
    ("720x1280", "9:16", "720p"),
    ("1920x1080", "16:9", "1080p"),
    ("1080x1920", "9:16", "1080p"),
];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Operation {
    name: String,
    done: bool,
    error: Option<Failure>,
    response: Response,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: i64,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Response {
    generate_video_response: Generated,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Generated {
    generated_samples: Vec<Sample>,
    rai_media_filtered_reasons: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sample {
    video: Video,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Video {
    uri: Option<String>,
}

impl Translation for Veo {
    fn encode(&self, request: &Request, _: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Video(request) = request else { return Err(refuse("prompt", "is missing")) };
        let shape = request.size.as_deref().map(shape).transpose()?;
        let mut out = Vec::with_capacity(256);
        let mut body = Object::open(&mut out);
        json::list(body.name("instances"), [request], instance);
        let mut parameters = Object::open(body.name("parameters"));
        // One: what is charged is what one takes.
        parameters.number("sampleCount", 1).number("durationSeconds", request.seconds);
        if let Some((ratio, resolution)) = shape {
            parameters.string("aspectRatio", ratio).string("resolution", resolution);
        }
        if let Some(negative) = &request.negative_prompt {
            parameters.string("negativePrompt", negative);
        }
        if let Some(seed) = request.seed {
            parameters.number("seed", seed);
        }
        parameters.close();
        body.close();
        Ok(out)
    }

    fn decode(&self, request: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let Request::Video(request) = request else { return Err(Unreadable("it is of no video".to_owned())) };
        let operation = read(body)?;
        if operation.name.is_empty() {
            return Err(Unreadable("it names no operation".to_owned()));
        }
        let (id, size) = (operation.name, request.size.clone());
        Ok(Answer::Video(Job { id, seconds: request.seconds, size, state: State::Queued }))
    }
}

/// Ratio and resolution.
fn shape(size: &str) -> Result<(&'static str, &'static str), Refusal> {
    let found = SIZES.iter().find(|(known, ..)| *known == size);
    found
        .map(|(_, ratio, resolution)| (*ratio, *resolution))
        .ok_or_else(|| refuse("size", "must be 1280x720, 720x1280, 1920x1080 or 1080x1920 for Gemini"))
}

fn instance(out: &mut Vec<u8>, request: &video::Request) {
    let mut instance = Object::open(out);
    instance.string("prompt", &request.prompt);
    if let Some(picture) = &request.reference {
        let mut image = Object::open(instance.name("image"));
        let kind = if picture.media_type.is_empty() { "image/png" } else { &picture.media_type };
        image.string("bytesBase64Encoded", &STANDARD.encode(&picture.data)).string("mimeType", kind);
        image.close();
    }
    instance.close();
}

impl Polled for Operations {
    fn whose(&self) -> &'static str {
        "Gemini"
    }

    fn path(&self, id: &str, base_url: &str) -> Option<String> {
        let segments: Option<Vec<String>> = id.split('/').map(segment).collect();
        Some(format!("{}/{}", version(base_url), segments?.join("/")))
    }

    fn read(&self, body: &[u8]) -> Result<(State, Option<String>), Unreadable> {
        let Operation { done, error, response, .. } = read(body)?;
        if let Some(Failure { code, message }) = error {
            return Ok((State::Failed { code: code.to_string(), message }, None));
        }
        if !done {
            return Ok((State::InProgress, None));
        }
        let Generated { generated_samples, rai_media_filtered_reasons } = response.generate_video_response;
        if let Some(uri) = generated_samples.into_iter().find_map(|sample| sample.video.uri) {
            return Ok((State::Completed, Some(uri)));
        }
        let message = match rai_media_filtered_reasons.into_iter().next() {
            Some(reason) => reason,
            None => "the provider made no video".to_owned(),
        };
        Ok((State::Failed { code: "content_filter".to_owned(), message }, None))
    }
}

fn read(body: &[u8]) -> Result<Operation, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use aigne_hub_crds::config::ProviderType;

    use super::*;
    use crate::{media::Blob, provider::testing};

    fn asked(size: Option<&str>) -> video::Request {
        video::Request {
            prompt: "a \"cat\"".into(),
            seconds: 8,
            size: size.map(str::to_owned),
            reference: None,
            negative_prompt: None,
            seed: None,
        }
    }

    fn encoded(request: video::Request) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::Gemini);
        let target = Target { provider: &provider, model: &provider.models[0] };
        Veo.encode(&Request::Video(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn what_was_asked_for_is_written_as_google_has_it() {
        assert_eq!(
            encoded(asked(Some("720x1280"))).unwrap(),
            r#"{"instances":[{"prompt":"a \"cat\""}],"parameters":{"sampleCount":1,"durationSeconds":8,"aspectRatio":"9:16","resolution":"720p"}}"#
        );
        let reference = Some(Blob { media_type: "image/jpeg".into(), data: bytes::Bytes::from_static(b"A") });
        let request =
            video::Request { reference, negative_prompt: Some("dogs".into()), seed: Some(7), ..asked(None) };
        assert_eq!(
            encoded(request).unwrap(),
            r#"{"instances":[{"prompt":"a \"cat\"","image":{"bytesBase64Encoded":"QQ==","mimeType":"image/jpeg"}}],"parameters":{"sampleCount":1,"durationSeconds":8,"negativePrompt":"dogs","seed":7}}"#
        );
        assert_eq!(encoded(asked(Some("1024x1792"))).unwrap_err().field, "size");
    }

    #[test]
    fn an_operation_tells_how_far_it_is() {
        let read = |text: &str| Operations.read(text.as_bytes()).unwrap();
        let name = r#""name":"models/veo/operations/a""#;
        assert_eq!(read(&format!("{{{name}}}")), (State::InProgress, None));
        let done = format!(
            r#"{{{name},"done":true,"response":{{"@type":"x","generateVideoResponse":{{"generatedSamples":[{{"video":{{"uri":"https://x/v"}}}}]}}}}}}"#
        );
        assert_eq!(read(&done), (State::Completed, Some("https://x/v".to_owned())));
        let kept_back = format!(
            r#"{{{name},"done":true,"response":{{"generateVideoResponse":{{"raiMediaFilteredCount":1,"raiMediaFilteredReasons":["no"]}}}}}}"#
        );
        let failed = |code: &str| State::Failed { code: code.into(), message: "no".into() };
        assert_eq!(read(&kept_back), (failed("content_filter"), None));
        let error = format!(r#"{{{name},"done":true,"error":{{"code":13,"message":"no"}}}}"#);
        assert_eq!(read(&error), (failed("13"), None));
        assert!(Operations.read(b"<html>").is_err());
    }

    #[test]
    fn the_name_of_an_operation_is_its_path() {
        let path = |id| Operations.path(id, "https://generativelanguage.googleapis.com");
        assert_eq!(path("models/veo-3/operations/a1").as_deref(), Some("/v1beta/models/veo-3/operations/a1"));
        assert_eq!(
            path("models/veo?x=/operations/a").as_deref(),
            Some("/v1beta/models/veo%3Fx%3D/operations/a")
        );
        assert_eq!((path("models/../x"), path("/models/x"), path("")), (None, None, None));
    }
}
