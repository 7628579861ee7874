//! xAI's edits of pictures: JSON where `OpenAI`'s SDKs send a form (docs.x.ai, image generation). Answers are `OpenAI`'s.

use crate::{
    json::{self, Object},
    media::{
        Answer, Request,
        image::{self, Source},
    },
    provider::{
        Refusal, Target, Unreadable,
        endpoints::{Translation, answers},
        refuse,
    },
};

#[derive(Debug)]
pub(in crate::provider) struct Edits;

impl Translation for Edits {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Image(request) = request else { return refuse("prompt", "is missing") };
        check(request)?;
        let mut out = Vec::new();
        let mut body = Object::open(&mut out);
        body.string("model", &target.model.upstream_model).string("prompt", &request.prompt);
        match request.sources.as_slice() {
            [] => return refuse("image", "is missing"),
            [one] => source(body.name("image"), one),
            several => json::list(body.name("images"), several, source),
        }
        body.number("n", request.n);
        body.string("response_format", if request.as_url { "url" } else { "b64_json" });
        if let Some(size) = request.size.as_deref().filter(|size| size.ends_with('K')) {
            body.string("resolution", &size.to_lowercase());
        }
        if let Some(ratio) = &request.aspect_ratio {
            body.string("aspect_ratio", ratio);
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        answers::images(body)
    }
}

/// What xAI cannot do.
fn check(request: &image::Request) -> Result<(), Refusal> {
    if request.stream {
        return refuse("stream", "is not supported by xAI");
    }
    if request.mask.is_some() {
        return refuse("mask", "is not supported by xAI");
    }
    if request.size.as_deref().is_some_and(|size| size != "auto" && !size.ends_with('K')) {
        return refuse("size", "is not known to xAI: use `aspect_ratio` and `resolution`");
    }
    if request.quality.as_deref().is_some_and(|quality| quality != "auto") {
        return refuse("quality", "cannot be chosen with xAI");
    }
    match request.others.iter().find(|name| !["user", "metadata", "moderation"].contains(&name.as_str())) {
        Some(name) => refuse(name, "is not supported by xAI"),
        None => Ok(()),
    }
}

fn source(out: &mut Vec<u8>, source: &Source) {
    let mut object = Object::open(out);
    object.string("type", "image_url").string("url", &source.url());
    object.close();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        media::{Blob, image::Picture},
        provider::testing,
    };
    use aigne_hub_crds::config::ProviderType;

    fn sent(request: image::Request) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::XAI);
        let target = Target { provider: &provider, model: &provider.models[0] };
        Edits.encode(&Request::Image(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_form_becomes_an_object() {
        let picture = Blob { media_type: "image/jpeg".into(), data: Bytes::from_static(b"A") };
        let request = image::Request {
            prompt: "a hat".into(),
            n: 1,
            sources: vec![Source::Bytes(picture)],
            ..image::Request::default()
        };
        assert_eq!(
            sent(request.clone()).unwrap(),
            r#"{"model":"upstream-m","prompt":"a hat","image":{"type":"image_url","url":"data:image/jpeg;base64,QQ=="},"n":1,"response_format":"b64_json"}"#
        );
        let two = vec![Source::Url("https://a".into()), Source::Url("https://b".into())];
        let more = image::Request {
            sources: two,
            aspect_ratio: Some("1:1".into()),
            as_url: true,
            ..request.clone()
        };
        assert!(sent(more).unwrap().contains(
            r#""images":[{"type":"image_url","url":"https://a"},{"type":"image_url","url":"https://b"}],"n":1,"response_format":"url","aspect_ratio":"1:1""#
        ));
        let large = image::Request { size: Some("2K".into()), ..request.clone() };
        assert!(sent(large).unwrap().ends_with(r#""response_format":"b64_json","resolution":"2k"}"#));
        let sized = image::Request { size: Some("512x512".into()), ..request };
        assert_eq!(sent(sized).unwrap_err().field, "size");
    }

    #[test]
    fn its_answer_is_openais() {
        let answer = Edits.decode(
            &Request::Image(image::Request::default()),
            br#"{"data":[{"b64_json":"QQ=="},{"url":"https://x"}]}"#,
        );
        let Ok(Answer::Image(answer)) = answer else { panic!("{answer:?}") };
        assert_eq!(answer.pictures, [Picture::Base64("QQ==".into()), Picture::Url("https://x".into())]);
    }
}
