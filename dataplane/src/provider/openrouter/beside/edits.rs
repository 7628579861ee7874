//! Edits of pictures: the same endpoint, with the pictures to begin with as `input_references`. Answers are `OpenAI`'s.

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
        body.string("model", &target.model.upstream_model)
            .string("prompt", &request.prompt)
            .number("n", request.n);
        json::list(body.name("input_references"), &request.sources, source);
        for (name, value) in [
            ("size", &request.size),
            ("quality", &request.quality),
            ("background", &request.background),
            ("output_format", &request.output_format),
            ("aspect_ratio", &request.aspect_ratio),
        ] {
            if let Some(value) = value {
                body.string(name, value);
            }
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        answers::images(body)
    }
}

/// What `OpenRouter` cannot do.
fn check(request: &image::Request) -> Result<(), Refusal> {
    if request.sources.is_empty() {
        return refuse("image", "is missing");
    }
    if request.mask.is_some() {
        return refuse("mask", "is not supported by OpenRouter");
    }
    if request.stream {
        return refuse("stream", "asks for events, which most of OpenRouter's models do not send");
    }
    if request.as_url {
        return refuse("response_format", "asks for addresses, which OpenRouter does not give");
    }
    match request.others.iter().find(|name| !["user", "metadata", "moderation"].contains(&name.as_str())) {
        Some(name) => refuse(name, "is not supported by OpenRouter"),
        None => Ok(()),
    }
}

fn source(out: &mut Vec<u8>, source: &Source) {
    let mut object = Object::open(out);
    object.string("type", "image_url");
    let mut inner = Object::open(object.name("image_url"));
    inner.string("url", &source.url());
    inner.close();
    object.close();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{media::Blob, provider::testing};
    use aigne_hub_crds::config::ProviderType;

    fn request() -> image::Request {
        let picture = Blob { media_type: String::new(), data: Bytes::from_static(b"A") };
        let sources = vec![Source::Bytes(picture), Source::Url("https://a".into())];
        image::Request { prompt: "a hat".into(), n: 1, sources, ..image::Request::default() }
    }

    fn sent(request: image::Request) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::OpenRouter);
        let target = Target { provider: &provider, model: &provider.models[0] };
        Edits.encode(&Request::Image(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn pictures_become_references() {
        let sized = image::Request { size: Some("2K".into()), quality: Some("high".into()), ..request() };
        assert_eq!(
            sent(sized).unwrap(),
            r#"{"model":"upstream-m","prompt":"a hat","n":1,"input_references":[{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"image_url","image_url":{"url":"https://a"}}],"size":"2K","quality":"high"}"#
        );
    }

    #[test]
    fn what_it_cannot_do_is_refused_by_name() {
        let mask = Some(Source::Url("https://m".into()));
        for (asked, field) in [
            (image::Request { mask, ..request() }, "mask"),
            (image::Request { stream: true, ..request() }, "stream"),
            (image::Request { as_url: true, ..request() }, "response_format"),
            (image::Request { sources: Vec::new(), ..request() }, "image"),
            (image::Request { others: vec!["resolution".into()], ..request() }, "resolution"),
        ] {
            assert_eq!(sent(asked).unwrap_err().field, field);
        }
    }

    #[test]
    fn its_answer_says_what_it_cost() {
        let answer = Edits.decode(
            &Request::Image(request()),
            br#"{"created":1,"data":[{"b64_json":"QQ==","media_type":"image/png"}],"usage":{"prompt_tokens":9,"completion_tokens":1290,"total_tokens":1299,"completion_tokens_details":{"image_tokens":1290},"cost":0.0387}}"#,
        );
        let Ok(Answer::Image(answer)) = answer else { panic!("{answer:?}") };
        let usage = answer.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.image_output), (9, 1290, 1290));
        assert_eq!(usage.reported_cost_nanos, Some(38_700_000));
    }
}
