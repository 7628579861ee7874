//! What a request's own bytes say of how much it can use: pure.

use aigne_hub_crds::config::{Model, ModelType};

use crate::{
    body::Body,
    gateway::ingress::{Arrival, Content},
    ledger::price::Rate,
    snapshot::Served,
    usage::{Units, Usage},
    wire::{Operation, max_output, tier::Tier},
};

/// Tokens that a provider may add around a request of its own accord.
const ENVELOPE_TOKENS: u64 = 64;
/// Tokens that a provider may add to explain tools or a schema to the model (Anthropic's own table goes up to 700), and
/// once more for each tool that it describes itself (Anthropic's are of 245 to 735).
const EXPLAINED_TOKENS: u64 = 1_024;
/// Members that are explained so.
const EXPLAINED: [&str; 6] =
    ["tools", "functions", "response_format", "output_config", "text", "generationConfig"];

/// What a request's own bytes say of how much it can use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// A chat: what is generated is tokens, and the client may bound them.
    pub(super) is_chat: bool,
    /// Tokens of the prompt where a token is at least a byte.
    pub(super) by_bytes: u64,
    /// No image, audio, file or document.
    pub(super) text_only: bool,
    /// What the client allows, for each answer.
    pub(super) max_output: Option<u64>,
    /// The fewest that it leaves room for, for each answer.
    pub(super) least_output: u64,
    /// Tokens that are charged as output and are not the model's: those of `OpenAI`'s `prediction` that it does not take
    /// up, which `max_completion_tokens` does not bound.
    pub(super) predicted: u64,
    /// Answers asked for.
    pub(super) n: u64,
    /// What is no token.
    pub(super) units: Units,
    /// The service tier that is asked for.
    pub(super) tier: Tier,
}

impl Shape {
    pub(super) fn of(arrival: &Arrival) -> Self {
        let body = match &arrival.content {
            Content::Chat(body) => body,
            Content::Media(payload, _) => return Self::beside_chat(arrival, payload.size() as u64),
        };
        let predicted = body.raw("prediction").filter(|raw| *raw != "null").map_or(0, |raw| raw.len() as u64);
        Self {
            is_chat: matches!(arrival.operation, Operation::Chat | Operation::CountTokens),
            by_bytes: (body.bytes().len() as u64).saturating_add(added(body)),
            text_only: arrival.text_only,
            max_output: max_output::get(arrival.wire, body),
            least_output: max_output::least(arrival.wire, body),
            predicted,
            n: max_output::answers(arrival.wire, body),
            units: arrival.units,
            tier: arrival.tier,
        }
    }

    fn beside_chat(arrival: &Arrival, bytes: u64) -> Self {
        Self {
            by_bytes: bytes.saturating_add(ENVELOPE_TOKENS),
            text_only: arrival.text_only,
            n: 1,
            units: arrival.units,
            tier: arrival.tier,
            ..Self::default()
        }
    }

    /// The same, with at most this many tokens for each answer.
    pub(super) fn lowered(self, most: u64) -> Self {
        Self { max_output: Some(self.max_output.map_or(most, |asked| asked.min(most))), ..self }
    }

    /// The fewest tokens that an answer may be cut to, where a tenant's policy says this.
    pub(super) fn fewest(self, minimum: Option<u64>) -> u64 {
        minimum.unwrap_or_default().max(self.least_output)
    }

    /// The most that a model can use for this, with the rate that applies to it; `None` where its numbers are not known.
    pub(super) fn bound(self, served: &Served, rate: Option<&Rate>) -> Option<Usage> {
        let model = &served.model().config;
        if self.is_chat || model.r#type == ModelType::Chat {
            return self.bound_of_chat(model, served.provider.adapter.reasoning_is_apart());
        }
        let input = self.input_beside_chat(model, rate)?;
        let output = self.output_beside_chat(model, rate)?;
        Some(Usage { input, output, ..Usage::default() }.with_units(self.units_of(served)))
    }

    fn bound_of_chat(self, model: &Model, reasoning_is_apart: bool) -> Option<Usage> {
        let input = match model.context_window {
            Some(window) if self.text_only => self.by_bytes.min(window),
            None if self.text_only => self.by_bytes,
            Some(window) => window,
            None => return None,
        };
        let output = match (self.max_output, model.max_output_tokens) {
            (Some(asked), Some(most)) => asked.min(most),
            (Some(tokens), None) | (None, Some(tokens)) => tokens,
            (None, None) => return None,
        };
        // What is thought is counted beside the limit there, and bounded by the model alone.
        let apart = if reasoning_is_apart { model.max_output_tokens? } else { 0 };
        let output = output.saturating_add(apart).saturating_add(self.predicted).saturating_mul(self.n);
        Some(Usage { input, output, ..Usage::default() }.with_units(self.units))
    }

    /// Of media that are not charged by tokens it does not matter how many they are.
    fn input_beside_chat(self, model: &Model, rate: Option<&Rate>) -> Option<u64> {
        // The window of embeddings is each input's, of which one request may have many.
        let is_embedding = model.r#type == ModelType::Embedding;
        match (self.text_only, model.context_window) {
            (true, Some(window)) if !is_embedding => Some(self.by_bytes.min(window)),
            (true, _) => Some(self.by_bytes),
            (false, Some(window)) if is_embedding => Some(self.by_bytes.max(window)),
            (false, Some(window)) => Some(window),
            (false, None) if rate.is_some_and(Rate::by_input) => None,
            (false, None) => Some(0),
        }
    }

    /// No client can bound it: where tokens of it are charged, the model's own number does, for each image.
    fn output_beside_chat(self, model: &Model, rate: Option<&Rate>) -> Option<u64> {
        if model.r#type == ModelType::Embedding || !rate.is_some_and(Rate::by_output) {
            return Some(0);
        }
        Some(model.max_output_tokens?.saturating_mul(self.n.max(self.units.images)))
    }

    /// What is known where a model's numbers are not: for attribution only.
    pub(super) fn least(self, served: &Served) -> Usage {
        let output =
            self.max_output.unwrap_or_default().saturating_add(self.predicted).saturating_mul(self.n);
        Usage { input: self.by_bytes, output, ..Usage::default() }.with_units(self.units_of(served))
    }

    /// What is no token, in the provider's words.
    fn units_of(self, served: &Served) -> Units {
        Units { image: served.model().image_kind(self.units.image), ..self.units }
    }
}

/// Tokens that a provider may add to what a body says.
fn added(body: &Body) -> u64 {
    let explained = EXPLAINED.iter().any(|name| body.raw(name).is_some_and(|raw| raw != "null"));
    // What is no such list is refused later.
    let tools = body.get::<Vec<Tool>>("tools").unwrap_or_default();
    let described = tools.iter().filter(|tool| tool.is_described()).count() as u64;
    EXPLAINED_TOKENS.saturating_mul(u64::from(explained).saturating_add(described)) + ENVELOPE_TOKENS
}

#[derive(serde::Deserialize)]
struct Tool {
    r#type: Option<String>,
    /// Gemini's.
    #[serde(alias = "computerUse")]
    computer_use: Option<serde::de::IgnoredAny>,
}

impl Tool {
    /// The client names it only, and the provider describes it to the model.
    fn is_described(&self) -> bool {
        let named = self.r#type.as_deref().is_some_and(|kind| !matches!(kind, "function" | "custom"));
        named || self.computer_use.is_some()
    }
}

#[cfg(test)]
mod tests;
