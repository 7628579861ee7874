//! Log probabilities.

use serde::Deserialize;

use crate::chat::{Likelihood, Raw, TokenLogprob};

/// What stands beside a choice's message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    content: Option<Vec<Likely>>,
    refusal: Option<Vec<Likely>>,
}

/// Also one of those that stand within another.
#[derive(Deserialize)]
struct Likely {
    token: String,
    #[serde(default)]
    logprob: Option<Raw>,
    #[serde(default)]
    bytes: Option<Raw>,
    #[serde(default)]
    top_logprobs: Option<Vec<Likely>>,
}

/// Of the text and of the refusal; none where they have another form, as some have who follow the format.
pub(super) fn read(told: Option<&Raw>) -> Vec<TokenLogprob> {
    let told = told.and_then(Raw::read::<Option<Told>>).flatten().unwrap_or_default();
    let tokens = [told.content, told.refusal].into_iter().flatten().flatten();
    tokens.filter_map(token).collect()
}

fn token(likely: Likely) -> Option<TokenLogprob> {
    let top = likely.top_logprobs.into_iter().flatten();
    let top = top.filter_map(|other| Likelihood::new(other.token, other.logprob, other.bytes)).collect();
    Some(TokenLogprob { chosen: Likelihood::new(likely.token, likely.logprob, likely.bytes)?, top })
}
