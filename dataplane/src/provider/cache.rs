//! Marks of the prompt cache: one lifetime is priced, so others are refused.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use crate::{json, provider::Refusal};

/// Refuses a mark that asks for another lifetime than the one that is priced, wherever it stands.
pub(super) fn check(body: &[u8]) -> Result<(), Refusal> {
    // Without an escape, a name stands as it is.
    if memchr::memmem::find(body, b"ttl").is_none() && memchr::memmem::find(body, b"\\u").is_none() {
        return Ok(());
    }
    let mut scratch = Vec::new();
    match json::parse::<Found>(body, &mut scratch) {
        Ok(Found(None)) => Ok(()),
        Ok(Found(Some(mark))) => Err(refusal(mark)),
        Err(error) => Err(Refusal {
            field: "cache_control".to_owned(),
            message: format!("the body cannot be searched for `cache_control`: {error}"),
        }),
    }
}

fn refusal(Mark { name, may }: Mark) -> Refusal {
    let field = format!("{name}.ttl");
    let may = may.map_or("may not be set".to_owned(), |may| format!("may only be `{may}`"));
    let message =
        format!("`{field}` {may}: other cache lifetimes have their own price, which this hub does not allow");
    Refusal { field, message }
}

/// A member that marks what is to be cached.
#[derive(Clone, Copy)]
struct Mark {
    name: &'static str,
    /// The lifetime that may be asked for, which is the one that is had without asking.
    may: Option<&'static str>,
}

/// Anthropic's mark, and `OpenAI`'s.
const MARKS: [Mark; 2] =
    [Mark { name: "cache_control", may: Some("5m") }, Mark { name: "prompt_cache_breakpoint", may: None }];

/// The first mark that asks for a lifetime which is not priced.
struct Found(Option<Mark>);

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = None;
        Look { within: None, lifetime: None, found: &mut found }.deserialize(deserializer)?;
        Ok(Self(found))
    }
}

/// Looks through one value.
struct Look<'a> {
    /// The mark that this value is.
    within: Option<Mark>,
    /// The mark whose lifetime this value is.
    lifetime: Option<Mark>,
    found: &'a mut Option<Mark>,
}

impl Look<'_> {
    /// A value that is no text.
    fn other(&mut self) {
        *self.found = self.found.or(self.lifetime);
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_i64<E>(mut self, _: i64) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_u64<E>(mut self, _: u64) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_f64<E>(mut self, _: f64) -> Result<(), E> {
        self.other();
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        if self.lifetime.is_some_and(|mark| mark.may != Some(text)) {
            self.other();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.other();
        while list.next_element_seed(Look { within: None, lifetime: None, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        self.other();
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            let within = MARKS.into_iter().find(|mark| mark.name == name);
            let lifetime = self.within.filter(|_| name == "ttl");
            members.next_value_seed(Look { within, lifetime, found: self.found })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn no_member_hides_a_lifetime() {
        for (mark, field) in [
            (r#""cache_control":{"type":"ephemeral","ttl":"1h"}"#, "cache_control.ttl"),
            (r#""cache_control":{"type":"ephemeral","scope":"global","ttl":"1h"}"#, "cache_control.ttl"),
            (r#""cache_control":{"a":[{"b":{}}],"ttl":"1h"}"#, "cache_control.ttl"),
            (r#""cache_control":{"ttl":"5m","ttl":"1h"}"#, "cache_control.ttl"),
            (r#""cache_control":{"ttl":3600}"#, "cache_control.ttl"),
            (r#""cache_control":{"ttl":["1h"]}"#, "cache_control.ttl"),
            (r#""cache_control":{"\u0074tl":"1\u0068"}"#, "cache_control.ttl"),
            (r#""cache\u005fcontrol":{"ttl":"1h"}"#, "cache_control.ttl"),
            (r#""prompt_cache_breakpoint":{"mode":"explicit","ttl":"12h"}"#, "prompt_cache_breakpoint.ttl"),
        ] {
            for body in [format!("{{{mark}}}"), format!(r#"{{"m":[{{"c":[{{"a":1,{mark}}}]}}]}}"#)] {
                assert_eq!(check(body.as_bytes()).unwrap_err().field, field, "{body}");
            }
        }
    }

    #[test]
    fn the_priced_lifetime_and_what_is_no_mark_pass() {
        for body in [
            r#"{"cache_control":{"type":"ephemeral","ttl":"5m"},"x":{"ttl":"1h"}}"#,
            r#"{"cache_control":{"type":"ephemeral","ttl":null,"y":{"ttl":"1h"}}}"#,
            r#"{"cache_control":null,"ttl":"1h"}"#,
            r#"{"text":"\"cache_control\":{\"ttl\":\"1h\"} \ud83c"}"#,
            r#"{"prompt_cache_breakpoint":{"mode":"explicit"},"ttl":1}"#,
        ] {
            check(body.as_bytes()).unwrap();
        }
    }
}
