//! What providers offer beside chat: one table. What is not in it is refused before anything is sent.

pub(super) mod answers;
pub mod jobs;
mod observe;
mod relay;
mod usage;

use aigne_hub_crds::config::ProviderType;
use http::HeaderMap;

pub use self::{
    observe::{Observer, kind, observe},
    relay::relay,
};
use super::{
    Refusal, Target, Unreadable, bedrock, compatible, doubao, gemini, ollama, openai, openrouter, rules, xai,
};
use crate::{
    media,
    usage::{ImageKind, Usage},
    wire::Operation,
};
use rules::{Allowed, Rule, TIER, rule};

/// One endpoint of a provider's.
pub struct Endpoint {
    /// Below the provider's base URL, percent-encoded.
    pub path: String,
    /// How it is spoken to.
    pub how: How,
}

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// In `OpenAI`'s own format.
    Relayed(Checked),
    /// In the provider's format.
    Translated(&'static dyn Translation),
}

/// The fields that are checked before a request is relayed.
#[derive(Clone, Copy, Debug)]
pub struct Checked(&'static [&'static [Rule]]);

/// A provider's own format for something beside chat. Pure.
pub trait Translation: std::fmt::Debug + Send + Sync {
    /// The provider's body, in JSON.
    fn encode(&self, request: &media::Request, target: Target<'_>) -> Result<Vec<u8>, Refusal>;

    /// Reads an answer to this request.
    fn decode(&self, request: &media::Request, body: &[u8]) -> Result<media::Answer, Unreadable>;

    /// What a picture's price depends on, in the words in which the provider is asked: clients may have several for one.
    fn kind(&self, asked: ImageKind) -> ImageKind {
        asked
    }

    /// What was used, where the answer's headers say it and its body does not.
    fn counted(&self, headers: &HeaderMap) -> Option<Usage> {
        let _ = headers;
        None
    }
}

/// The endpoint for such requests to this model; `None` where the provider has none.
pub fn endpoint(operation: Operation, target: Target<'_>) -> Option<Endpoint> {
    use {Operation as Op, ProviderType as Type};
    let relayed =
        |path: &str, rules| Some(Endpoint { path: path.to_owned(), how: How::Relayed(Checked(rules)) });
    let translated = |path: &str, how| Some(Endpoint { path: path.to_owned(), how: How::Translated(how) });
    let is = |part: &str| target.model.upstream_model.contains(part) || target.model.name.contains(part);
    match (target.provider.r#type, operation) {
        (Type::OpenAI, operation) => relayed(of_openai(operation)?, &[openai::RULES, TIER]),
        (Type::OpenAICompatible, operation) => {
            relayed(of_openai(operation)?, &[compatible::RULES, TIER, DOUBAO_IMAGES])
        }
        (Type::OpenRouter, Op::Embeddings) => relayed("/embeddings", &[openrouter::RULES, TIER]),
        (Type::Ollama, Op::Embeddings) => relayed("/v1/embeddings", &[ollama::RULES]),
        (Type::XAI, Op::Images) => relayed("/images/generations", &[xai::RULES, TIER]),
        (Type::XAI, Op::ImageEdits) => translated("/images/edits", &xai::edits::Edits),
        // Models for text and pictures together are told by their name.
        (Type::Doubao, Op::Embeddings) if is("vision") => {
            translated("/embeddings/multimodal", &doubao::multimodal::Multimodal)
        }
        (Type::Doubao, Op::Embeddings) => relayed("/embeddings", &[doubao::RULES, TIER]),
        (Type::Doubao, Op::Images) => relayed("/images/generations", &[doubao::RULES, TIER, DOUBAO_IMAGES]),
        (Type::Bedrock, operation) => bedrock::beside::endpoint(operation, target),
        (Type::Gemini, operation) => gemini::beside::endpoint(operation, target),
        _ => None,
    }
}

/// `OpenAI`'s own paths.
fn of_openai(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Embeddings => Some("/embeddings"),
        Operation::Images => Some("/images/generations"),
        Operation::ImageEdits => Some("/images/edits"),
        Operation::Speech => Some("/audio/speech"),
        Operation::Transcription => Some("/audio/transcriptions"),
        Operation::Translation => Some("/audio/translations"),
        Operation::Videos => Some("/videos"),
        Operation::Chat | Operation::CountTokens => None,
    }
}

/// One request makes as many pictures as its model likes with these.
const DOUBAO_IMAGES: &[Rule] = &[
    rule(
        "sequential_image_generation",
        Allowed::Words(&["disabled"]),
        "lets the model choose how many pictures it makes",
    ),
    rule("tools", Allowed::Empty, "turns on tools that are billed by the call"),
];
