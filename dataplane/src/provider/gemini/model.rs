//! What a model's name says of it. Google has no field that tells it.

use crate::chat::Effort;

/// How a model is told how much to think, and what it needs back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// 2.5: by a number of tokens.
    Budget {
        /// The least that it takes; 0 where thinking can be switched off.
        least: u64,
        most: u64,
    },
    /// 3 and later, and names without a number (`gemini-flash-latest`): by a word. The first call of a turn must come
    /// back with its signature.
    Level { pro: bool, medium: bool },
}

impl Generation {
    /// Of an upstream name, with or without `models/`. A name that is nobody's is taken for a new one's.
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let numbered = name.strip_prefix("gemini-").unwrap_or_default();
        let pro = name.contains("-pro");
        // Bounds: ai.google.dev/gemini-api/docs/thinking.
        if numbered.starts_with("1.") || numbered.starts_with("2.") {
            return if pro {
                Self::Budget { least: 128, most: 32_768 }
            } else {
                Self::Budget { least: 0, most: 24_576 }
            };
        }
        Self::Level { pro, medium: !name.starts_with("gemini-3-pro") }
    }

    /// The first call of a set must have a signature, and media of a tool's result stand within it.
    pub(super) fn is_new(self) -> bool {
        matches!(self, Self::Level { .. })
    }
}

/// The word for an effort, as near as this model has one.
pub(super) fn level(effort: Effort, pro: bool, medium: bool) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if !pro => "MINIMAL",
        Effort::None | Effort::Minimal | Effort::Low => "LOW",
        Effort::Medium if medium => "MEDIUM",
        Effort::Medium | Effort::High | Effort::XHigh | Effort::Max => "HIGH",
    }
}

/// A budget that this model takes. Its smallest ones that are not 0 are 512 with `flash-lite`, 1 with `flash`.
pub(super) fn budget(tokens: u64, least: u64, most: u64) -> u64 {
    if tokens == 0 { least } else { tokens.clamp(least.max(512), most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_told_by_name() {
        assert_eq!(Generation::of("models/gemini-2.5-pro"), Generation::Budget { least: 128, most: 32_768 });
        assert_eq!(Generation::of("gemini-2.5-flash-lite"), Generation::Budget { least: 0, most: 24_576 });
        assert_eq!(Generation::of("gemini-3-pro-preview"), Generation::Level { pro: true, medium: false });
        assert_eq!(Generation::of("gemini-3.1-pro"), Generation::Level { pro: true, medium: true });
        assert_eq!(Generation::of("gemini-flash-latest"), Generation::Level { pro: false, medium: true });
    }

    #[test]
    fn efforts_and_budgets_stay_within_what_a_model_takes() {
        assert_eq!(level(Effort::None, true, true), "LOW");
        assert_eq!(level(Effort::None, false, true), "MINIMAL");
        assert_eq!(level(Effort::Max, false, true), "HIGH");
        assert_eq!(level(Effort::Medium, true, false), "HIGH");
        assert_eq!(budget(0, 128, 32_768), 128);
        assert_eq!(budget(0, 0, 24_576), 0);
        assert_eq!(budget(100_000, 0, 24_576), 24_576);
    }
}
