//! Which makers' models have which fields of their own: Converse hands those on as `additionalModelRequestFields`.

use aigne_hub_crds::config::{Model, ModelFeature};

/// Models with the same fields of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's: `thinking`, `top_k`, `tool_choice`.
    Claude,
    /// Amazon's: `reasoningConfig`, `inferenceConfig.topK`.
    Nova,
    /// Take `reasoning_effort`: `OpenAI`'s open models, Moonshot's.
    EffortWord,
    /// `OpenAI`'s other models: `reasoning.effort`.
    EffortObject,
    /// Mistral's: `top_k`.
    Mistral,
    /// Nothing that we know of.
    Other,
}

impl Family {
    /// Read from the model's id, which may be an ARN or that of an inference profile (`eu.anthropic.claude-…`). An
    /// application's inference profile tells nothing: one with `AdaptiveThinking` is Anthropic's, nobody else has it.
    pub(super) fn of(model: &Model) -> Self {
        let id = model.upstream_model.as_str();
        let is = |part: &str| id.contains(part);
        if is("anthropic.") || model.features.contains(&ModelFeature::AdaptiveThinking) {
            Self::Claude
        } else if is("amazon.nova") {
            Self::Nova
        } else if is("openai.gpt-oss") || is("moonshot") {
            Self::EffortWord
        } else if is("openai.") {
            Self::EffortObject
        } else if is("mistral.") {
            Self::Mistral
        } else {
            Self::Other
        }
    }

    /// Whether a `cachePoint` means something to it; elsewhere Bedrock refuses the request because of one.
    pub(super) fn caches(self) -> bool {
        matches!(self, Self::Claude | Self::Nova)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::testing;

    #[test]
    fn ids_profiles_and_arns_tell_the_maker() {
        let of = |id: &str| Family::of(&Model { upstream_model: id.into(), ..testing::model(&[]) });
        assert_eq!(of("anthropic.claude-haiku-4-5-20251001-v1:0"), Family::Claude);
        assert_eq!(
            of("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-x"),
            Family::Claude
        );
        assert_eq!(of("us.amazon.nova-2-lite-v1:0"), Family::Nova);
        assert_eq!(of("openai.gpt-oss-120b-1:0"), Family::EffortWord);
        assert_eq!(of("openai.gpt-5.2"), Family::EffortObject);
        assert_eq!(of("meta.llama3-1-8b-instruct-v1:0"), Family::Other);
        assert_eq!(of("arn:aws:bedrock:eu-central-1:1:application-inference-profile/abc"), Family::Other);
        let adaptive = testing::model(&[ModelFeature::AdaptiveThinking]);
        assert_eq!(Family::of(&adaptive), Family::Claude);
    }
}
