//! The member of a request's body that says how much may be generated, in either wire.

use bytes::Bytes;

use super::Wire;
use crate::body::{self, Body, Edit};

/// `OpenAI`'s newer name, which its reasoning models insist on, and the one that everybody knows.
const NAMES: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// The most that the client allows; of two numbers the larger, as which one counts is the provider's choice.
pub fn get(body: &Body) -> Option<u64> {
    NAMES.iter().filter_map(|name| body.get::<u64>(name)).max()
}

/// The same request with at most this many tokens to generate.
pub fn lower(wire: Wire, body: &Body, most: u64) -> Bytes {
    let mut names: Vec<_> = NAMES.into_iter().filter(|name| body.raw(name).is_some()).collect();
    if names.is_empty() {
        names.push(match wire {
            Wire::OpenAiChat => "max_completion_tokens",
            Wire::AnthropicMessages => "max_tokens",
        });
    }
    let edits: Vec<_> = names.into_iter().map(|name| Edit::Set(name, most.to_string())).collect();
    body::apply(body, &edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> Body {
        body::scan(Bytes::from_static(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_larger_of_two_counts() {
        assert_eq!(get(&body(r#"{"max_tokens":5,"max_completion_tokens":9}"#)), Some(9));
        assert_eq!(get(&body(r#"{"max_tokens":null}"#)), None);
    }

    #[test]
    fn every_name_that_is_there_is_lowered_and_one_is_made_where_none_is() {
        let both = body(r#"{"max_tokens":50,"model":"m","max_completion_tokens":90}"#);
        assert_eq!(
            lower(Wire::OpenAiChat, &both, 7),
            r#"{"max_tokens":7,"model":"m","max_completion_tokens":7}"#
        );
        assert_eq!(
            lower(Wire::OpenAiChat, &body(r#"{"model":"m"}"#), 7),
            r#"{"model":"m","max_completion_tokens":7}"#
        );
        assert_eq!(
            lower(Wire::AnthropicMessages, &body(r#"{"model":"m"}"#), 7),
            r#"{"model":"m","max_tokens":7}"#
        );
    }
}
