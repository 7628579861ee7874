//! Finds the members.
use bytes::Bytes;

use super::Body;

/// Why a body is not an acceptable JSON object: the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("the body is nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    #[error("the field {0:?} is given twice")]
    Duplicate(String),
}

/// Checks the whole text and finds its top-level members.
pub fn scan(bytes: Bytes) -> Result<Body, Malformed> {
    Ok(Body { bytes, members: Vec::new() })
}
