//! What providers speak. One file per dialect; each is pure: bytes and values in, bytes and values out.
//!
//! A provider whose native wire is the client's own is relayed verbatim ([`Adapter::relay`],
//! [`Adapter::observe`], [`Adapter::observer`]); any other is translated through [`chat`](crate::chat)
//! ([`Adapter::encode`], [`Adapter::decode`], [`Adapter::decoder`]).

mod anthropic;
mod bedrock;
mod cache;
mod charged;
mod claude;
mod cleaning;
mod compatible;
mod count;
mod deep;
mod deepseek;
mod doubao;
pub mod endpoints;
mod failure;
mod foreign;
mod gemini;
mod ids;
mod ollama;
mod openai;
mod openai_compatible;
mod openrouter;
mod plain;
mod poe;
mod rules;
mod stored;
#[cfg(test)]
pub(crate) mod testing;
mod tier;
mod told;
mod waiting;
mod xai;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    body::{Body, Edit},
    chat,
    framing::Framing,
    usage::{Usage, Word},
    wire::{Operation, Wire},
};
use aigne_hub_crds::config;

/// What an adapter may know of where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider.
    pub provider: &'a config::Provider,
    /// The model, with its upstream name and features.
    pub model: &'a config::Model,
}

/// One way of asking a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The client's wire where it is relayed; `None`: translated into the provider's own format.
    pub relayed: Option<Wire>,
    /// What is asked for.
    pub operation: Operation,
    /// Whether the answer is to be a stream.
    pub stream: bool,
}

/// How a credential is shown to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `x-api-key: …`
    XApiKey,
    /// `x-goog-api-key: …`
    XGoogApiKey,
    /// Signed for AWS (`SigV4`), or a Bedrock API key as a bearer.
    Aws,
}

/// A request that this provider cannot serve, or that the rules forbid: the client's fault, never retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The request's field, for example `service_tier`.
    pub field: String,
    /// A sentence for the developer who sent it.
    pub message: String,
}

/// Refuses a field: "`field` what".
fn refuse<T>(field: &str, what: &str) -> Result<T, Refusal> {
    Err(Refusal::of(field, what))
}

impl Refusal {
    /// "`field` what".
    pub(crate) fn of(field: &str, what: &str) -> Self {
        Self { field: field.to_owned(), message: format!("`{field}` {what}") }
    }

    /// The same in the words of who sent the request: adapters know what the model calls a field.
    #[must_use]
    pub fn in_words_of(self, wire: Wire) -> Self {
        let field = wire.field(&self.field).to_owned();
        let message = self.message.replace(&format!("`{}`", self.field), &format!("`{field}`"));
        Self { field, message }
    }
}

/// An answer that does not follow the provider's own format: the provider's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer could not be read: {0}")]
pub struct Unreadable(pub String);

/// What kind of failure a provider reported; decides on retry and health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client's request (400, 404, 413, 422 …): passed on, never retried, never counted against health.
    Request,
    /// The hub's credential is not accepted (401).
    Credential,
    /// The credential may not do this, or its account is out of money (402, 403).
    Forbidden,
    /// Too much (429); retried elsewhere, after `retry_after`.
    Throttled,
    /// The provider (408, 5xx, 529, an answer that cannot be read).
    Provider,
}

/// A provider's error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// The provider's status; 200 where the error came inside a stream.
    pub status: u16,
    /// Whose fault.
    pub fault: Fault,
    /// The provider's own words, bounded; may be shown to the client.
    pub message: String,
    /// The provider's own error type or code.
    pub code: Option<String>,
    /// The request's field that the provider names.
    pub param: Option<String>,
    /// Milliseconds that the provider asks to wait (`retry-after-ms`, `retry-after`).
    pub retry_after_ms: Option<u64>,
}

/// What the hub asked of the provider beyond what the client asked: it is stripped from the answer again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Asked {
    /// Usage in the stream was asked for by the hub alone.
    pub usage: bool,
}

/// What was learned from an answer while it was relayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The provider's count, as far as it was sent (an Anthropic stream sends the prompt's first).
    pub usage: Option<Usage>,
    /// The provider said all it had to say about usage.
    pub usage_complete: bool,
    /// The provider did not say it: it was measured by what came.
    pub usage_is_estimate: bool,
    /// Bytes of generated text, arguments and reasoning that were seen: the base of an estimate.
    pub output_bytes: u64,
    /// The format's own end was seen (`[DONE]`, `message_stop`).
    pub terminated: bool,
    /// An error inside the stream.
    pub error: Option<UpstreamError>,
    /// The first finish reason, in the provider's words.
    pub finish_reason: Option<String>,
    /// The service tier that served, as far as it was said.
    pub service_tier: Option<Word>,
}

