//! The members of a request's body that say how much may be generated.

use bytes::Bytes;

use super::{BadRequest, Operation, Wire, fields::bad};
use crate::body::{self, Body, Edit};

/// Where Gemini has its members; either spelling, but [`check`] lets no body have both.
const CONFIG: [&str; 2] = ["generationConfig", "generation_config"];

impl Wire {
    /// The members that bound an answer; the one that is written where none is there first.
    fn max_output(self) -> &'static [&'static str] {
        match self {
            // The newer name, which OpenAI's reasoning models insist on, and the one that everybody knows.
            Self::OpenAiChat => &["max_completion_tokens", "max_tokens"],
            Self::OpenAiCompletions | Self::AnthropicMessages => &["max_tokens"],
            Self::OpenAiResponses => &["max_output_tokens"],
            Self::Gemini => &["maxOutputTokens", "max_output_tokens"],
        }
    }

    /// What such members are in, where that is not the body itself.
    fn nested(self, body: &Body) -> Option<Body> {
        let config = (self == Self::Gemini).then(|| CONFIG.iter().find_map(|name| body.raw(name)))??;
        body::scan(Bytes::copy_from_slice(config.as_bytes())).ok()
    }
}

/// Refuses what could be read in two ways, or not at all: a number that a provider reads and we do not would bound
/// nothing.
pub fn check(wire: Wire, operation: Operation, body: &Body) -> Result<(), BadRequest> {
    check_counts(wire, operation, body).map_err(BadRequest::named)
}

fn check_counts(wire: Wire, operation: Operation, body: &Body) -> Result<(), BadRequest> {
    if wire != Wire::Gemini {
        let counts = wire.max_output().iter().chain(&["n", "best_of"]);
        return counts.copied().try_for_each(|name| readable(wire, body, name));
    }
    let [camel, snake] = CONFIG;
    if body.raw(camel).is_some() && body.raw(snake).is_some() {
        return Err(bad(snake, "stands beside `generationConfig`, which means the same"));
    }
    for name in ["generateContentRequest", "generate_content_request"] {
        if operation == Operation::Chat && body.raw(name).is_some() {
            return Err(bad(name, "is a field of countTokens"));
        }
    }
    let Some(name) = CONFIG.into_iter().find(|name| body.raw(name).is_some_and(|raw| raw != "null")) else {
        return Ok(());
    };
    let config =
        wire.nested(body).ok_or_else(|| bad(name, "must be an object that names each field once"))?;
    let counts = wire.max_output().iter().chain(&["candidateCount", "candidate_count"]);
    counts.copied().try_for_each(|count| readable(wire, &config, count)).map_err(|error| error.within(name))
}

fn readable(wire: Wire, body: &Body, name: &str) -> Result<(), BadRequest> {
    match body.raw(name) {
        Some(raw) if raw != "null" && count(wire, body, name).is_none() => {
            Err(bad(name, "must be a whole number, 0 or more"))
        }
        _ => Ok(()),
    }
}

/// The most that the client allows; of two numbers the larger, as which one counts is the provider's choice.
pub fn get(wire: Wire, body: &Body) -> Option<u64> {
    let nested = wire.nested(body);
    let body = if wire == Wire::Gemini { nested.as_ref()? } else { body };
    wire.max_output().iter().filter_map(|name| count(wire, body, name)).max()
}

/// The fewest tokens that an answer may be bounded to: where the client sets a budget for thinking, more than that, as
/// providers refuse a bound that is no larger.
pub fn least(wire: Wire, body: &Body) -> u64 {
    let names: &[_] = match wire {
        Wire::AnthropicMessages => &["thinking"],
        Wire::OpenAiChat | Wire::OpenAiResponses => &["thinking", "reasoning"],
        // Gemini's budget is within the bound, whichever is larger.
        Wire::OpenAiCompletions | Wire::Gemini => &[],
    };
    let budgets = names.iter().filter_map(|name| body.get::<Thinking>(name));
    let budget = budgets.filter_map(|thinking| thinking.budget_tokens.max(thinking.max_tokens)).max();
    budget.map_or(0, |budget| budget.saturating_add(1))
}

/// `thinking` has the one, `reasoning` the other.
#[derive(serde::Deserialize)]
struct Thinking {
    budget_tokens: Option<u64>,
    max_tokens: Option<u64>,
}

/// Google reads whole numbers in any form: `4`, `4.0`, `"4"`.
fn count(wire: Wire, body: &Body, name: &str) -> Option<u64> {
    if wire != Wire::Gemini {
        return body.get(name);
    }
    let raw = body.raw(name)?;
    let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
    let number: f64 = text.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    (number >= 0.0).then(|| number.ceil() as u64)
}

/// How many answers the client asks for: each of them may be as long.
pub fn answers(wire: Wire, body: &Body) -> u64 {
    let asked = match wire {
        Wire::Gemini => wire.nested(body).and_then(|config| {
            let counts = ["candidateCount", "candidate_count"];
            counts.iter().filter_map(|name| count(wire, &config, name)).max()
        }),
        Wire::OpenAiCompletions => {
            let each = [body.get::<u64>("n"), body.get::<u64>("best_of")].into_iter().flatten().max();
            let prompts =
                body.get::<Vec<serde::de::IgnoredAny>>("prompt").map_or(1, |list| list.len() as u64);
            Some(each.unwrap_or(1).max(1).saturating_mul(prompts))
        }
        _ => body.get::<u64>("n"),
    };
    asked.unwrap_or(1).max(1)
}

