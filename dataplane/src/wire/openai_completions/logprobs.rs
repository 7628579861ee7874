//! Log probabilities as this wire alone writes them: a list for each kind of thing that is told of a token.

use crate::{
    chat::{Likelihood, TokenLogprob},
    json::{self, Object},
};

/// `offset`: where the first token begins, in characters of the choice's text.
pub(super) fn write(out: &mut Vec<u8>, tokens: &[TokenLogprob], offset: u64) {
    if tokens.is_empty() {
        return out.extend_from_slice(b"null");
    }
    let mut object = Object::open(out);
    json::list(object.name("tokens"), tokens, |out, token| json::string(out, &token.chosen.token));
    json::list(object.name("token_logprobs"), tokens, |out, token| {
        out.extend_from_slice(token.chosen.logprob.get().as_bytes());
    });
    let top = object.name("top_logprobs");
    if tokens.iter().any(|token| !token.top.is_empty()) {
        json::list(top, tokens, alternatives);
    } else {
        top.extend_from_slice(b"null");
    }
    let mut offset = offset;
    json::list(object.name("text_offset"), tokens, |out, token| {
        json::number(out, offset);
        offset += length(token);
    });
    object.close();
}

/// Characters of a token.
pub(super) fn length(token: &TokenLogprob) -> u64 {
    token.chosen.token.chars().count() as u64
}

/// The likeliest, and the one that was chosen. They stand under their texts, so of two with the same one remains.
fn alternatives(out: &mut Vec<u8>, token: &TokenLogprob) {
    let mut told: Vec<&str> = Vec::new();
    let mut object = Object::open(out);
    for Likelihood { token, logprob, .. } in token.top.iter().chain([&token.chosen]) {
        if !told.contains(&token.as_str()) {
            told.push(token);
            object.foreign(token, logprob.get());
        }
    }
    object.close();
}
