//! Cohere's embeddings: up to 96 texts at once.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::{self, Object},
    media::{
        Answer, Request,
        embedding::{self, Input, Vector},
    },
    provider::{Refusal, Target, Unreadable, endpoints::Translation, refuse},
    usage::Usage,
};

#[derive(Debug)]
pub(super) struct Embeddings;

/// Lists of numbers by type.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    embeddings: &'a RawValue,
}

impl Translation for Embeddings {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Embedding(request) = request else { return refuse("input", "is missing") };
        let texts: Option<Vec<&str>> = request
            .inputs
            .iter()
            .map(|input| if let Input::Text(text) = input { Some(text.as_str()) } else { None })
            .collect();
        let Some(texts) = texts else { return refuse("input", "must be text for this model") };
        let mut out = Vec::with_capacity(request.bytes.try_into().unwrap_or(0));
        let mut body = Object::open(&mut out);
        json::list(body.name("texts"), texts, json::string);
        // What is stored is told from what is asked; whoever does not say stores.
        body.string("input_type", request.input_type.as_deref().unwrap_or("search_document"));
        if let Some(dimensions) = request.dimensions {
            if !target.model.upstream_model.contains("embed-v4") {
                return refuse("dimensions", "cannot be chosen with this model");
            }
            body.number("output_dimension", dimensions).raw("embedding_types", r#"["float"]"#);
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let unreadable = |error: serde_json::Error| Unreadable(error.to_string());
        let written: Written<'_> = serde_json::from_slice(body).map_err(unreadable)?;
        let text = written.embeddings.get();
        let vectors: Vec<&RawValue> = if text.starts_with('[') {
            serde_json::from_str(text).map_err(unreadable)?
        } else {
            serde_json::from_str::<Typed<'_>>(text).map_err(unreadable)?.float
        };
        let vectors = vectors.into_iter().map(|vector| Vector::Numbers(vector.get().to_owned())).collect();
        Ok(Answer::Embedding(embedding::Answer { vectors, usage: None }))
    }

    fn counted(&self, headers: &http::HeaderMap) -> Option<Usage> {
        super::counted(headers)
    }
}
