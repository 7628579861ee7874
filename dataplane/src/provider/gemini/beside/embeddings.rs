//! Vectors: `batchEmbedContents`, which takes one text as well as many.

use serde::Deserialize;

use super::refuse;
use crate::{
    chat::Raw,
    json::{self, Object},
    media::{
        Answer, Request,
        embedding::{self, Input, Vector},
    },
    provider::{
        Refusal, Target, Unreadable,
        endpoints::Translation,
        gemini::{model_path, usage::RawUsage},
    },
};

#[derive(Debug)]
pub(super) struct Embeddings;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Embedded {
    embeddings: Vec<Values>,
    /// Newer models count.
    #[serde(default)]
    usage_metadata: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Values {
    values: Raw,
}

/// Google's word for what vectors are for; its own words pass as they are.
fn task(purpose: &str) -> &str {
    match purpose {
        "search_document" => "RETRIEVAL_DOCUMENT",
        "search_query" => "RETRIEVAL_QUERY",
        "classification" => "CLASSIFICATION",
        "clustering" => "CLUSTERING",
        other => other,
    }
}

impl Translation for Embeddings {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Embedding(request) = request else {
            return Err(refuse("input", "is no text"));
        };
        let texts = request.inputs.iter().map(|input| match input {
            Input::Text(text) => Ok(text),
            Input::Tokens(_) => Err(refuse("input", "must be text for Gemini, not tokens")),
            Input::Other(_) => Err(refuse("input", "must be text for Gemini")),
        });
        let texts: Vec<&String> = texts.collect::<Result<_, _>>()?;
        let model = model_path(&target.model.upstream_model);
        let mut out = Vec::with_capacity(256);
        let mut body = Object::open(&mut out);
        json::list(body.name("requests"), texts, |out, text| {
            let mut one = Object::open(out);
            let mut content = Object::open(one.string("model", &model).name("content"));
            json::list(content.name("parts"), [text], |out, text| {
                let mut part = Object::open(out);
                part.string("text", text);
                part.close();
            });
            content.close();
            if let Some(purpose) = &request.input_type {
                one.string("taskType", task(purpose));
            }
            if let Some(dimensions) = request.dimensions {
                one.number("outputDimensionality", dimensions);
            }
            one.close();
        });
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let answer: Embedded = serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let vectors = answer.embeddings.into_iter();
        Ok(Answer::Embedding(embedding::Answer {
            vectors: vectors.map(|vector| Vector::Numbers(vector.values.get().to_owned())).collect(),
            usage: answer.usage_metadata.map(|usage| usage.normalise()),
        }))
    }
}
