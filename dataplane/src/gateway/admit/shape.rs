//! What a request's own bytes say of how much it can use: pure.

use crate::{gateway::ingress::{Arrival, Content}, snapshot::Served, usage::Usage, wire::max_output};

/// Tokens that a provider may add around a request of its own accord.
const ENVELOPE_TOKENS: u64 = 64;
/// Tokens that a provider may add to explain tools or a schema to the model (Anthropic's own table goes up to 700).
const EXPLAINED_TOKENS: u64 = 1_024;
/// Members that are explained so.
const EXPLAINED: [&str; 4] = ["tools", "functions", "response_format", "output_config"];

/// What a request's own bytes say of how much it can use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Tokens of the prompt where a token is at least a byte.
    pub(super) by_bytes: u64,
    /// No image, audio, file or document.
    pub(super) text_only: bool,
    /// What the client allows, for each answer.
    pub(super) max_output: Option<u64>,
    /// Answers asked for.
    pub(super) n: u64,
}

impl Shape {
    pub(super) fn of(arrival: &Arrival) -> Self {
        let Content::Chat(body) = &arrival.content else { return Self::beside_chat(arrival) };
        let explained = EXPLAINED.iter().any(|name| body.raw(name).is_some_and(|raw| raw != "null"));
        let envelope = ENVELOPE_TOKENS + if explained { EXPLAINED_TOKENS } else { 0 };
        Self {
            by_bytes: (body.bytes().len() as u64).saturating_add(envelope),
            text_only: arrival.text_only,
            max_output: max_output::get(arrival.wire, body),
            n: max_output::answers(arrival.wire, body),
        }
    }

    fn beside_chat(arrival: &Arrival) -> Self {
        Self { by_bytes: 0, text_only: arrival.text_only, max_output: None, n: 1 }
    }

    /// The same, with at most this many tokens for each answer.
    pub(super) fn lowered(self, most: u64) -> Self {
        Self { max_output: Some(self.max_output.map_or(most, |asked| asked.min(most))), ..self }
    }

    /// The most that a model can use for this; `None` where its numbers are not known.
    pub(super) fn bound(self, served: &Served) -> Option<Usage> {
        let model = &served.model().config;
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
        let apart = if served.provider.adapter.reasoning_is_apart() { model.max_output_tokens? } else { 0 };
        let output = output.saturating_add(apart).saturating_mul(self.n);
        Some(Usage { input, output, ..Usage::default() })
    }

    /// What is known where a model's numbers are not: for attribution only.
    pub(super) fn least(self) -> Usage {
        let output = self.max_output.unwrap_or_default().saturating_mul(self.n);
        Usage { input: self.by_bytes, output, ..Usage::default() }
    }
}
