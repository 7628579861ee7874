//! The internal chat model that wires and providers both speak. Unknown fields are kept.

use crate::usage::Usage;

/// A chat request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model name as the client wrote it.
    pub model: String,
    /// The most tokens to generate.
    pub max_output_tokens: Option<u64>,
    /// The client wants a stream.
    pub stream: bool,
}

/// A plain answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The provider's count; `None` where it sent none.
    pub usage: Option<Usage>,
}

/// One piece of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {}
