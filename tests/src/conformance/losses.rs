//! What is left out on the way to a provider, and why that is no loss: each was decided, none is silent.

use super::feature::Feature;
use super::heard::Format;
use super::provider::Provider;

struct Loss {
    feature: &'static str,
    to: &'static [Format],
    /// Kinds of provider; any where it is empty.
    at: &'static [&'static str],
    why: &'static str,
}

const LOSSES: &[Loss] = &[
    Loss {
        feature: "seed",
        to: &[Format::Messages],
        at: &[],
        why: "Anthropic has no seed, and its own OpenAI endpoint ignores one",
    },
    Loss {
        feature: "presence and frequency penalty",
        to: &[Format::Messages],
        at: &[],
        why: "Anthropic has no penalties, and its own OpenAI endpoint ignores them",
    },
    Loss { feature: "seed", to: &[Format::Chat], at: &["Poe"], why: "Poe ignores it" },
    Loss { feature: "log probabilities", to: &[Format::Chat], at: &["Poe"], why: "Poe ignores it" },
    Loss {
        feature: "top_k",
        to: &[Format::Chat],
        at: &["DeepSeek"],
        why: "DeepSeek says itself that it ignores one",
    },
    Loss {
        feature: "prompt-cache marks",
        to: &[Format::Chat],
        at: &["DeepSeek", "Ollama", "XAI", "Doubao", "Poe", "OpenAICompatible"],
        why: "it caches by itself; only OpenRouter and OpenAI (from GPT 5.6 on) take marks in this format",
    },
    Loss {
        feature: "thinking given back in the next turn, signed",
        to: &[Format::Chat],
        at: &["OpenAI", "Ollama", "XAI", "Doubao", "Poe", "OpenAICompatible"],
        why: "it takes no thinking back in this format, and needs none",
    },
    Loss {
        feature: "prompt-cache marks",
        to: &[Format::Gemini],
        at: &[],
        why: "Gemini caches by itself, or under a name that is made beforehand",
    },
    Loss { feature: "prompt-cache marks", to: &[Format::Ollama], at: &[], why: "Ollama caches by itself" },
    Loss {
        feature: "one tool call at a time",
        to: &[Format::Ollama],
        at: &[],
        why: "Ollama's own endpoints take the field and ignore it; each call can still be answered in turn",
    },
    Loss {
        feature: "citations in the answer",
        to: &[Format::Ollama],
        at: &[],
        why: "Ollama names no sources",
    },
    Loss {
        feature: "service tier that has a price",
        to: &[Format::Converse, Format::Gemini, Format::Ollama],
        at: &[],
        why: "`standard_only` is what it does unless another tier is asked for",
    },
];

/// Why this is left out; none where it must not be.
pub(super) fn why(format: Format, provider: &Provider, feature: &Feature) -> Option<&'static str> {
    let is = |loss: &&Loss| {
        let there = loss.at.is_empty() || loss.at.contains(&provider.kind);
        loss.feature == feature.name && loss.to.contains(&format) && there
    };
    LOSSES.iter().find(is).map(|loss| loss.why)
}