/// The same request with at most this many tokens to generate.
pub fn lower(wire: Wire, body: &Body, most: u64) -> Bytes {
    if wire == Wire::Gemini {
        let config = wire.nested(body).or_else(|| body::scan(Bytes::from_static(b"{}")).ok());
        let lowered = config.map(|config| set(wire, &config, most)).unwrap_or_default();
        let text = String::from_utf8_lossy(&lowered).into_owned();
        let name = CONFIG.into_iter().find(|name| body.raw(name).is_some()).unwrap_or("generationConfig");
        return body::apply(body, &[Edit::Set(name, text)]);
    }
    set(wire, body, most)
}

fn set(wire: Wire, body: &Body, most: u64) -> Bytes {
    let known = wire.max_output();
    let mut names: Vec<_> = known.iter().copied().filter(|name| body.raw(name).is_some()).collect();
    if names.is_empty() {
        names.extend(known.first());
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
        let get = |wire, text| super::get(wire, &body(text));
        assert_eq!(get(Wire::OpenAiChat, r#"{"max_tokens":5,"max_completion_tokens":9}"#), Some(9));
        assert_eq!(get(Wire::OpenAiChat, r#"{"max_tokens":null}"#), None);
        assert_eq!(get(Wire::OpenAiResponses, r#"{"max_output_tokens":5,"max_tokens":9}"#), Some(5));
        assert_eq!(get(Wire::Gemini, r#"{"generationConfig":{"maxOutputTokens":5}}"#), Some(5));
        assert_eq!(get(Wire::Gemini, r#"{"generation_config":{"max_output_tokens":"5"}}"#), Some(5));
        assert_eq!(get(Wire::Gemini, r#"{"maxOutputTokens":5}"#), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |wire, operation, text| {
            check(wire, operation, &body(text)).err().map(|error| error.param.unwrap_or_default())
        };
        let chat = |wire, text| refused(wire, Operation::Chat, text);
        for text in ["{}", r#"{"n":2,"max_tokens":5}"#, r#"{"n":null}"#] {
            assert_eq!(chat(Wire::OpenAiChat, text), None, "{text}");
        }
        for text in [r#"{"n":"8"}"#, r#"{"n":8.0}"#, r#"{"n":-1}"#] {
            assert_eq!(chat(Wire::OpenAiChat, text).as_deref(), Some("n"), "{text}");
        }
        let odd = r#"{"max_tokens":1,"max_completion_tokens":"9000"}"#;
        assert_eq!(chat(Wire::OpenAiChat, odd).as_deref(), Some("max_completion_tokens"));
        assert_eq!(chat(Wire::OpenAiCompletions, r#"{"best_of":"8"}"#).as_deref(), Some("best_of"));
        assert_eq!(answers(Wire::Gemini, &body(r#"{"generationConfig":{"candidateCount":"\u0038"}}"#)), 8);
        let odd = r#"{"generationConfig":{"candidateCount":"eight"}}"#;
        assert_eq!(chat(Wire::Gemini, odd).as_deref(), Some("generationConfig.candidateCount"));
        let both =
            r#"{"generationConfig":{"maxOutputTokens":1},"generation_config":{"maxOutputTokens":60000}}"#;
        assert_eq!(chat(Wire::Gemini, both).as_deref(), Some("generation_config"));
        let twice = r#"{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":2}}"#;
        assert_eq!(chat(Wire::Gemini, twice).as_deref(), Some("generationConfig"));
        let hidden = r#"{"generateContentRequest":{"contents":[]},"generationConfig":{"maxOutputTokens":1}}"#;
        assert_eq!(chat(Wire::Gemini, hidden).as_deref(), Some("generateContentRequest"));
        assert_eq!(refused(Wire::Gemini, Operation::CountTokens, hidden), None);
    }

    #[test]
    fn a_bound_leaves_room_for_what_is_thought() {
        let least = |wire, text| super::least(wire, &body(text));
        let thinking = r#"{"max_tokens":16000,"thinking":{"type":"enabled","budget_tokens":10000}}"#;
        assert_eq!(least(Wire::AnthropicMessages, thinking), 10_001);
        assert_eq!(least(Wire::OpenAiChat, thinking), 10_001);
        assert_eq!(least(Wire::OpenAiChat, r#"{"reasoning":{"max_tokens":2000}}"#), 2_001);
        assert_eq!(least(Wire::AnthropicMessages, r#"{"thinking":{"type":"adaptive"}}"#), 0);
        assert_eq!(least(Wire::AnthropicMessages, "{}"), 0);
    }

    #[test]
    fn every_answer_counts() {
        let answers = |wire, text| super::answers(wire, &body(text));
        assert_eq!(answers(Wire::OpenAiChat, r#"{"n":3}"#), 3);
        assert_eq!(answers(Wire::OpenAiChat, "{}"), 1);
        assert_eq!(answers(Wire::OpenAiCompletions, r#"{"prompt":["a","b"],"n":2,"best_of":5}"#), 10);
        assert_eq!(answers(Wire::OpenAiCompletions, r#"{"prompt":"a"}"#), 1);
        for four in ["4", "4.0", "4e0", r#""4""#] {
            let text = format!(r#"{{"generationConfig":{{"candidate_count":{four}}}}}"#);
            let body = body::scan(text.into()).unwrap();
            assert_eq!(super::answers(Wire::Gemini, &body), 4);
        }
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
        assert_eq!(
            lower(Wire::Gemini, &body(r#"{"generationConfig":{"topK":1,"maxOutputTokens":50}}"#), 7),
            r#"{"generationConfig":{"topK":1,"maxOutputTokens":7}}"#
        );
        assert_eq!(
            lower(Wire::Gemini, &body(r#"{"contents":[]}"#), 7),
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":7}}"#
        );
    }
}
