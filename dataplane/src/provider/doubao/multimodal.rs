//! Doubao's embeddings of text and pictures together: one vector for one list of parts.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::Object,
    media::{
        Answer, Request,
        embedding::{self, Input, Vector},
    },
    provider::{
        Refusal, Target, Unreadable,
        endpoints::{Translation, answers},
        refuse,
    },
};

#[derive(Debug)]
pub(in crate::provider) struct Multimodal;

/// The data is one object here.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    data: One<'a>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

impl Translation for Multimodal {
    fn encode(&self, request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        let Request::Embedding(request) = request else { return refuse("input", "is missing") };
        let mut out = Vec::with_capacity(request.bytes.try_into().unwrap_or(0));
        let mut body = Object::open(&mut out);
        body.string("model", &target.model.upstream_model);
        parts(body.name("input"), &request.inputs)?;
        if let Some(dimensions) = request.dimensions {
            body.number("dimensions", dimensions);
        }
        body.string("encoding_format", "float");
        body.close();
        Ok(out)
    }

    fn decode(&self, _: &Request, body: &[u8]) -> Result<Answer, Unreadable> {
        let written: Written<'_> =
            serde_json::from_slice(body).map_err(|error| Unreadable(error.to_string()))?;
        let vectors = vec![Vector::Numbers(written.data.embedding.get().to_owned())];
        let usage = written.usage.and_then(|usage| answers::usage(usage.get()));
        Ok(Answer::Embedding(embedding::Answer { vectors, usage }))
    }
}

/// The parts of the one vector: a text, or parts as they came.
fn parts(out: &mut Vec<u8>, inputs: &[Input]) -> Result<(), Refusal> {
    if let [Input::Text(text)] = inputs {
        crate::json::list(out, [text], |out, text| {
            let mut part = Object::open(out);
            part.string("type", "text").string("text", text);
            part.close();
        });
        return Ok(());
    }
    let raw: Option<Vec<&str>> = inputs
        .iter()
        .map(|input| if let Input::Other(raw) = input { Some(raw.get()) } else { None })
        .collect();
    match raw {
        Some(parts) => {
            crate::json::list(out, parts, |out, part| out.extend_from_slice(part.as_bytes()));
            Ok(())
        }
        None => refuse("input", "must be one text, or the parts of one input, for this model"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chat::Raw, provider::testing};
    use aigne_hub_crds::config::ProviderType;

    fn sent(inputs: Vec<Input>) -> Result<String, Refusal> {
        let provider = testing::provider(ProviderType::Doubao);
        let target = Target { provider: &provider, model: &provider.models[0] };
        let request = embedding::Request { inputs, ..embedding::Request::default() };
        Multimodal.encode(&Request::Embedding(request), target).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn one_input_has_parts() {
        assert_eq!(
            sent(vec![Input::Text("a".into())]).unwrap(),
            r#"{"model":"upstream-m","input":[{"type":"text","text":"a"}],"encoding_format":"float"}"#
        );
        let part = r#"{"type":"image_url","image_url":{"url":"https://x"}}"#;
        let body = sent(vec![Input::Other(Raw::parse(part).unwrap())]).unwrap();
        assert!(body.contains(&format!(r#""input":[{part}]"#)), "{body}");
        let two = vec![Input::Text("a".into()), Input::Text("b".into())];
        assert_eq!(sent(two).unwrap_err().field, "input");
    }

    #[test]
    fn the_data_is_one_object() {
        let answer = br#"{"object":"list","data":{"object":"embedding","embedding":[0.5]},"usage":{"prompt_tokens":12,"total_tokens":12,"prompt_tokens_details":{"text_tokens":2,"image_tokens":10}}}"#;
        let request = Request::Embedding(embedding::Request::default());
        let Answer::Embedding(answer) = Multimodal.decode(&request, answer).unwrap() else { panic!() };
        assert_eq!(answer.vectors, [Vector::Numbers("[0.5]".into())]);
        assert_eq!(answer.usage.map(|usage| (usage.input, usage.image_input)), Some((12, 10)));
    }
}
