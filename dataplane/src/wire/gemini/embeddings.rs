//! `embedContent` and `batchEmbedContents`, by way of `OpenAI`'s format, which all that is beside chat goes through.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{
        BadRequest,
        fields::{bad, list, read},
    },
    decode::unsupported,
};
use crate::{
    body::{self, Body},
    chat::Raw,
    json::{self, Object},
};

/// A request as `OpenAI`'s format has it, and what only Google has a place for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// With one text as `input` where one was asked for alone, a list where several.
    pub body: Bytes,
    /// What the vectors are for, the same for all of them: Cohere's word where it has one, else Google's own.
    pub purpose: Option<String>,
}

/// What is asked for one text.
#[derive(Debug, Default, PartialEq)]
struct One {
    text: String,
    dimensions: Option<u64>,
    task: Option<String>,
}

/// Reads a request; `batch` says which of the two it is.
pub fn request(model: &str, batch: bool, body: &Body) -> Result<Embed, BadRequest> {
    embed(model, batch, body).map_err(|error| match &error.param {
        Some(param) => BadRequest { message: format!("`{param}`: {}", error.message), ..error },
        None => error,
    })
}

fn embed(model: &str, batch: bool, body: &Body) -> Result<Embed, BadRequest> {
    let all = if batch { requests(body)? } else { vec![one(body)?] };
    let Some(first) = all.first() else { return Err(bad("requests", "is empty")) };
    for (index, other) in all.iter().enumerate() {
        // A request of the other format has one of each for all of its texts.
        for (field, same) in [
            ("outputDimensionality", other.dimensions == first.dimensions),
            ("taskType", other.task == first.task),
        ] {
            if !same {
                return Err(bad(&format!("requests[{index}].{field}"), "must be the same in all requests"));
            }
        }
    }
    let mut out = Vec::with_capacity(body.bytes().len());
    let mut object = Object::open(&mut out);
    object.string("model", model);
    if batch {
        json::list(object.name("input"), &all, |out, one| json::string(out, &one.text));
    } else {
        object.string("input", &first.text);
    }
    if let Some(dimensions) = first.dimensions {
        object.number("dimensions", dimensions);
    }
    object.close();
    Ok(Embed { body: out.into(), purpose: first.task.clone() })
}

fn requests(body: &Body) -> Result<Vec<One>, BadRequest> {
    let mut requests = Vec::new();
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "requests" => {
                requests = list(name, raw, |raw| {
                    let body = body::scan(Bytes::copy_from_slice(raw.as_bytes()));
                    one(&body.map_err(|error| bad("", error.to_string()))?)
                })?;
            }
            _ => return Err(unsupported(name)),
        }
    }
    Ok(requests)
}

fn one(body: &Body) -> Result<One, BadRequest> {
    let mut one = One::default();
    let mut given = false;
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "content" => (given, one.text) = (true, text(raw).map_err(|error| error.within(name))?),
            "outputDimensionality" | "output_dimensionality" => one.dimensions = Some(read(name, raw)?),
            "taskType" | "task_type" => {
                let task: String = read(name, raw)?;
                one.task = purpose(task);
            }
            // The path says it.
            "model" => {}
            _ => return Err(unsupported(name)),
        }
    }
    if given { Ok(one) } else { Err(bad("content", "is missing")) }
}

fn purpose(task: String) -> Option<String> {
    match task.as_str() {
        "TASK_TYPE_UNSPECIFIED" => None,
        "RETRIEVAL_DOCUMENT" => Some("search_document".to_owned()),
        "RETRIEVAL_QUERY" => Some("search_query".to_owned()),
        "CLASSIFICATION" => Some("classification".to_owned()),
        "CLUSTERING" => Some("clustering".to_owned()),
        _ => Some(task),
    }
}

/// The texts of a content's parts are one text.
fn text(raw: &str) -> Result<String, BadRequest> {
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        parts: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Part {
        text: Option<String>,
    }
    let content: Content<'_> = read("", raw)?;
    let texts = list("parts", content.parts.get(), |raw| {
        let part: Part = read("", raw)?;
        part.text.ok_or_else(|| bad("text", "is missing: only texts are embedded"))
    })?;
    Ok(texts.concat())
}

/// An answer in `OpenAI`'s format as Gemini's clients read it; `None` where it is none.
pub fn answer(openai: &[u8], batch: bool) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Vector>,
        usage: Option<Usage>,
    }
    #[derive(Deserialize)]
    struct Vector {
        embedding: Raw,
    }
    #[derive(Deserialize)]
    struct Usage {
        prompt_tokens: u64,
    }
    let answer: Answer = serde_json::from_slice(openai).ok()?;
    let write = |out: &mut Vec<u8>, vector: &Vector| {
        let mut object = Object::open(out);
        object.raw("values", vector.embedding.get());
        object.close();
    };
    let mut out = Vec::with_capacity(openai.len());
    let mut object = Object::open(&mut out);
    if batch {
        json::list(object.name("embeddings"), &answer.data, write);
    } else {
        write(object.name("embedding"), answer.data.first()?);
    }
    if let Some(usage) = answer.usage {
        let mut counted = Object::open(object.name("usageMetadata"));
        counted
            .number("promptTokenCount", usage.prompt_tokens)
            .number("totalTokenCount", usage.prompt_tokens);
        counted.close();
    }
    object.close();
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(batch: bool, text: &str) -> Result<Embed, BadRequest> {
        request("m", batch, &body::scan(Bytes::from(text.to_owned())).unwrap())
    }

    #[test]
    fn both_ways_of_asking_are_one() {
        let alone = read(false, r#"{"model":"models/x","content":{"parts":[{"text":"a"},{"text":"b"}]}}"#);
        assert_eq!(alone.unwrap().body, r#"{"model":"m","input":"ab"}"#);
        let several = read(
            true,
            r#"{"requests":[{"model":"models/x","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","outputDimensionality":8},{"content":{"parts":[{"text":"b"}]},"task_type":"CLUSTERING","output_dimensionality":8}]}"#,
        );
        let several = several.unwrap();
        assert_eq!(several.body, r#"{"model":"m","input":["a","b"],"dimensions":8}"#);
        assert_eq!(several.purpose.as_deref(), Some("clustering"));
    }

    #[test]
    fn what_has_no_place_is_refused_by_name() {
        for (batch, text, param) in [
            (false, r#"{"content":{"parts":[{"inlineData":{}}]}}"#, "content.parts[0].text"),
            (false, r#"{"content":{"parts":[]},"title":"t"}"#, "title"),
            (false, "{}", "content"),
            (true, r#"{"requests":[]}"#, "requests"),
            (
                true,
                r#"{"requests":[{"content":{"parts":[]}},{"content":{"parts":[]},"taskType":"CLUSTERING"}]}"#,
                "requests[1].taskType",
            ),
        ] {
            assert_eq!(read(batch, text).unwrap_err().param.as_deref(), Some(param), "{text}");
        }
    }

    #[test]
    fn vectors_come_as_they_were_asked_for() {
        let openai = br#"{"data":[{"embedding":[1.0,2]},{"embedding":[3]}],"usage":{"prompt_tokens":4}}"#;
        let text = |batch| String::from_utf8(answer(openai, batch).unwrap()).unwrap();
        let usage = r#""usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}"#;
        assert_eq!(
            text(true),
            format!(r#"{{"embeddings":[{{"values":[1.0,2]}},{{"values":[3]}}],{usage}}}"#)
        );
        assert_eq!(text(false), format!(r#"{{"embedding":{{"values":[1.0,2]}},{usage}}}"#));
        assert_eq!(answer(b"{}", true), None);
    }
}
