//! `usageMetadata` as Gemini writes it, normalised.

use serde::Deserialize;

use crate::{
    provider::{count::Count, tier::Served},
    usage::Usage,
};

/// The counts. In a stream each piece has all of them, as of now; what is absent is 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RawUsage {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
    prompt_tokens_details: Option<Vec<Detail>>,
    cache_tokens_details: Option<Vec<Detail>>,
    candidates_tokens_details: Option<Vec<Detail>>,
    pub(super) service_tier: Served,
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
        let candidates = self.candidates_token_count.0;
        let read = |kind| {
            let cached = of(kind, self.cache_tokens_details.as_deref());
            of(kind, self.prompt_tokens_details.as_deref()).saturating_sub(cached).min(input)
        };
        let made = |kind| of(kind, self.candidates_tokens_details.as_deref()).min(candidates);
        Usage {
            input,
            cached_input: cached,
            output: candidates.saturating_add(reasoning),
            reasoning,
            audio_input: read("AUDIO"),
            audio_output: made("AUDIO"),
            image_input: read("IMAGE"),
            image_output: made("IMAGE"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_pictures_are_told_apart_from_text() {
        let raw: RawUsage = serde_json::from_str(
            r#"{"promptTokenCount": 900, "cachedContentTokenCount": 300, "candidatesTokenCount": 1300,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}, {"modality": "IMAGE", "tokenCount": 500},
                    {"modality": "AUDIO", "tokenCount": 300}],
                "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 250}, {"modality": "AUDIO", "tokenCount": 50}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]}"#,
        )
        .unwrap();
        let expected = Usage {
            input: 600,
            cached_input: 300,
            output: 1_300,
            audio_input: 250,
            image_input: 250,
            image_output: 1_290,
            ..Usage::default()
        };
        assert_eq!(raw.normalise(), expected);
    }
}
