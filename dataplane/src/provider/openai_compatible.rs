//! `OpenAI`'s chat completions as the providers speak it that follow it. What each does its own way is in its
//! [`Dialect`], one small file a provider.

mod decode;
mod encode;
mod error;
mod messages;
mod observe;
mod relay;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod usage;

use http::{HeaderMap, StatusCode};

use super::{
    Adapter, Ask, Asked, Auth, Observed, Refusal, StreamDecoder, StreamObserver, Target, Unreadable,
    UpstreamError,
    rules::{Rule, Tools},
};
use crate::{
    body::{Body, Edit},
    chat,
    wire::{Operation, Wire},
};

/// What a provider does its own way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Appended to the base URL for chat.
    pub(crate) chat_path: &'static str,
    /// The field that bounds the answer.
    pub(crate) max_tokens: MaxTokens,
    /// It knows the `developer` role; else `system` is sent.
    pub(crate) developer_role: bool,
    /// It does what `response_format: json_schema` promises; else such a request is refused.
    pub(crate) json_schema: bool,
    /// It takes images, documents or sound.
    pub(crate) images: bool,
    /// It takes several texts in one message; else they are joined by a blank line.
    pub(crate) text_parts: bool,
    /// It takes `top_k`; else it is left out, as the provider ignores it.
    pub(crate) top_k: bool,
    /// How it is told how much to think.
    pub(crate) reasoning: ReasoningField,
    /// Thinking of earlier turns is sent back as `reasoning_content` with tool calls.
    pub(crate) returns_reasoning: bool,
    /// `usage: {"include": true}` is sent too (`OpenRouter`).
    pub(crate) usage_include: bool,
    /// Reasoning tokens are counted beside `completion_tokens`, not within.
    pub(crate) reasoning_is_addend: bool,
    /// Fields that it is known to ignore: left out of translated requests.
    pub(crate) ignored: &'static [&'static str],
    /// Fields that are checked.
    pub(crate) rules: &'static [Rule],
}

/// Which field bounds the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxTokens {
    /// `max_completion_tokens`; `max_tokens` passes too.
    Completion,
    /// `max_tokens`; `max_completion_tokens` is not known and is renamed, so that a cap is never ignored.
    Plain,
    /// Either.
    Either,
}

/// How a provider is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReasoningField {
    /// `reasoning_effort`, between these two words (or `none`).
    Effort(chat::Effort, chat::Effort),
    /// `thinking: {"type": …}` and `reasoning_effort`, up to this word (`DeepSeek`, Doubao).
    ThinkingAndEffort(chat::Effort),
    /// `reasoning: {effort | max_tokens | enabled}` (`OpenRouter`).
    Object,
}

/// What `OpenAI` itself does.
pub(crate) const OPENAI: Dialect = Dialect {
    chat_path: "/chat/completions",
    max_tokens: MaxTokens::Completion,
    developer_role: true,
    json_schema: true,
    images: true,
    text_parts: true,
    top_k: false,
    reasoning: ReasoningField::Effort(chat::Effort::Minimal, chat::Effort::Max),
    returns_reasoning: false,
    usage_include: false,
    reasoning_is_addend: false,
    ignored: &[],
    rules: &[],
};

/// In this format the client's own tools have these types.
const TOOLS: Tools = Tools { own: &["function", "custom"], own_prefixes: &[], untyped: false };

/// A provider that speaks `OpenAI`'s chat completions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiCompatible {
    /// What it does its own way.
    pub(crate) dialect: Dialect,
}

impl Adapter for OpenAiCompatible {
    fn relays(&self, wire: Wire) -> bool {
        wire == Wire::OpenAiChat
    }

    fn path(&self, ask: Ask, _: Target<'_>) -> Option<String> {
        match (ask.relayed, ask.operation) {
            (None | Some(Wire::OpenAiChat), Operation::Chat) => Some(self.dialect.chat_path.to_owned()),
            _ => None,
        }
    }

    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    fn reasoning_is_apart(&self) -> bool {
        self.dialect.reasoning_is_addend
    }

    fn cross_header(&self, _: &str, _: &str) -> Result<Option<String>, Refusal> {
        // None of these providers has a header that changes what a request means and costs nothing.
        Ok(None)
    }

    fn relay(&self, _: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        relay::relay(&self.dialect, body, target)
    }

    fn observe(&self, _: Wire, body: &[u8]) -> Observed {
        observe::plain(&self.dialect, body)
    }

    fn observer(&self, _: Wire, asked: Asked) -> Box<dyn StreamObserver> {
        Box::new(observe::Observer::new(self.dialect, asked))
    }

    fn encode(&self, request: &chat::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        encode::encode(&self.dialect, request, target)
    }

    fn decode(&self, body: &[u8]) -> Result<chat::Response, Unreadable> {
        decode::decode(&self.dialect, body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(self.dialect))
    }

    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        error::error(status, headers, body)
    }
}

/// An error inside an answer with status 200, from its JSON text; `None` where the field is there but says nothing.
pub(super) fn error_inside(text: &str) -> Option<UpstreamError> {
    crate::chat::Raw::parse(text).as_ref().and_then(error::inside)
}
