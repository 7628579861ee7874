//! Log probabilities as chat and responses write them.

use crate::{
    chat::{Likelihood, TokenLogprob},
    json::{self, Object},
};

/// What stands for the bytes of a token that the provider told none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Unknown {
    /// `null`.
    Null,
    /// Those of its text: the format has no place for `null`.
    Text,
}

/// The list.
pub(in crate::wire) fn write(out: &mut Vec<u8>, tokens: &[TokenLogprob], bytes: Unknown) {
    json::list(out, tokens, |out, token| {
        let mut object = Object::open(out);
        likelihood(&mut object, &token.chosen, bytes);
        json::list(object.name("top_logprobs"), &token.top, |out, top| {
            let mut object = Object::open(out);
            likelihood(&mut object, top, bytes);
            object.close();
        });
        object.close();
    });
}

fn likelihood(object: &mut Object<'_>, likely: &Likelihood, unknown: Unknown) {
    object.string("token", &likely.token).raw("logprob", likely.logprob.get());
    match (&likely.bytes, unknown) {
        (Some(bytes), _) => {
            object.raw("bytes", &bytes.one_line());
        }
        (None, Unknown::Null) => {
            object.raw("bytes", "null");
        }
        (None, Unknown::Text) => json::list(object.name("bytes"), likely.token.bytes(), json::number),
    }
}
