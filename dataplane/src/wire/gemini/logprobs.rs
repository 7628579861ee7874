//! Log probabilities.

use crate::{
    chat::{Likelihood, TokenLogprob},
    json::{self, Object},
};

/// `logprobsResult`, where there are any.
pub(super) fn result(candidate: &mut Object<'_>, tokens: &[TokenLogprob]) {
    if tokens.is_empty() {
        return;
    }
    let mut result = Object::open(candidate.name("logprobsResult"));
    if tokens.iter().any(|token| !token.top.is_empty()) {
        json::list(result.name("topCandidates"), tokens, |out, token| {
            let mut top = Object::open(out);
            json::list(top.name("candidates"), &token.top, likelihood);
            top.close();
        });
    }
    json::list(result.name("chosenCandidates"), tokens, |out, token| likelihood(out, &token.chosen));
    result.close();
}

fn likelihood(out: &mut Vec<u8>, likely: &Likelihood) {
    let mut object = Object::open(out);
    object.string("token", &likely.token).raw("logProbability", likely.logprob.get());
    object.close();
}

/// `avgLogprobs`, where there are any.
pub(super) fn average(candidate: &mut Object<'_>, tokens: &[TokenLogprob]) {
    let numbers = || tokens.iter().filter_map(|token| token.chosen.logprob.read::<f64>());
    // Counted so, as no answer has as many tokens as a float loses track of.
    let count: f64 = numbers().map(|_| 1.0).sum();
    let average = numbers().sum::<f64>() / count;
    if average.is_finite() {
        candidate.number("avgLogprobs", average);
    }
}
