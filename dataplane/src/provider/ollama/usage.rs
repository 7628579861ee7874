//! `prompt_eval_count` and `eval_count`, normalised.

use crate::{provider::count::Count, usage::Usage};

/// Ollama leaves out a count that is 0, as that of a prompt which older releases had in their cache whole: where one of
/// them is there, the other is no unknown but 0, and what its `OpenAI`-compatible endpoints say of the same answer. So
/// both ways count alike. Where neither is there, or both say 0, nothing was counted (no answer is made of nothing), and
/// the hub estimates.
///
/// Thinking is part of the output and not told apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawUsage {
    pub(super) prompt: Option<Count>,
    pub(super) output: Option<Count>,
}

impl RawUsage {
    pub(super) fn normalise(self) -> Option<Usage> {
        let Self { prompt, output } = self;
        let (input, output) = (prompt.unwrap_or_default().0, output.unwrap_or_default().0);
        (input > 0 || output > 0).then(|| Usage { input, output, ..Usage::default() })
    }
}
