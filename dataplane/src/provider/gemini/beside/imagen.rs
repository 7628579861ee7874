//! Pictures by Imagen: `predict`.

use serde::Deserialize;

use super::{
    images::{Shape, check, kind, output_format},
    refuse,
};
use crate::{
    json::{self, Object},
    media::{
        Answer, Refused, Request,
        image::{self, Picture},
    },
    provider::{Refusal, Target, Unreadable, endpoints::Translation},
    usage::ImageKind,
};

#[derive(Debug)]
pub(super) struct Imagen;

/// Its own bounds (ai.google.dev/gemini-api/docs/imagen).
const MOST: u64 = 4;
const RATIOS: [&str; 5] = ["1:1", "3:4", "4:3", "9:16", "16:9"];

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Predicted {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Prediction {
    bytes_base64_encoded: Option<String>,
    mime_type: Option<String>,
    rai_filtered_reason: Option<String>,
}

impl Translation for Imagen {
    fn kind(&self, asked: ImageKind) -> ImageKind {
        kind(asked)
    }

    fn encode(&self, request: &Request, _: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Image(request) = request else { return Err(refuse("prompt", "is missing")) };
        check(request)?;
        if request.n > MOST {
            return Err(refuse("n", "may be at most 4 for Imagen"));
        }
        let format = match request.output_format.as_deref() {
            None => None,
            Some("png") => Some("image/png"),
            Some("jpeg") => Some("image/jpeg"),
            Some(_) => return Err(refuse("output_format", "must be png or jpeg for Imagen")),
        };
        let shape = Shape::of(request, &RATIOS)?;
        let mut out = Vec::with_capacity(256);
        let mut body = Object::open(&mut out);
        json::list(body.name("instances"), [&request.prompt], |out, prompt| {
            let mut instance = Object::open(out);
            instance.string("prompt", prompt);
            instance.close();
        });
        let mut parameters = Object::open(body.name("parameters"));
        parameters.number("sampleCount", request.n);
        if let Some(ratio) = &shape.ratio {
            parameters.string("aspectRatio", ratio);
        }
        if let Some(size) = shape.size {
            // Imagen stops at 2K, and says so itself.
            parameters.string("sampleImageSize", size);
        }
        if let Some(format) = format {
            let mut options = Object::open(parameters.name("outputOptions"));
            options.string("mimeType", format);
            options.close();
        }
        parameters.close();
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let answer: Predicted =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let format = answer.predictions.iter().find_map(|made| made.mime_type.as_deref());
        let output_format = format.and_then(output_format);
        let mut pictures = Vec::new();
        let mut withheld = None;
        for made in answer.predictions {
            pictures.extend(made.bytes_base64_encoded.map(Picture::Base64));
            withheld = withheld.or(made.rai_filtered_reason);
        }
        match (pictures.is_empty(), withheld) {
            (true, Some(reason)) => return Ok(Answer::Refused(Refused { reason, usage: None })),
            (true, None) => return Err(Unreadable("it has no picture".to_owned())),
            (false, _) => {}
        }
        Ok(Answer::Image(image::Answer { pictures, output_format, ..image::Answer::default() }))
    }
}