/// What becomes of one relayed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relay {
    /// As it came.
    Pass,
    /// Not at all.
    Drop,
    /// These bytes in its place (a whole SSE event with its blank line).
    Replace(Bytes),
}

/// Watches a relayed stream; sees whole events only.
pub trait StreamObserver {
    /// `data` is the event's joined `data:` text (without comments, event name, line ends).
    fn event(&mut self, data: &[u8]) -> Relay;
    /// What is known so far; complete once the stream has ended.
    fn observed(&self) -> &Observed;
}

/// Translates a provider's stream; sees whole events only.
pub trait StreamDecoder {
    /// Appends what this event means to `events`.
    fn event(&mut self, data: &[u8], events: &mut Vec<chat::Event>) -> Result<(), Unreadable>;
    /// What is known so far; complete once the stream has ended.
    fn observed(&self) -> &Observed;
}

/// One provider dialect.
pub trait Adapter: Send + Sync {
    /// Whether requests that came in on this wire are relayed verbatim.
    fn relays(&self, wire: Wire) -> bool;

    /// Appended to the provider's base URL, percent-encoded; `None` where the provider cannot be asked so.
    fn path(&self, ask: Ask, target: Target<'_>) -> Option<String>;

    /// How its streams are cut into events; by the wire that is relayed, if any.
    fn framing(&self, relayed: Option<Wire>) -> Framing {
        let _ = relayed;
        Framing::Sse
    }

    /// How the credential is shown.
    fn auth(&self) -> Auth;

    /// Sent with every request (an API version).
    fn fixed_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether what is thought is counted beside the most that may be generated, not within.
    fn reasoning_is_apart(&self) -> bool {
        false
    }

    /// Whether the provider, where it is left to it, may serve from a service tier that has a price of its own.
    fn chooses_tier(&self) -> bool {
        true
    }

    /// The service tier that served, where a header says it.
    fn served_tier(&self, headers: &HeaderMap) -> Option<Word> {
        let _ = headers;
        None
    }

    /// Checks a client header that only this wire knows (`anthropic-beta`) before it crosses.
    /// Returns the value to send, or `None` to leave it out.
    fn cross_header(&self, name: &str, value: &str) -> Result<Option<String>, Refusal>;

    /// Verbatim: what to change in the body (model name, usage request, quirks), or why not to send it.
    fn relay(&self, wire: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal>;

    /// Verbatim: reads a plain answer. Also says whether a text that is no answer at all holds an error.
    fn observe(&self, wire: Wire, body: &[u8]) -> Observed;

    /// Verbatim: watches a stream.
    fn observer(&self, wire: Wire, asked: Asked) -> Box<dyn StreamObserver>;

    /// Translated: the provider's body for a request. Usage is always asked for.
    fn encode(&self, request: &chat::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal>;

    /// Translated: reads a plain answer.
    fn decode(&self, body: &[u8]) -> Result<chat::Response, Unreadable>;

    /// Translated: reads a stream, whatever was asked.
    fn decoder(&self) -> Box<dyn StreamDecoder>;

    /// Translated: reads the stream that answers `sent`, which [`encode`](Self::encode) gave: where it matters what was
    /// asked.
    fn decoder_of(&self, sent: &[u8]) -> Box<dyn StreamDecoder> {
        let _ = sent;
        self.decoder()
    }

    /// Reads an error answer. `body` may be anything (HTML, empty, cut).
    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError;
}

/// The adapter that speaks to a type of provider.
pub fn adapter(r#type: config::ProviderType) -> &'static dyn Adapter {
    use config::ProviderType as Type;
    match r#type {
        Type::OpenAI => &openai::ADAPTER,
        Type::DeepSeek => &deepseek::ADAPTER,
        Type::Ollama => &ollama::ADAPTER,
        Type::OpenRouter => &openrouter::ADAPTER,
        Type::XAI => &xai::ADAPTER,
        Type::Doubao => &doubao::ADAPTER,
        Type::Poe => &poe::ADAPTER,
        Type::OpenAICompatible => &compatible::ADAPTER,
        Type::Anthropic => &anthropic::ADAPTER,
        Type::Bedrock => &bedrock::ADAPTER,
        Type::Gemini => &gemini::ADAPTER,
    }
}
