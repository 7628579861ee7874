//! Pictures: generations and edits.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::fields::{bad, list, read},
    BadRequest, Meta, data_url, values,
};
use crate::{
    form::Field,
    json::{self, Object},
    media::{
        Blob,
        image::{Answer, Picture, Request, Source, sides},
    },
    payload::Payload,
    usage::Usage,
};

pub(super) fn decode(payload: &Payload) -> Result<Request, BadRequest> {
    let mut request = Request { n: 1, ..Request::default() };
    let mut given = false;
    let mut resolution = None;
    for value in values(payload) {
        match value.name {
            "prompt" => (given, request.prompt) = (true, value.text()?),
            "n" => request.n = value.count()?,
            "size" => request.size = Some(size(value.text()?)?),
            "resolution" => resolution = Some(value.text()?),
            "quality" => request.quality = Some(value.text()?),
            "background" => request.background = Some(value.text()?),
            "output_format" => request.output_format = Some(value.text()?),
            "aspect_ratio" => request.aspect_ratio = Some(value.text()?),
            "response_format" => {
                request.as_url = match value.text()?.as_str() {
                    "url" => true,
                    "b64_json" => false,
                    _ => return Err(bad("response_format", "must be \"url\" or \"b64_json\"")),
                }
            }
            "stream" => request.stream = value.flag()?,
            "image" | "images" | "image[]" => {
                let mut sources = sources(value.name, &value.raw)?;
                request.sources.append(&mut sources);
            }
            "mask" => request.mask = Some(source("mask", &value.raw)?),
            "model" | "user" => {}
            other => request.others.push(other.to_owned()),
        }
    }
    for field in files(payload) {
        let source = Source::Bytes(blob(field));
        match field.name.as_str() {
            "image" | "image[]" => request.sources.push(source),
            "mask" => request.mask = Some(source),
            other => return Err(bad(other, "is not a file that is known here")),
        }
    }
    // xAI's name for a size, on which the price depends as well.
    if let Some(text) = resolution {
        if request.size.is_some() {
            return Err(bad("resolution", "stands beside `size`, which means the same"));
        }
        request.size = Some(thousands(&text).ok_or_else(|| bad("resolution", "must be 1k, 2k or 4k"))?);
    }
    match (given, request.n) {
        (false, _) => Err(bad("prompt", "is missing")),
        (true, 0) => Err(bad("n", "must be at least 1")),
        _ => Ok(request),
    }
}

/// A price may depend on it: what can be written in two ways would have two prices. `2K` is Doubao's.
/// `2k` as prices have it.
fn thousands(text: &str) -> Option<String> {
    let count = text.strip_suffix(['k', 'K'])?;
    matches!(count.as_bytes(), [b'1'..=b'9']).then(|| format!("{count}K"))
}

fn size(text: String) -> Result<String, BadRequest> {
    if text == "auto" || thousands(&text).as_ref() == Some(&text) || sides(&text).is_some() {
        Ok(text)
    } else {
        Err(bad(
            "size",
            "must be auto, or WIDTHxHEIGHT in digits (or, where the provider knows it, 1K, 2K or 4K)",
        ))
    }
}

/// The files that come along.
pub(super) fn files(payload: &Payload) -> impl Iterator<Item = &Field> {
    let form = if let Payload::Form(form) = payload { Some(form) } else { None };
    form.into_iter().flat_map(crate::form::Form::fields).filter(|field| field.file.is_some())
}

/// The bytes of a file.
pub(super) fn blob(field: &Field) -> Blob {
    let media_type = field.file.as_ref().and_then(|file| file.content_type.clone()).unwrap_or_default();
    Blob { media_type, data: field.value.clone() }
}

fn sources(name: &str, raw: &str) -> Result<Vec<Source>, BadRequest> {
    if raw.starts_with('[') {
        list(name, raw, |raw| source("", raw))
    } else {
        source(name, raw).map(|source| vec![source])
    }
}

/// An address, or an object that has one.
#[derive(Deserialize)]
struct Named<'a> {
    url: Option<String>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
}

fn source(name: &str, raw: &str) -> Result<Source, BadRequest> {
    if raw.starts_with('{') {
        let named: Named<'_> = read(name, raw)?;
        return match (named.url, named.image_url) {
            (Some(url), _) => address(name, url),
            (None, Some(inner)) => source(name, inner.get()),
            (None, None) => Err(bad(name, "must be an address, or an object with `url` or `image_url`")),
        };
    }
    address(name, read(name, raw)?)
}

fn address(name: &str, url: String) -> Result<Source, BadRequest> {
    match data_url(&url) {
        Some(blob) => blob.map(Source::Bytes).map_err(|error| error.within(name)),
        None => Ok(Source::Url(url)),
    }
}

