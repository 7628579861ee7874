//! Pictures by Gemini's own models: `generateContent`, from a text alone or from other pictures, too.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{refuse, refuse_others};
use crate::{
    json::{self, Object},
    media::{
        Answer, Refused, Request,
        image::{self, Picture, Source},
    },
    provider::{
        Refusal, Target, Unreadable,
        endpoints::Translation,
        failure::bounded,
        gemini::{error::cleaned, files, media, usage::RawUsage},
    },
    usage::{ImageKind, Word},
};

#[derive(Debug)]
pub(super) struct Images;

/// ai.google.dev/gemini-api/docs/image-generation.
const RATIOS: [&str; 10] = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];

/// Longest text of the model's that is handed on where it made nothing else, in bytes.
const LONGEST_REFUSAL: usize = 1000;

/// What a picture is to look like, in Google's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// `16:9`
    pub(super) ratio: Option<String>,
    /// `2K`, `4K`; nothing for the usual 1K.
    pub(super) size: Option<&'static str>,
}

impl Shape {
    /// By the size in pixels, of which Google knows the ratio and a side's thousands; or by the ratio itself.
    pub(super) fn of(request: &image::Request, ratios: &[&str]) -> Result<Self, Refusal> {
        let known = |field: &str, ratio: String| {
            if ratios.contains(&ratio.as_str()) {
                Ok(Some(ratio))
            } else {
                let message = format!("means {ratio}; this model knows {}", ratios.join(", "));
                Err(refuse(field, &message))
            }
        };
        if let Some(ratio) = &request.aspect_ratio {
            if request.size.as_deref().is_some_and(|size| size != "auto") {
                return Err(refuse("size", "cannot stand beside `aspect_ratio`"));
            }
            return Ok(Self { ratio: known("aspect_ratio", ratio.clone())?, size: None });
        }
        let Some(size) = request.size.as_deref().filter(|size| *size != "auto") else {
            return Ok(Self::default());
        };
        let Some((width, height)) = image::sides(size) else {
            return Err(refuse("size", "must be auto or WIDTHxHEIGHT"));
        };
        let divisor = gcd(width, height);
        let ratio = known("size", format!("{}:{}", width / divisor, height / divisor))?;
        // Nothing is rounded: for each picture that Google is asked for there is one size, and so one price.
        let is = |side: u32| width == side || height == side;
        let size = match (is(1024), is(2048), is(4096)) {
            (true, _, _) => None,
            (_, true, _) => Some("2K"),
            (_, _, true) => Some("4K"),
            _ => return Err(refuse("size", "must have a side of 1024, 2048 or 4096 for Gemini")),
        };
        Ok(Self { ratio, size })
    }
}

fn gcd(left: u32, right: u32) -> u32 {
    if right == 0 { left } else { gcd(right, left % right) }
}

/// What neither kind of Google's models can do.
pub(super) fn check(request: &image::Request) -> Result<(), Refusal> {
    if request.as_url {
        return Err(refuse("response_format", "must be b64_json for Gemini"));
    }
    if request.stream {
        return Err(refuse("stream", "is not supported by Gemini"));
    }
    if request.mask.is_some() {
        return Err(refuse("mask", "is not supported by Gemini"));
    }
    if request.quality.as_deref().is_some_and(|quality| !matches!(quality, "auto" | "standard")) {
        return Err(refuse("quality", "cannot be chosen with Gemini"));
    }
    if request.background.as_deref().is_some_and(|background| background == "transparent") {
        return Err(refuse("background", "cannot be transparent with Gemini"));
    }
    refuse_others(&request.others)
}

/// `OpenAI`'s name for a picture's type.
pub(super) fn output_format(media_type: &str) -> Option<String> {
    let format = media_type.strip_prefix("image/")?;
    matches!(format, "png" | "jpeg" | "webp").then(|| format.to_owned())
}

/// There is no quality to choose, whatever it is called.
pub(super) fn kind(asked: ImageKind) -> ImageKind {
    ImageKind { quality: Word::default(), ..asked }
}

impl Translation for Images {
    fn kind(&self, asked: ImageKind) -> ImageKind {
        kind(asked)
    }

