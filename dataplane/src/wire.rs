//! What clients speak. One file per wire; each is pure.

mod anthropic_messages;
pub mod count_tokens;
mod fields;
mod gemini;
pub mod max_output;
pub mod models;
mod openai;
mod openai_chat;
mod openai_completions;
pub mod openai_media;
mod openai_responses;
mod thinking;

use bytes::Bytes;
pub use gemini::embeddings as gemini_embeddings;

use crate::{body::Body, chat, json};

/// A format that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// `OpenAI` chat completions; also whatever else `OpenAI`'s SDKs ask for beside chat.
    OpenAiChat,
    /// `OpenAI`'s legacy completions.
    OpenAiCompletions,
    /// `OpenAI` responses.
    OpenAiResponses,
    /// Anthropic messages.
    AnthropicMessages,
    /// Gemini `generateContent`.
    Gemini,
}

/// Whose SDKs speak a wire: these share the form of errors, ids and headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names")]
pub enum Family {
    OpenAi,
    Anthropic,
    Gemini,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A chat answer.
    Chat,
    /// The number of tokens of a chat request (Anthropic `count_tokens`).
    CountTokens,
    /// Vectors of texts.
    Embeddings,
    /// Pictures from a text.
    Images,
    /// Pictures from pictures and a text.
    ImageEdits,
    /// Sound from a text.
    Speech,
    /// A text from sound.
    Transcription,
    /// An English text from sound.
    Translation,
    /// Moving pictures, by jobs.
    Videos,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Chat,
        Self::CountTokens,
        Self::Embeddings,
        Self::Images,
        Self::ImageEdits,
        Self::Speech,
        Self::Transcription,
        Self::Translation,
        Self::Videos,
    ];
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

impl BadRequest {
    /// With the field's name in the sentence.
    fn named(self) -> Self {
        match &self.param {
            Some(param) => Self { message: format!("`{param}`: {}", self.message), ..self },
            None => self,
        }
    }
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
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::AnthropicMessages,
        Self::Gemini,
    ];

    /// Whose SDKs speak it.
    pub fn family(self) -> Family {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses => Family::OpenAi,
            Self::AnthropicMessages => Family::Anthropic,
            Self::Gemini => Family::Gemini,
        }
    }

    /// Reads a request. Lone surrogate escapes are read as U+FFFD.
    pub fn decode(self, body: &Body) -> Result<chat::Request, BadRequest> {
        let mended =
            json::without_lone_surrogates(body.bytes()).and_then(|text| crate::body::scan(text.into()).ok());
        let body = mended.as_ref().unwrap_or(body);
        let request = match self {
            Self::OpenAiChat => openai_chat::decode::decode(body),
            Self::OpenAiCompletions => openai_completions::decode(body),
            Self::OpenAiResponses => openai_responses::decode(body),
            Self::AnthropicMessages => anthropic_messages::decode::decode(body),
            Self::Gemini => gemini::decode::decode(body),
        };
        request.map_err(BadRequest::named)
    }

    /// Writes a plain answer.
    pub fn encode(self, response: &chat::Response, meta: &Meta) -> Bytes {
        match self {
            Self::OpenAiChat => openai_chat::encode::encode(response, meta).into(),
            Self::OpenAiCompletions => openai_completions::encode(response, meta).into(),
            Self::OpenAiResponses => openai_responses::encode(response, meta).into(),
            Self::AnthropicMessages => anthropic_messages::encode::encode(response, meta).into(),
            Self::Gemini => gemini::encode::encode(response, meta).into(),
        }
    }

    /// Writes a stream.
    pub fn encoder(self, meta: Meta) -> Box<dyn StreamEncoder> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::stream::Encoder::new(meta)),
            Self::OpenAiCompletions => openai_completions::encoder(meta),
            Self::OpenAiResponses => openai_responses::encoder(meta),
            Self::AnthropicMessages => Box::new(anthropic_messages::stream::Encoder::new(meta)),
            Self::Gemini => Box::new(gemini::stream::Encoder::new(meta)),
        }
    }
}
