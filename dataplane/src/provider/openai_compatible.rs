//! `OpenAI`'s chat completions as the providers speak it that follow it. What each does its own way is in its
//! [`Dialect`], one small file a provider.

mod decode;
mod encode;
mod error;
mod logprobs;
mod messages;
mod observe;
mod relay;
mod responses;
mod schema;
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
    /// The same for legacy completions, where it has them; else they are translated.
    pub(crate) completions_path: Option<&'static str>,
    /// The same for responses, where it speaks them; else they are translated.
    pub(crate) responses_path: Option<&'static str>,
    /// The field that bounds the answer.
    pub(crate) max_tokens: MaxTokens,
    /// It knows the `developer` role; else `system` is sent.
    pub(crate) developer_role: bool,
    /// It does what `response_format: json_schema` promises; else it is asked for JSON and told the schema.
    pub(crate) json_schema: bool,
    /// It takes pictures.
    pub(crate) images: bool,
    /// It takes documents that are not text.
    pub(crate) files: bool,
    /// It takes sound.
    pub(crate) audio: bool,
    /// It takes `cache_control` on parts and tools; else it is left out, as such a provider caches by itself.
    pub(crate) cache_control: bool,
    /// It takes `prompt_cache_breakpoint` on parts, for models of a version that knows it; else the same.
    pub(crate) cache_breakpoints: bool,
    /// It gives and takes `extra_content` on tool calls (Google's own compatibility layer).
    pub(crate) extra_content: bool,
    /// It takes several texts in one message; else they are joined by a blank line.
    pub(crate) text_parts: bool,
    /// It gives several answers where `n` asks for them; else that is refused where a request is translated.
    pub(crate) several_answers: bool,
    /// It takes `top_k`; else that is refused, or left out where it is among `ignored`.
    pub(crate) top_k: bool,
    /// How it is told how much to think.
    pub(crate) reasoning: ReasoningField,
    /// How thinking of earlier turns is sent back.
    pub(crate) returns_reasoning: ReturnedReasoning,
    /// `usage: {"include": true}` is sent too (`OpenRouter`).
    pub(crate) usage_include: bool,
    /// For models that take no PDF it reads them with an engine that is billed by the page, unless it is told not to
    /// (`OpenRouter`).
    pub(crate) parses_documents: bool,
    /// Reasoning tokens are counted beside `completion_tokens`, not within.
    pub(crate) reasoning_is_addend: bool,
    /// What is thought does not count towards the most that may be generated, though within `completion_tokens`.
    pub(crate) thinks_beyond_limit: bool,
    /// Without being told, it may serve from a service tier with a price of its own, as its account is set.
    pub(crate) chooses_tier: bool,
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

/// How a provider is reminded of what it thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnedReasoning {
    /// Not at all.
    No,
    /// As `reasoning_content`, with tool calls only (`DeepSeek`).
    WithCalls,
    /// As `reasoning_details` (`OpenRouter`).
    Details,
}

/// What `OpenAI` itself does.
pub(crate) const OPENAI: Dialect = Dialect {
    chat_path: "/chat/completions",
    completions_path: None,
    responses_path: None,
    max_tokens: MaxTokens::Completion,
    developer_role: true,
    json_schema: true,
    images: true,
    files: true,
    audio: true,
    cache_control: false,
    cache_breakpoints: false,
    extra_content: false,
    text_parts: true,
    several_answers: true,
    top_k: false,
    reasoning: ReasoningField::Effort(chat::Effort::Minimal, chat::Effort::Max),
    returns_reasoning: ReturnedReasoning::No,
    usage_include: false,
    parses_documents: false,
    reasoning_is_addend: false,
    thinks_beyond_limit: false,
    chooses_tier: true,
    ignored: &[],
    rules: &[],
};

/// `OpenRouter`'s plugin for documents, told to leave them to the model itself.
const NATIVE_DOCUMENTS: &str = r#"[{"id":"file-parser","pdf":{"engine":"native"}}]"#;

/// Whether there may be a document in it: a name or a type that begins so, or a letter of it that is written as an escape.
fn may_have_document(json: &[u8]) -> bool {
    let names: [&[u8]; 3] = [b"\"file", b"\"input_file", b"\\u006"];
    names.iter().any(|name| memchr::memmem::find(json, name).is_some())
}

/// In this format the client's own tools have these types.
const TOOLS: Tools = Tools { own: &["function", "custom"], own_dated: &[], untyped: false };

/// A provider that speaks `OpenAI`'s chat completions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiCompatible {
    /// What it does its own way.
    pub(crate) dialect: Dialect,
}

impl OpenAiCompatible {
    /// Where it takes this wire as it is.
    fn path_of(&self, wire: Wire) -> Option<&'static str> {
        match wire {
            Wire::OpenAiChat => Some(self.dialect.chat_path),
            Wire::OpenAiCompletions => self.dialect.completions_path,
            Wire::OpenAiResponses => self.dialect.responses_path,
            Wire::AnthropicMessages | Wire::Gemini => None,
        }
    }
}

impl Adapter for OpenAiCompatible {
    fn relays(&self, wire: Wire) -> bool {
        self.path_of(wire).is_some()
    }

    fn path(&self, ask: Ask, _: Target<'_>) -> Option<String> {
        match ask.operation {
            Operation::Chat => self.path_of(ask.relayed.unwrap_or(Wire::OpenAiChat)).map(str::to_owned),
            _ => None,
        }
    }

    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    fn reasoning_is_apart(&self) -> bool {
        self.dialect.reasoning_is_addend || self.dialect.thinks_beyond_limit
    }

    fn chooses_tier(&self) -> bool {
        self.dialect.chooses_tier
    }

    fn cross_header(&self, _: &str, _: &str) -> Result<Option<String>, Refusal> {
        // None of these providers has a header that changes what a request means and costs nothing.
        Ok(None)
    }

    fn relay(&self, wire: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        match wire {
            Wire::OpenAiResponses => responses::relay(&self.dialect, body, target),
            _ => relay::relay(&self.dialect, body, target),
        }
    }

    fn observe(&self, wire: Wire, body: &[u8]) -> Observed {
        match wire {
            Wire::OpenAiResponses => responses::plain(&self.dialect, body),
            _ => observe::plain(&self.dialect, wire, body),
        }
    }

    fn observer(&self, wire: Wire, asked: Asked) -> Box<dyn StreamObserver> {
        match wire {
            Wire::OpenAiResponses => Box::new(responses::Observer::new(self.dialect)),
            _ => Box::new(observe::Observer::new(self.dialect, wire, asked)),
        }
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
