//! Pictures by Amazon's own models, Titan and Nova Canvas.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    json::{self, Object},
    media::{
        Answer, Refused, Request,
        image::{self, Picture, Source},
    },
    provider::{Refusal, Target, Unreadable, endpoints::Translation, refuse},
    usage::{ImageKind, Word},
};

#[derive(Debug)]
pub(super) struct Pictures;

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    images: Option<Vec<String>>,
    /// Why some, or all, were kept back.
    error: Option<String>,
}

/// Fields that change neither the answer nor what it costs.
const HARMLESS: [&str; 3] = ["user", "metadata", "moderation"];

impl Translation for Pictures {
    fn encode(&self, request: &Request, _: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Image(request) = request else { return refuse("prompt", "is missing") };
        check(request)?;
        let mut out = Vec::new();
        let mut body = Object::open(&mut out);
        let (task, parameters) = match request.sources.as_slice() {
            [] => ("TEXT_IMAGE", "textToImageParams"),
            _ => ("IMAGE_VARIATION", "imageVariationParams"),
        };
        body.string("taskType", task);
        let mut asked = Object::open(body.name(parameters));
        asked.string("text", &request.prompt);
        if !request.sources.is_empty() {
            let pictures: Vec<String> = request.sources.iter().map(bytes).collect::<Result<_, _>>()?;
            json::list(asked.name("images"), &pictures, |out, picture| json::string(out, picture));
        }
        asked.close();
        let mut config = Object::open(body.name("imageGenerationConfig"));
        config.number("numberOfImages", request.n);
        if let Some(quality) = quality(request.quality.as_deref())? {
            config.string("quality", quality);
        }
        if let Some((width, height)) = size(request.size.as_deref())? {
            config.number("width", width).number("height", height);
        }
        config.close();
        body.close();
        Ok(out)
    }

    fn kind(&self, asked: ImageKind) -> ImageKind {
        match quality(Some(asked.quality.as_str())) {
            Ok(Some(word)) => ImageKind { quality: Word::new(word), ..asked },
            _ => asked,
        }
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let written: Written = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let pictures: Vec<_> = written.images.unwrap_or_default().into_iter().map(Picture::Base64).collect();
        match written.error {
            Some(reason) if pictures.is_empty() => Ok(Answer::Refused(Refused { reason, usage: None })),
            None if pictures.is_empty() => Err(Unreadable("it has no pictures".to_owned())),
            _ => {
                let output_format = Some("png".to_owned());
                Ok(Answer::Image(image::Answer { pictures, output_format, ..image::Answer::default() }))
            }
        }
    }
}

/// What these models cannot do.
fn check(request: &image::Request) -> Result<(), Refusal> {
    if request.as_url {
        return refuse("response_format", "must be b64_json for Amazon Bedrock");
    }
    if request.stream {
        return refuse("stream", "is not supported by this model");
    }
    if request.mask.is_some() {
        return refuse(
            "mask",
            "is not supported by this model: its masks are black and white, not transparent",
        );
    }
    if request.aspect_ratio.is_some() {
        return refuse("aspect_ratio", "is not known to this model: use `size`");
    }
    if request.background.as_deref() == Some("transparent") {
        return refuse("background", "cannot be transparent with this model");
    }
    if request.output_format.as_deref().is_some_and(|format| format != "png") {
        return refuse("output_format", "must be png for this model");
    }
    match request.others.iter().find(|name| !HARMLESS.contains(&name.as_str())) {
        Some(name) => refuse(name, "is not supported by this model"),
        None => Ok(()),
    }
}

fn bytes(source: &Source) -> Result<String, Refusal> {
    match source {
        Source::Bytes(blob) => Ok(STANDARD.encode(&blob.data)),
        Source::Url(_) => refuse(
            "image",
            "must be the picture itself: neither Amazon Bedrock nor this hub fetches addresses",
        ),
    }
}

/// Amazon knows two; each of `OpenAI`'s words means one of them.
fn quality(asked: Option<&str>) -> Result<Option<&'static str>, Refusal> {
    match asked {
        None | Some("auto") => Ok(None),
        Some("low" | "medium" | "standard") => Ok(Some("standard")),
        Some("high" | "hd" | "premium") => Ok(Some("premium")),
        Some(_) => {
            refuse("quality", "must be auto, standard or premium (low, medium or high) for this model")
        }
    }
}

fn size(asked: Option<&str>) -> Result<Option<(u32, u32)>, Refusal> {
    let Some(text) = asked.filter(|text| *text != "auto") else { return Ok(None) };
    image::sides(text).map_or_else(|| refuse("size", "must be auto or WIDTHxHEIGHT"), |sides| Ok(Some(sides)))
}
