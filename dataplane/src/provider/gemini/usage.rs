//! `usageMetadata` as Gemini writes it, normalised.

use serde::Deserialize;

use crate::{provider::count::Count, usage::Usage};

/// The counts. In a stream each piece has all of them, as of now; what is absent is 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the format's own names")]
pub(super) struct RawUsage {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
    prompt_tokens_details: Option<Vec<Detail>>,
    cache_tokens_details: Option<Vec<Detail>>,
    candidates_tokens_details: Option<Vec<Detail>>,
}

/// The part of a count that is of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    modality: Option<String>,
    token_count: Count,
}

impl RawUsage {
    /// The prompt includes what came from the cache, the candidates exclude what was thought, and what tools that
    /// Google runs put into the prompt is counted apart.
    pub(super) fn normalise(&self) -> Usage {
        let prompt = self.prompt_token_count.0;
        let cached = self.cached_content_token_count.0.min(prompt);
        let input = (prompt - cached).saturating_add(self.tool_use_prompt_token_count.0);
        let reasoning = self.thoughts_token_count.0;
        let audio = of("AUDIO", self.prompt_tokens_details.as_deref())
            .saturating_sub(of("AUDIO", self.cache_tokens_details.as_deref()));
        Usage {
            input,
            cached_input: cached,
            output: self.candidates_token_count.0.saturating_add(reasoning),
            reasoning,
            audio_input: audio.min(input),
            audio_output: of("AUDIO", self.candidates_tokens_details.as_deref())
                .min(self.candidates_token_count.0),
            ..Usage::default()
        }
    }
}

fn of(modality: &str, details: Option<&[Detail]>) -> u64 {
    details
        .unwrap_or_default()
        .iter()
        .filter(|detail| detail.modality.as_deref() == Some(modality))
        .map(|detail| detail.token_count.0)
        .fold(0, u64::saturating_add)
}
