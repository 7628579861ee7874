//! Vectors of texts.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Demand;
use crate::{
    chat::Raw,
    usage::{Units, Usage},
};

/// A request for vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// One vector for each.
    pub inputs: Vec<Input>,
    /// Numbers in a vector, where the client chooses.
    pub dimensions: Option<u64>,
    /// How vectors are to be written.
    pub encoding: Encoding,
    /// What the vectors are for, where a provider tells that apart: Cohere's word for it (`search_document`,
    /// `search_query`, `classification`, `clustering`).
    pub input_type: Option<String>,
    /// The length of what was sent, in bytes.
    pub bytes: u64,
}

/// What a vector is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A text.
    Text(String),
    /// A text in the model's own tokens.
    Tokens(Vec<u64>),
    /// Something else, which some providers know (parts with pictures).
    Other(Raw),
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A list of numbers.
    #[default]
    Float,
    /// 32-bit floats, little-endian, in base64.
    Base64,
}

/// Vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In the order of the inputs.
    pub vectors: Vec<Vector>,
    /// What was used, where the provider says it.
    pub usage: Option<Usage>,
}

/// One vector, as it came.
#[derive(Clone, Debug, PartialEq)]
pub enum Vector {
    /// A JSON list of numbers.
    Numbers(String),
    /// See [`Encoding::Base64`].
    Base64(String),
}

impl Request {
    pub(super) fn demand(&self) -> Demand {
        let is_text = self.inputs.iter().all(|input| !matches!(input, Input::Other(_)));
        Demand { units: Units::default(), text: is_text.then_some(self.bytes), likely_millis: 0 }
    }
}

impl Vector {
    /// The vector as a JSON value in this encoding; `None` where it is no vector.
    pub fn written(&self, encoding: Encoding) -> Option<String> {
        match (self, encoding) {
            (Self::Numbers(text), Encoding::Float) => Some(text.clone()),
            (Self::Base64(text), Encoding::Base64) => Some(crate::json::quoted(text)),
            (Self::Numbers(text), Encoding::Base64) => {
                let numbers: Vec<f32> = serde_json::from_str(text).ok()?;
                let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
                Some(format!("\"{}\"", STANDARD.encode(bytes)))
            }
            (Self::Base64(text), Encoding::Float) => {
                let bytes = STANDARD.decode(text).ok()?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                let whole = rest.is_empty() && numbers.iter().all(|number| number.is_finite());
                whole.then(|| serde_json::to_string(&numbers).ok())?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_little_endian() {
        // 1.0 is 0x3f800000, -2.0 is 0xc0000000.
        let vector = Vector::Numbers("[1, -2.0]".into());
        assert_eq!(vector.written(Encoding::Base64).as_deref(), Some("\"AACAPwAAAMA=\""));
        assert_eq!(vector.written(Encoding::Float).as_deref(), Some("[1, -2.0]"));
        let vector = Vector::Base64("AACAPwAAAMA=".into());
        assert_eq!(vector.written(Encoding::Float).as_deref(), Some("[1.0,-2.0]"));
    }

    #[test]
    fn what_is_no_vector_is_none() {
        assert_eq!(Vector::Numbers("[\"a\"]".into()).written(Encoding::Base64), None);
        // Three bytes; not a number.
        for text in ["AAAA", "AADAfw==", "%"] {
            assert_eq!(Vector::Base64(text.into()).written(Encoding::Float), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(numbers in proptest::collection::vec(-1e6f32..1e6, 0..64)) {
            let vector = Vector::Numbers(serde_json::to_string(&numbers).unwrap());
            let base64: String = serde_json::from_str(&vector.written(Encoding::Base64).unwrap()).unwrap();
            let text = Vector::Base64(base64).written(Encoding::Float).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<f32>>(&text).unwrap(), numbers);
        }
    }
}
