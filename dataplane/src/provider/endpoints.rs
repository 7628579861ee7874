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
    Refusal, Target, Unreadable, bedrock, compatible, doubao, gemini, ollama, openai, openrouter, rules,
    stored, xai,
};
use crate::{
    media,
    usage::{ImageKind, Usage},
    wire::Operation,
};
use rules::{Allowed, Rule, TIER, rule};
use stored::STORED;

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
        (Type::OpenAI, operation) => relayed(of_openai(operation)?, &[openai::RULES, TIER, OPENAI_MEDIA]),
        (Type::OpenAICompatible, operation) => {
            relayed(of_openai(operation)?, &[compatible::RULES, TIER, OPENAI_MEDIA, DOUBAO_IMAGES])
        }
        (Type::OpenRouter, operation) => of_openrouter(operation),
        (Type::Ollama, Op::Embeddings) => relayed("/v1/embeddings", &[ollama::RULES]),
        (Type::XAI, Op::Images) => relayed("/images/generations", &[xai::RULES, TIER]),
        (Type::XAI, Op::ImageEdits) => translated("/images/edits", &xai::edits::Edits),
        (Type::XAI, Op::Videos) => translated("/videos/generations", &xai::videos::Videos),
        (Type::Doubao, Op::Videos) => translated(doubao::videos::TASKS, &doubao::videos::Videos),
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

/// `OpenRouter` has one path for all pictures, and no translations.
fn of_openrouter(operation: Operation) -> Option<Endpoint> {
    use openrouter::{RULES, beside};
    let (path, how) = match operation {
        Operation::Embeddings => ("/embeddings", How::Relayed(Checked(&[RULES]))),
        Operation::Images => ("/images", How::Relayed(Checked(&[RULES, beside::IMAGES]))),
        Operation::ImageEdits => ("/images", How::Translated(&beside::Edits)),
        Operation::Speech => ("/audio/speech", How::Relayed(Checked(&[RULES, beside::SPEECH]))),
        Operation::Transcription => {
            ("/audio/transcriptions", How::Relayed(Checked(&[RULES, beside::TRANSCRIPTION])))
        }
        Operation::Translation | Operation::Videos | Operation::Chat | Operation::CountTokens => return None,
    };
    Some(Endpoint { path: path.to_owned(), how })
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
    rule("layer_decomposition", Allowed::False, "makes a picture of each layer"),
    rule("tools", Allowed::Empty, "turns on tools that are billed by the call"),
];

/// Fields of what is asked beside chat in `OpenAI`'s format (types of its SDK 3.57).
const OPENAI_MEDIA: &[Rule] = &[
    // Pictures.
    rule("svg", Allowed::Nothing, "chooses another model"),
    rule("complexity", Allowed::Nothing, "chooses how much is planned, which has its own price"),
    rule("frame_count", Allowed::Nothing, "makes many pictures for the price of one"),
    rule(
        "output_format",
        Allowed::Words(&["png", "jpeg", "webp"]),
        "chooses a format of many pictures or of another model",
    ),
    // Speech: an object names a voice of one's own.
    rule("voice", Allowed::Text, STORED),
];

#[cfg(test)]
mod tests {
    use aigne_hub_crds::{compile::served::serves, config::ModelType};

    use super::*;
    use crate::provider::testing;

    #[test]
    fn who_writes_a_model_is_told_the_same_as_who_calls_it() {
        let names = ["m", "amazon.titan-embed-text-v2:0", "amazon.nova-canvas-v1:0"];
        let asked = [
            (ModelType::Embedding, Operation::Embeddings),
            (ModelType::Image, Operation::Images),
            (ModelType::Speech, Operation::Speech),
            (ModelType::Transcription, Operation::Transcription),
            (ModelType::Video, Operation::Videos),
        ];
        for r#type in ProviderType::ALL.iter().copied() {
            for (model_type, operation) in asked {
                let has = names.into_iter().any(|name| {
                    let mut provider = testing::provider(r#type);
                    provider.models[0].upstream_model = name.to_owned();
                    endpoint(operation, Target { provider: &provider, model: &provider.models[0] }).is_some()
                });
                assert_eq!(has, serves(r#type, model_type), "{type:?} {model_type:?}");
            }
            let has = jobs::jobs(r#type).is_some();
            assert_eq!(has, serves(r#type, ModelType::Video), "{type:?}: what is made can be looked at");
        }
    }
}
