//! Ollama. What it speaks itself as `OpenAI` does is relayed; all else goes to its own `/api/chat`, where more can be said:
//! how much to think, `top_k`, what the model thought, calls with arguments that are objects. The base URL is the bare
//! host.

mod answer;
mod decode;
mod encode;
mod fields;
mod messages;
mod options;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

use http::{HeaderMap, StatusCode};

pub(super) use self::fields::RULES;
use super::{
    Adapter, Ask, Asked, Auth, Observed, Refusal, StreamDecoder, StreamObserver, Target, Unreadable,
    UpstreamError,
    openai_compatible::{Dialect, MaxTokens, OPENAI, OpenAiCompatible, ReasoningField},
};
use crate::{
    body::{Body, Edit},
    chat::{self, Effort},
    framing::Framing,
    wire::{Operation, Wire},
};

/// Speaks `OpenAI`'s format where a client does, and Ollama's own for everybody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ollama;

/// The adapter.
pub(super) static ADAPTER: Ollama = Ollama;

/// Its `OpenAI`-compatible endpoints.
static COMPATIBLE: OpenAiCompatible = OpenAiCompatible {
    dialect: Dialect {
        chat_path: "/v1/chat/completions",
        completions_path: Some("/v1/completions"),
        max_tokens: MaxTokens::Plain,
        developer_role: false,
        files: false,
        audio: false,
        several_answers: false,
        reasoning: ReasoningField::Effort(Effort::Low, Effort::High),
        rules: RULES,
        ..OPENAI
    },
};

impl Adapter for Ollama {
    fn relays(&self, wire: Wire) -> bool {
        COMPATIBLE.relays(wire)
    }

    fn path(&self, ask: Ask, target: Target<'_>) -> Option<String> {
        match ask {
            Ask { relayed: None, operation: Operation::Chat, .. } => Some("/api/chat".to_owned()),
            _ => COMPATIBLE.path(ask, target),
        }
    }

    fn framing(&self, relayed: Option<Wire>) -> Framing {
        if relayed.is_some() { Framing::Sse } else { Framing::NdJson }
    }

    fn auth(&self) -> Auth {
        COMPATIBLE.auth()
    }

    fn chooses_tier(&self) -> bool {
        false
    }

    fn cross_header(&self, name: &str, value: &str) -> Result<Option<String>, Refusal> {
        COMPATIBLE.cross_header(name, value)
    }

    fn relay(&self, wire: Wire, body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
        COMPATIBLE.relay(wire, body, target)
    }

    fn observe(&self, wire: Wire, body: &[u8]) -> Observed {
        if self.relays(wire) { COMPATIBLE.observe(wire, body) } else { decode::observe(body) }
    }

    fn observer(&self, wire: Wire, asked: Asked) -> Box<dyn StreamObserver> {
        COMPATIBLE.observer(wire, asked)
    }

    fn encode(&self, request: &chat::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
        encode::encode(request, target)
    }

    fn decode(&self, body: &[u8]) -> Result<chat::Response, Unreadable> {
        decode::decode(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    /// Either's, as the shapes tell them apart: `{"error": "…"}` is its own.
    fn error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
        COMPATIBLE.error(status, headers, body)
    }
}
