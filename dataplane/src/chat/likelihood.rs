//! How likely the model found what it wrote.

use super::Raw;

/// That log probabilities are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logprobs {
    /// The tokens at each place that are to be told with theirs, the likeliest first; 0: only the one that was chosen.
    pub top: u32,
}

/// A token that the model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLogprob {
    /// The one that was chosen.
    pub chosen: Likelihood,
    /// The likeliest at its place, where they were asked for.
    pub top: Vec<Likelihood>,
}

/// A token, and how likely it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likelihood {
    /// Its text; half a character may stand there as U+FFFD.
    pub token: String,
    /// The natural logarithm of its probability: a number, as written.
    pub logprob: Raw,
    /// A list of its bytes, where the provider told them.
    pub bytes: Option<Raw>,
}

/// What stands where there is no number: `OpenAI`'s own word for "very unlikely".
const VERY_UNLIKELY: &str = "-9999.0";

impl Likelihood {
    /// JSON has no infinity, so a provider may have written something else than a number.
    pub fn new(token: String, logprob: Option<Raw>, bytes: Option<Raw>) -> Option<Self> {
        let logprob = logprob.filter(Raw::is_number).or_else(|| Raw::parse(VERY_UNLIKELY))?;
        Some(Self { token, logprob, bytes: bytes.filter(Raw::is_list) })
    }
}
