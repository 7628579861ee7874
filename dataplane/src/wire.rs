//! What clients speak. One file per wire; each is pure.

mod anthropic_messages;
pub mod count_tokens;
mod fields;
pub mod max_output;
pub mod models;
mod openai_chat;
mod thinking;

use bytes::Bytes;

use crate::{body::Body, chat, json};

/// A format that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `OpenAI` chat completions.
    OpenAiChat,
    /// Anthropic messages.
    AnthropicMessages,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A chat answer.
    Chat,
    /// The number of tokens of a chat request (Anthropic `count_tokens`).
    CountTokens,
}

/// A request that does not follow its wire's format: the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// The field at fault, for example `messages[1].content[0].type`.
    pub param: Option<String>,
    /// A sentence for the developer who sent it.
    pub message: String,
}

/// What an encoded answer says of itself.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The model name as the client wrote it.
    pub model: String,
    /// Used where the provider gave no id of its own, for example `chatcmpl-…`.
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    /// The client asked for usage in the stream (always true on wires that always carry it).
    pub include_usage: bool,
}

/// Writes a stream in a client's wire.
pub trait StreamEncoder {
    /// Appends the bytes of this event.
    fn event(&mut self, event: &chat::Event, out: &mut Vec<u8>);
    /// Appends the wire's own ending. Called once, after the last event.
    fn finish(&mut self, out: &mut Vec<u8>);
}

impl Wire {
    /// Reads a request. Lone surrogate escapes are read as U+FFFD.
    pub fn decode(self, body: &Body) -> Result<chat::Request, BadRequest> {
        let mended =
            json::without_lone_surrogates(body.bytes()).and_then(|text| crate::body::scan(text.into()).ok());
        let body = mended.as_ref().unwrap_or(body);
        let request = match self {
            Self::OpenAiChat => openai_chat::decode::decode(body),
            Self::AnthropicMessages => anthropic_messages::decode::decode(body),
        };
        request.map_err(|error| match &error.param {
            Some(param) => BadRequest { message: format!("`{param}`: {}", error.message), ..error },
            None => error,
        })
    }

    /// Writes a plain answer.
    pub fn encode(self, response: &chat::Response, meta: &Meta) -> Bytes {
        match self {
            Self::OpenAiChat => openai_chat::encode::encode(response, meta).into(),
            Self::AnthropicMessages => anthropic_messages::encode::encode(response, meta).into(),
        }
    }

    /// Writes a stream.
    pub fn encoder(self, meta: Meta) -> Box<dyn StreamEncoder> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::stream::Encoder::new(meta)),
            Self::AnthropicMessages => Box::new(anthropic_messages::stream::Encoder::new(meta)),
        }
    }
}