    fn encode(&self, request: &Request, _: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Image(request) = request else { return Err(refuse("prompt", "is missing")) };
        check(request)?;
        if request.n > 1 {
            return Err(refuse("n", "must be 1 for Gemini"));
        }
        if request.output_format.as_deref().is_some_and(|format| format != "png") {
            return Err(refuse("output_format", "must be png for Gemini"));
        }
        let ours = |source: &Source| matches!(source, Source::Url(url) if !files::is_public(url));
        if request.sources.iter().any(ours) {
            return Err(refuse("image", files::NOT_PUBLIC));
        }
        let shape = Shape::of(request, &RATIOS)?;
        let mut out = Vec::with_capacity(1024);
        let mut body = Object::open(&mut out);
        json::list(body.name("contents"), [request], |out, request| {
            let mut content = Object::open(out);
            parts(content.string("role", "user").name("parts"), request);
            content.close();
        });
        let mut config = Object::open(body.name("generationConfig"));
        config.raw("responseModalities", r#"["TEXT","IMAGE"]"#);
        if shape != Shape::default() {
            let mut image = Object::open(config.name("imageConfig"));
            if let Some(ratio) = &shape.ratio {
                image.string("aspectRatio", ratio);
            }
            if let Some(size) = shape.size {
                image.string("imageSize", size);
            }
            image.close();
        }
        config.close();
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let blobs = Blobs::read(body)?;
        let found: Vec<_> = blobs.of("image/").collect();
        let Some(first) = found.first() else { return blobs.nothing("picture") };
        let output_format = output_format(&first.mime_type);
        let pictures = found.iter().map(|blob| Picture::Base64(blob.data.clone())).collect();
        let usage = blobs.answer.usage_metadata.as_ref().map(RawUsage::normalise);
        Ok(Answer::Image(image::Answer { pictures, output_format, usage, ..image::Answer::default() }))
    }
}

fn parts(out: &mut Vec<u8>, request: &image::Request) {
    let texts = std::iter::once(None).chain(request.sources.iter().map(Some));
    json::list(out, texts, |out, source| {
        let mut part = Object::open(out);
        match source {
            None => {
                part.string("text", &request.prompt);
            }
            Some(Source::Bytes(blob)) => {
                let media_type = if blob.media_type.is_empty() { "image/png" } else { &blob.media_type };
                media::inline(&mut part, media_type, &STANDARD.encode(&blob.data));
            }
            // Google fetches it.
            Some(Source::Url(url)) => media::file(&mut part, url),
        }
        part.close();
    });
}

/// An answer whose parts are read for their bytes.
pub(super) struct Blobs {
    pub(super) answer: WithBlobs,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
pub(super) struct WithBlobs {
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    pub(super) usage_metadata: Option<RawUsage>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Candidate {
    content: Content,
    finish_reason: Option<String>,
    finish_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Part {
    text: Option<String>,
    inline_data: Option<Blob>,
    /// A draft that the model made while it thought.
    thought: Option<bool>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    pub(super) mime_type: String,
    pub(super) data: String,
}

impl Blobs {
    pub(super) fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let answer = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        Ok(Self { answer })
    }

    /// Those of a kind, without drafts.
    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Blob> {
        let parts = self.answer.candidates.iter().flat_map(|candidate| &candidate.content.parts);
        parts
            .filter(|part| part.thought != Some(true))
            .filter_map(|part| part.inline_data.as_ref())
            .filter(move |blob| blob.mime_type.starts_with(kind))
    }

    /// There is none: kept back where it says why, or where the model answered in words alone, which a prompt can make it
    /// do. Neither is the provider's fault.
    pub(super) fn nothing(&self, what: &str) -> Result<Answer, Unreadable> {
        let candidate = self.answer.candidates.first();
        let blocked =
            self.answer.prompt_feedback.as_ref().and_then(|feedback| feedback.block_reason.as_ref());
        let reason = candidate.and_then(|candidate| candidate.finish_reason.as_ref());
        let Some(reason) = blocked.or(reason) else {
            return Err(Unreadable(format!("it has no {what}")));
        };
        let said = candidate.and_then(|candidate| candidate.finish_message.as_deref().map(cleaned));
        let said = said.or_else(|| candidate.and_then(Candidate::words));
        let reason = said.unwrap_or_else(|| format!("the provider made no {what} of this ({reason})"));
        let usage = self.answer.usage_metadata.as_ref().map(RawUsage::normalise);
        Ok(Answer::Refused(Refused { reason: bounded(reason, LONGEST_REFUSAL), usage }))
    }
}

impl Candidate {
    /// What it says; drafts and thoughts are nothing that it says.
    fn words(&self) -> Option<String> {
        let parts = self.content.parts.iter().filter(|part| part.thought != Some(true));
        let words: String = parts.filter_map(|part| part.text.as_deref()).collect();
        Some(words.trim().to_owned()).filter(|words| !words.is_empty())
    }
}
