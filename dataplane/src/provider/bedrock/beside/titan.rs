//! Titan's embeddings: one text at a time.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::Object,
    media::{
        Answer, Request,
        embedding::{self, Input, Vector},
    },
    provider::{Refusal, Target, Unreadable, count::Count, endpoints::Translation, refuse},
    usage::Usage,
};

#[derive(Debug)]
pub(super) struct Embeddings;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
    input_text_token_count: Option<Count>,
}

impl Translation for Embeddings {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Embedding(request) = request else { return refuse("input", "is missing") };
        let [Input::Text(text)] = request.inputs.as_slice() else {
            return refuse("input", "must be a single text for this model");
        };
        let mut out = Vec::with_capacity(text.len() + 64);
        let mut body = Object::open(&mut out);
        body.string("inputText", text);
        if let Some(dimensions) = request.dimensions {
            if target.model.upstream_model.contains("titan-embed-text-v1") {
                return refuse("dimensions", "cannot be chosen with this model");
            }
            body.number("dimensions", dimensions);
        }
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let written: Written<'_> =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let vectors = vec![Vector::Numbers(written.embedding.get().to_owned())];
        let usage = written.input_text_token_count.map(|count| Usage { input: count.0, ..Usage::default() });
        Ok(Answer::Embedding(embedding::Answer { vectors, usage }))
    }

    fn counted(&self, headers: &http::HeaderMap) -> Option<Usage> {
        super::counted(headers)
    }
}
