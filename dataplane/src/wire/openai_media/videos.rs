//! Videos: what is asked for, and how a job is told of.
//!
//! Unlike beside all other media, a field that is not known is refused: some who speak this format choose length and
//! number of videos by fields of their own, and each multiplies what a job costs. So are other people's addresses, which
//! the hub does not fetch, and files of the provider's account, which all tenants share.

use serde::Deserialize;

use super::{
    super::fields::{bad, read},
    BadRequest, Meta, data_url,
    images::{blob, files},
    values,
};
use crate::{
    json::Object,
    media::{
        Blob,
        video::{DEFAULT_SECONDS, Job, Request, State},
    },
    payload::Payload,
};

pub(super) fn decode(payload: &Payload) -> Result<Request, BadRequest> {
    let mut prompt = None;
    let mut request = Request {
        prompt: String::new(),
        seconds: DEFAULT_SECONDS,
        size: None,
        reference: None,
        negative_prompt: None,
        seed: None,
    };
    for value in values(payload) {
        match value.name {
            "prompt" => prompt = Some(value.text()?),
            "seconds" => request.seconds = seconds(&value.raw)?,
            "size" => request.size = Some(value.text()?),
            "negative_prompt" => request.negative_prompt = Some(value.text()?),
            "seed" => request.seed = Some(value.count()?),
            "input_reference" => request.reference = Some(reference(&value.raw)?),
            "model" | "user" => {}
            other => return Err(bad(other, "is not known for videos")),
        }
    }
    for field in files(payload) {
        match field.name.as_str() {
            "input_reference" => request.reference = Some(blob(field)),
            other => return Err(bad(other, "is not a file that is known here")),
        }
    }
    request.prompt = prompt.ok_or_else(|| bad("prompt", "is missing"))?;
    Ok(request)
}

/// `OpenAI` writes them in quotes; others don't.
fn seconds(raw: &str) -> Result<u64, BadRequest> {
    let seconds = raw.trim_matches('"').parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| bad("seconds", "must be a whole number of seconds, at least 1"))
}

fn reference(raw: &str) -> Result<Blob, BadRequest> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        image_url: String,
    }
    const FIELD: &str = "input_reference";
    let bytes_only = || {
        let message = "must be a file of a form, or an object whose `image_url` is a data: address: the hub fetches \
                       nothing, and files of the provider's account are not a tenant's own";
        bad(FIELD, message)
    };
    if !raw.starts_with('{') {
        return Err(bytes_only());
    }
    let named: Named = read(FIELD, raw).map_err(|_| bytes_only())?;
    data_url(&named.image_url).ok_or_else(bytes_only)?.map_err(|error| error.within(FIELD))
}

/// A job in `OpenAI`'s format.
pub fn encode(job: &Job, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut object = Object::open(&mut out);
    let (status, progress) = match &job.state {
        State::Queued => ("queued", 0),
        State::InProgress => ("in_progress", 0),
        State::Completed => ("completed", 100),
        State::Failed { .. } | State::Expired => ("failed", 0),
    };
    object.string("id", &job.id).string("object", "video").number("created_at", meta.created);
    object.string("status", status).string("model", &meta.model).number("progress", progress);
    object.string("seconds", &job.seconds.to_string());
    if let Some(size) = &job.size {
        object.string("size", size);
    }
    object.raw("completed_at", "null").raw("expires_at", "null").raw("remixed_from_video_id", "null");
    match &job.state {
        State::Failed { code, message } => {
            let mut error = Object::open(object.name("error"));
            error.string("code", code).string("message", message);
            error.close();
        }
        State::Expired => {
            let mut error = Object::open(object.name("error"));
            error
                .string("code", "expired")
                .string("message", "the provider does not keep this video any more");
            error.close();
        }
        _ => _ = object.raw("error", "null"),
    }
    object.close();
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn json(text: &'static str) -> Result<Request, BadRequest> {
        decode(&Payload::Json(crate::body::scan(Bytes::from_static(text.as_bytes())).unwrap()))
    }

    #[test]
    fn seconds_are_written_either_way() {
        for (text, seconds) in [
            (r#"{"model":"m","prompt":"p"}"#, 4),
            (r#"{"model":"m","prompt":"p","seconds":"8"}"#, 8),
            (r#"{"model":"m","prompt":"p","seconds":12,"size":null}"#, 12),
        ] {
            let request = json(text).unwrap();
            assert_eq!((request.seconds, request.millis()), (seconds, seconds * 1000), "{text}");
        }
        for text in [
            r#"{"prompt":"p","seconds":0}"#,
            r#"{"prompt":"p","seconds":"-4"}"#,
            r#"{"prompt":"p","seconds":4.5}"#,
            r#"{"prompt":"p","seconds":["4"]}"#,
        ] {
            assert_eq!(json(text).unwrap_err().param.as_deref(), Some("seconds"), "{text}");
        }
    }

    #[test]
    fn what_is_fetched_shared_or_unknown_is_refused_by_name() {
        let given = json(r#"{"prompt":"p","input_reference":{"image_url":"data:image/png;base64,QQ=="}}"#);
        let reference = given.unwrap().reference.unwrap();
        assert_eq!((reference.media_type.as_str(), &*reference.data), ("image/png", &b"A"[..]));
        for (text, param) in [
            (r#"{"prompt":"p","input_reference":{"image_url":"https://x/a.png"}}"#, "input_reference"),
            (r#"{"prompt":"p","input_reference":{"file_id":"file-1"}}"#, "input_reference"),
            (
                r#"{"prompt":"p","input_reference":{"image_url":"data:image/png;base64,QQ==","file_id":"f"}}"#,
                "input_reference",
            ),
            (r#"{"prompt":"p","input_reference":"data:image/png;base64,QQ=="}"#, "input_reference"),
            (r#"{"prompt":"p","image_url":"https://x/a.png"}"#, "image_url"),
            (r#"{"prompt":"p","n":4}"#, "n"),
            (r#"{"prompt":"p","characters":[{"id":"c"}]}"#, "characters"),
            (r#"{"seconds":"4"}"#, "prompt"),
        ] {
            assert_eq!(json(text).unwrap_err().param.as_deref(), Some(param), "{text}");
        }
    }

    #[test]
    fn a_form_brings_the_picture() {
        let parts = [
            ("name=model", "m"),
            ("name=prompt", "p"),
            ("name=seconds", "8"),
            ("name=input_reference; filename=a.png", "png"),
        ];
        let request = decode(&Payload::Form(crate::form::testing::form(&parts))).unwrap();
        assert_eq!((request.seconds, &*request.reference.unwrap().data), (8, &b"png"[..]));
        let other = [("name=prompt", "p"), ("name=video; filename=a.mp4", "x")];
        let error = decode(&Payload::Form(crate::form::testing::form(&other))).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("video"));
    }

    #[test]
    fn a_job_is_told_of_as_openai_does() {
        let meta = Meta { model: "m".into(), id: String::new(), created: 7, include_usage: true };
        let state = State::Failed { code: "moderation".into(), message: "no".into() };
        let job = Job { id: "video_x".into(), seconds: 8, size: Some("1280x720".into()), state };
        assert_eq!(
            String::from_utf8(encode(&job, &meta)).unwrap(),
            r#"{"id":"video_x","object":"video","created_at":7,"status":"failed","model":"m","progress":0,"seconds":"8","size":"1280x720","completed_at":null,"expires_at":null,"remixed_from_video_id":null,"error":{"code":"moderation","message":"no"}}"#
        );
    }
}
