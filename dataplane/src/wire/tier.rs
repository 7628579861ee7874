//! The service tier that a request asks for: one that has a price of its own must be in the price sheet.

use super::{BadRequest, Wire, fields::bad};
use crate::{body::Body, chat::Raw, json, usage::Word};

/// What a request says of the tier that is to serve it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// Nothing, or that the provider may choose.
    #[default]
    Any,
    /// The one that the model's own rates are for.
    Plain,
    /// Another.
    Priced(Priced),
}

/// A tier with a price of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// As price sheets and `OpenAI` name it: in small letters; `priority` where `fast` is asked for, which is the same.
    pub name: Word,
    /// The field that it stands in.
    pub field: &'static str,
    /// What may always stand there.
    pub free: &'static [&'static str],
}

/// Reads it. Refuses what a provider might read and we do not.
pub fn asked(wire: Wire, body: &Body) -> Result<Tier, BadRequest> {
    let said = fields(wire).iter().filter_map(|field| Some((*field, body.raw(field)?)));
    let mut said = said.filter(|(_, raw)| *raw != "null");
    match (said.next(), said.next()) {
        (None, _) => Ok(Tier::Any),
        (Some((field, raw)), None) => read(wire, field, raw),
        (Some((first, _)), Some((field, _))) => {
            Err(bad(field, format!("stands beside `{first}`, which means the same")))
        }
    }
    .map_err(BadRequest::named)
}

/// The field as `OpenAI` has it; `None` where the provider may choose.
pub(super) fn as_openai(wire: Wire, field: &str, raw: &str) -> Result<Option<(String, Raw)>, BadRequest> {
    let field = fields(wire).iter().find(|known| **known == field).copied().unwrap_or_default();
    let tier = read(wire, field, raw)?;
    let word = match &tier {
        Tier::Any => return Ok(None),
        Tier::Plain => "default",
        Tier::Priced(priced) => priced.name.as_str(),
    };
    Ok(Raw::parse(&json::quoted(word)).map(|word| ("service_tier".to_owned(), word)))
}

/// Google reads either spelling.
fn fields(wire: Wire) -> &'static [&'static str] {
    if wire == Wire::Gemini { &["serviceTier", "service_tier"] } else { &["service_tier"] }
}

fn read(wire: Wire, field: &'static str, raw: &str) -> Result<Tier, BadRequest> {
    let word: String = serde_json::from_str(raw).map_err(|_| bad(field, "must be a text"))?;
    let (free, word): (&[_], _) = match wire {
        Wire::Gemini => {
            let word = word.to_ascii_lowercase();
            (
                &["standard", "unspecified"],
                word.strip_prefix("service_tier_").map(str::to_owned).unwrap_or(word),
            )
        }
        Wire::AnthropicMessages => (&["auto", "standard_only"], word),
        Wire::OpenAiChat | Wire::OpenAiCompletions | Wire::OpenAiResponses => {
            (&["auto", "default"], if word == "fast" { "priority".to_owned() } else { word })
        }
    };
    Ok(match word.as_str() {
        "auto" if free.contains(&"auto") => Tier::Any,
        free_word if free.contains(&free_word) => Tier::Plain,
        _ if wire == Wire::AnthropicMessages => {
            return Err(bad(
                field,
                "must be auto or standard_only: nobody can ask for another tier in this format",
            ));
        }
        _ => Tier::Priced(Priced { name: Word::new(&word), field, free }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    fn of(wire: Wire, text: &str) -> Result<Tier, Option<String>> {
        asked(wire, &body::scan(text.to_owned().into()).unwrap()).map_err(|error| error.param)
    }

    fn name(tier: Tier) -> Option<Word> {
        if let Tier::Priced(priced) = tier { Some(priced.name) } else { None }
    }

    #[test]
    fn each_wire_has_its_words() {
        for (wire, text, tier) in [
            (Wire::OpenAiChat, "{}", Tier::Any),
            (Wire::OpenAiChat, r#"{"service_tier":null}"#, Tier::Any),
            (Wire::OpenAiResponses, r#"{"service_tier":"auto"}"#, Tier::Any),
            (Wire::OpenAiCompletions, r#"{"service_tier":"default"}"#, Tier::Plain),
            (Wire::OpenAiChat, r#"{"serviceTier":"flex"}"#, Tier::Any),
            (Wire::AnthropicMessages, r#"{"service_tier":"standard_only"}"#, Tier::Plain),
            (Wire::Gemini, r#"{"serviceTier":"STANDARD"}"#, Tier::Plain),
            (Wire::Gemini, r#"{"service_tier":"SERVICE_TIER_UNSPECIFIED"}"#, Tier::Plain),
        ] {
            assert_eq!(of(wire, text), Ok(tier), "{text}");
        }
        for (wire, text, asked) in [
            (Wire::OpenAiChat, r#"{"service\u005ftier":"fle\u0078"}"#, "flex"),
            (Wire::OpenAiResponses, r#"{"service_tier":"fast"}"#, "priority"),
            (Wire::Gemini, r#"{"serviceTier":"SERVICE_TIER_FLEX"}"#, "flex"),
            (Wire::Gemini, r#"{"service_tier":"Priority"}"#, "priority"),
        ] {
            assert_eq!(name(of(wire, text).unwrap()), Some(Word::new(asked)), "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        assert_eq!(of(Wire::OpenAiChat, r#"{"service_tier":["flex"]}"#), Err(Some("service_tier".into())));
        let priority = r#"{"service_tier":"priority"}"#;
        assert_eq!(of(Wire::AnthropicMessages, priority), Err(Some("service_tier".into())));
        assert_eq!(of(Wire::Gemini, r#"{"serviceTier":2}"#), Err(Some("serviceTier".into())));
        let both = r#"{"serviceTier":"standard","service_tier":"flex"}"#;
        assert_eq!(of(Wire::Gemini, both), Err(Some("service_tier".into())));
    }
}
