//! Which types of models gateways can call at which types of providers. The gateway has the same table with its paths, and a
//! test there holds both equal.

use super::finding::Report;
use crate::v1alpha1::{
    Model, ModelType, ProviderType,
    conditions::{ACCEPTED, reasons},
};

/// Whether gateways call models of this type at such a provider.
pub fn serves(provider: ProviderType, model: ModelType) -> bool {
    use {ModelType as M, ProviderType as P};
    match model {
        M::Chat => true,
        M::Embedding => !matches!(provider, P::Anthropic | P::DeepSeek | P::XAI | P::Poe),
        M::Image => !matches!(provider, P::Anthropic | P::DeepSeek | P::Ollama | P::Poe),
        M::Speech => matches!(provider, P::OpenAI | P::OpenAICompatible | P::OpenRouter | P::Gemini),
        M::Transcription => matches!(provider, P::OpenAI | P::OpenAICompatible | P::OpenRouter),
        M::Video => matches!(provider, P::OpenAI | P::OpenAICompatible | P::Gemini | P::XAI | P::Doubao),
    }
}

/// Warns of a model that every request is refused for.
pub(super) fn model(index: usize, model: &Model, provider: ProviderType, report: &mut Report<'_>) {
    let r#type = model.r#type.unwrap_or_default();
    if !serves(provider, r#type) {
        let message = format!(
            "{} cannot be called: nothing of type {type:?} is served at a provider of type {provider:?}",
            model.name
        );
        report.warning(format!("spec.models[{index}].type"), ACCEPTED, reasons::NOT_SERVED, message);
    }
}
