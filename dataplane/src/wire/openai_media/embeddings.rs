//! Embeddings.

use bytes::Bytes;

use super::{
    super::fields::{bad, list, read},
    BadRequest, Meta, values,
};
use crate::{
    body::{self, Edit},
    chat::estimate,
    json::{self, Object},
    media::{
        Request,
        embedding::{self, Answer, Encoding, Input, Vector},
    },
    payload::Payload,
};

/// `OpenAI`'s own limit.
const MOST_INPUTS: usize = 2048;

pub(super) fn decode(payload: &Payload) -> Result<embedding::Request, BadRequest> {
    let mut request = embedding::Request { bytes: payload.len() as u64, ..embedding::Request::default() };
    let mut given = false;
    for value in values(payload) {
        match value.name {
            "input" => {
                given = true;
                request.inputs = inputs(&value.raw)?;
            }
            "input_type" => request.input_type = Some(value.text()?),
            "dimensions" => request.dimensions = Some(value.count()?),
            "encoding_format" => {
                request.encoding = match value.text()?.as_str() {
                    "float" => Encoding::Float,
                    "base64" => Encoding::Base64,
                    _ => return Err(bad("encoding_format", "must be \"float\" or \"base64\"")),
                }
            }
            _ => {}
        }
    }
    if !given {
        return Err(bad("input", "is missing"));
    }
    if request.inputs.is_empty() || request.inputs.len() > MOST_INPUTS {
        return Err(bad("input", format!("must have 1 to {MOST_INPUTS} texts")));
    }
    Ok(request)
}

/// A text, texts, tokens or lists of tokens; parts, where a provider knows them.
fn inputs(raw: &str) -> Result<Vec<Input>, BadRequest> {
    match raw.as_bytes().first() {
        Some(b'"') => Ok(vec![Input::Text(read("input", raw)?)]),
        Some(b'[') if first(raw) == Some(b'"') => list("input", raw, |text| read("", text).map(Input::Text)),
        Some(b'[') if first(raw) == Some(b'[') => {
            list("input", raw, |text| read("", text).map(Input::Tokens))
        }
        Some(b'[') if first(raw) == Some(b'{') => list("input", raw, |text| read("", text).map(Input::Other)),
        Some(b'[') if first(raw) == Some(b']') => Ok(Vec::new()),
        Some(b'[') => Ok(vec![Input::Tokens(read("input", raw)?)]),
        _ => Err(bad("input", "must be a text, a list of texts, or tokens")),
    }
}

/// The first byte of a list's first item, or the bracket that closes it.
fn first(raw: &str) -> Option<u8> {
    raw.bytes().skip(1).find(|byte| !byte.is_ascii_whitespace())
}

pub(super) fn encode(request: &Request, answer: &Answer, meta: &Meta) -> Option<Vec<u8>> {
    let (encoding, bytes) = match request {
        Request::Embedding(request) => (request.encoding, request.bytes),
        _ => (Encoding::Float, 0),
    };
    let vectors: Option<Vec<String>> = answer.vectors.iter().map(|vector| vector.written(encoding)).collect();
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    object.string("object", "list");
    json::list(object.name("data"), vectors?.iter().enumerate(), |out, (index, vector)| {
        let mut object = Object::open(out);
        object.string("object", "embedding").number("index", index).raw("embedding", vector);
        object.close();
    });
    object.string("model", &meta.model);
    let tokens = answer.usage.map_or_else(|| estimate::output(bytes), |usage| usage.prompt());
    let mut usage = Object::open(object.name("usage"));
    usage.number("prompt_tokens", tokens).number("total_tokens", tokens);
    usage.close();
    object.close();
    Some(out)
}

/// An answer in this format with its vectors written as they were asked for; as it is where they are. Some who speak
/// this format know one of both only.
pub(super) fn as_asked(answer: &Bytes, encoding: Encoding) -> Result<Bytes, String> {
    let other = match encoding {
        Encoding::Float => b'"',
        Encoding::Base64 => b'[',
    };
    if first_vector(answer) != Some(other) {
        return Ok(answer.clone());
    }
    let whole = body::scan(answer.clone()).map_err(|error| error.to_string())?;
    let items: Vec<&serde_json::value::RawValue> =
        whole.raw("data").and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
    let mut data = Vec::with_capacity(answer.len());
    let mut wrong = None;
    json::list(&mut data, items, |out, item| match converted(item.get(), encoding) {
        Ok(item) => out.extend_from_slice(&item),
        Err(error) => wrong = Some(error),
    });
    match (wrong, String::from_utf8(data)) {
        (None, Ok(data)) => Ok(body::apply(&whole, &[Edit::Set("data", data)])),
        (wrong, _) => Err(wrong.unwrap_or_default()),
    }
}

fn converted(item: &str, encoding: Encoding) -> Result<Bytes, String> {
    let item = body::scan(Bytes::copy_from_slice(item.as_bytes())).map_err(|error| error.to_string())?;
    let vector = match item.raw("embedding") {
        Some(raw) if raw.starts_with('[') => Vector::Numbers(raw.to_owned()),
        _ => Vector::Base64(item.get("embedding").ok_or("a vector is missing")?),
    };
    let written = vector.written(encoding).ok_or("a vector is none")?;
    Ok(body::apply(&item, &[Edit::Set("embedding", written)]))
}

/// How the first vector begins.
fn first_vector(answer: &[u8]) -> Option<u8> {
    let mut rest = answer;
    loop {
        let name = memchr::memmem::find(rest, b"\"embedding\"")? + b"\"embedding\"".len();
        rest = rest.get(name..)?.trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b":") {
            return value.trim_ascii_start().first().copied();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<embedding::Request, BadRequest> {
        decode(&Payload::Json(body::scan(Bytes::from_static(text.as_bytes())).unwrap()))
    }

    #[test]
    fn an_input_has_four_forms() {
        let inputs = |text| read(text).unwrap().inputs;
        assert_eq!(inputs(r#"{"input":"a"}"#), [Input::Text("a".into())]);
        assert_eq!(inputs(r#"{"input":["a", "b"]}"#), [Input::Text("a".into()), Input::Text("b".into())]);
        assert_eq!(inputs(r#"{"input":[1,2]}"#), [Input::Tokens(vec![1, 2])]);
        assert_eq!(inputs(r#"{"input":[ [1],[2,3]]}"#), [Input::Tokens(vec![1]), Input::Tokens(vec![2, 3])]);
        for text in ["{}", r#"{"input":[]}"#, r#"{"input":7}"#, r#"{"input":["a",1]}"#, r#"{"input":null}"#] {
            assert!(read(text).unwrap_err().param.unwrap().starts_with("input"), "{text}");
        }
    }

    #[test]
    fn vectors_come_as_they_were_asked_for() {
        let floats = Bytes::from_static(
            br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-2.0],"x":1}],"usage":{"prompt_tokens":1}}"#,
        );
        let base64 = as_asked(&floats, Encoding::Base64).unwrap();
        assert_eq!(
            base64,
            &br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAMA=","x":1}],"usage":{"prompt_tokens":1}}"#[..]
        );
        assert_eq!(as_asked(&base64, Encoding::Float).unwrap(), floats);
        let same = as_asked(&floats, Encoding::Float).unwrap();
        assert_eq!(same.as_ptr(), floats.as_ptr(), "as it came");
        let odd = Bytes::from_static(br#"{"data":[{"embedding":["x"]}]}"#);
        assert!(as_asked(&odd, Encoding::Base64).is_err());
    }
}