pub(super) fn encode(answer: &Answer, meta: &Meta) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    object.number("created", meta.created);
    for (name, text) in
        [("size", &answer.size), ("quality", &answer.quality), ("output_format", &answer.output_format)]
    {
        if let Some(text) = text {
            object.string(name, text);
        }
    }
    json::list(object.name("data"), &answer.pictures, |out, picture| {
        let mut object = Object::open(out);
        match picture {
            Picture::Base64(data) => object.string("b64_json", data),
            Picture::Url(url) => object.string("url", url),
        };
        object.close();
    });
    if let Some(counted) = answer.usage {
        usage(object.name("usage"), &counted);
    }
    object.close();
    out
}

fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let input = usage.prompt();
    let mut object = Object::open(out);
    object
        .number("input_tokens", input)
        .number("output_tokens", usage.output)
        .number("total_tokens", input.saturating_add(usage.output));
    let mut details = Object::open(object.name("input_tokens_details"));
    let images = usage.image_input.min(input);
    details.number("text_tokens", input - images).number("image_tokens", images);
    details.close();
    object.close();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn json(text: &'static str) -> Result<Request, BadRequest> {
        decode(&Payload::Json(crate::body::scan(Bytes::from_static(text.as_bytes())).unwrap()))
    }

    fn form(parts: &[(&str, &str)]) -> Result<Request, BadRequest> {
        decode(&Payload::Form(crate::form::testing::form(parts)))
    }

    #[test]
    fn what_the_price_depends_on_is_read_from_both_forms() {
        let one =
            json(r#"{"model":"m","prompt":"p","n":2,"size":"1024x1024","quality":"high","stream":true}"#);
        let other = form(&[
            ("name=prompt", "p"),
            ("name=n", "2"),
            ("name=size", "1024x1024"),
            ("name=quality", "high"),
            ("name=stream", "true"),
        ]);
        assert_eq!(one, other);
        assert_eq!(one.unwrap().n, 2);
        for (text, param) in [
            (r#"{"n":1}"#, "prompt"),
            (r#"{"prompt":"p","n":"2"}"#, "n"),
            (r#"{"prompt":"p","n":0}"#, "n"),
            (r#"{"prompt":"p","n":2.5}"#, "n"),
            (r#"{"prompt":"p","size":"02048x2048"}"#, "size"),
            (r#"{"prompt":"p","size":"+2048x2048"}"#, "size"),
            (r#"{"prompt":"p","size":"2048x 2048"}"#, "size"),
            (r#"{"prompt":"p","size":"2048X2048"}"#, "size"),
            (r#"{"prompt":"p","size":"2k"}"#, "size"),
            (r#"{"prompt":"p","resolution":"2048"}"#, "resolution"),
            (r#"{"prompt":"p","resolution":["2k"]}"#, "resolution"),
            (r#"{"prompt":"p","resolution":"2k","size":"1K"}"#, "resolution"),
            (r#"{"prompt":"p","stream":"true"}"#, "stream"),
            (r#"{"prompt":"p","response_format":"x"}"#, "response_format"),
        ] {
            assert_eq!(json(text).unwrap_err().param.as_deref(), Some(param), "{text}");
        }
        assert_eq!(json(r#"{"prompt":"p","resolution":"2k"}"#).unwrap().size.as_deref(), Some("2K"));
        assert_eq!(form(&[("name=prompt", "p"), ("name=n", "x")]).unwrap_err().param.as_deref(), Some("n"));
    }

    #[test]
    fn pictures_come_as_files_addresses_or_bytes() {
        let files = form(&[
            ("name=prompt", "p"),
            ("name=\"image[]\"; filename=a.png", "A"),
            ("name=\"image[]\"; filename=b.png", "B"),
            ("name=mask; filename=m.png", "M"),
        ])
        .unwrap();
        assert_eq!((files.sources.len(), files.mask.is_some()), (2, true));
        let urls = json(
            r#"{"prompt":"p","image":{"url":"https://x/y"},"images":[{"image_url":"data:image/png;base64,QQ=="}]}"#,
        );
        let bytes = Blob { media_type: "image/png".into(), data: Bytes::from_static(b"A") };
        assert_eq!(urls.unwrap().sources, [Source::Url("https://x/y".into()), Source::Bytes(bytes)]);
        assert_eq!(
            json(r#"{"prompt":"p","images":["data:image/png;base64,%"]}"#).unwrap_err().param.as_deref(),
            Some("images[0]")
        );
        assert_eq!(
            form(&[("name=prompt", "p"), ("name=n; filename=n", "2")]).unwrap_err().param.as_deref(),
            Some("n")
        );
    }
}
