//! Looks for members at any depth of a value, in one pass, as often as a name stands there.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::json;

/// A member's value, as far as it matters to a [`Judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    Null,
    Text(&'a str),
    /// A number, `true`, `false`, a list or an object.
    Other,
}

/// What is thought of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What is in it is looked at.
    Fine,
    /// It is the client's own, and means nothing to the provider: what is in it is not looked at.
    Own,
    Refused,
}

/// Judges a member by the name of the member that it lies in (empty at the top; lists count as what they are the value
/// of), by its own name, and by its value.
pub(super) type Judge = fn(parent: &str, name: &str, value: Seen<'_>) -> Verdict;

/// Whether some of these names (in their quotes) may stand in a JSON text: a look at the bytes. It errs on the side of yes.
pub(super) fn may_hold(text: &[u8], names: &[&str]) -> bool {
    let written = |name: &&str| memchr::memmem::find(text, name.as_bytes()).is_some();
    names.iter().any(written) || json::has_escaped_letter(text)
}

/// The path to the first member that is refused, as it follows the value's own name: `[1].content[0].file_id`, or
/// `.file_id` of an object. An error where the text cannot be read.
pub(super) fn refused(text: &[u8], judge: Judge) -> Result<Option<String>, serde_json::Error> {
    let look = |text: &[u8]| {
        let mut reader = serde_json::Deserializer::from_slice(text);
        Look { parent: "", name: "", judge }.deserialize(&mut reader)
    };
    let found = match look(text) {
        Err(error) => match json::without_lone_surrogates(text) {
            Some(mended) => look(&mended)?,
            None => return Err(error),
        },
        Ok(found) => found,
    };
    Ok(found)
}

/// Looks at one value.
#[derive(Clone, Copy)]
struct Look<'n> {
    parent: &'n str,
    name: &'n str,
    judge: Judge,
}

/// The path below a value to what is refused there.
type Found = Option<String>;

impl Look<'_> {
    fn leaf(self, value: Seen<'_>) -> Found {
        self.is_refused(value).then(String::new)
    }

    /// The top has no name and cannot be refused.
    fn is_refused(self, value: Seen<'_>) -> bool {
        !self.name.is_empty() && (self.judge)(self.parent, self.name, value) == Verdict::Refused
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Found;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(self.leaf(Seen::Null))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(self.leaf(Seen::Other))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(self.leaf(Seen::Other))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(self.leaf(Seen::Other))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(self.leaf(Seen::Other))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(self.leaf(Seen::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let mut found = self.leaf(Seen::Other);
        let mut index = 0;
        while let Some(below) = list.next_element_seed(self)? {
            found = found.or(below.map(|path| format!("[{index}]{path}")));
            index += 1;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found, A::Error> {
        let mut found = self.leaf(Seen::Other);
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            let below = Look { parent: self.name, name: &name, judge: self.judge };
            let below = match (self.judge)(below.parent, below.name, Seen::Other) {
                Verdict::Own => members.next_value::<IgnoredAny>().map(|_| None)?,
                _ => members.next_value_seed(below)?,
            };
            found = found.or(below.map(|path| format!(".{name}{path}")));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(parent: &str, name: &str, value: Seen<'_>) -> Verdict {
        match (parent, name, value) {
            ("own", "x", _) => Verdict::Own,
            (_, "id", Seen::Null) => Verdict::Fine,
            (_, "id", _) | ("in", "text", Seen::Text("no")) => Verdict::Refused,
            _ => Verdict::Fine,
        }
    }

    #[test]
    fn members_are_found_wherever_and_however_they_are_written() {
        for (text, path) in [
            (r#"[{"a":1},{"b":[[{"id":"x"}]]}]"#, Some("[1].b[0][0].id")),
            (r#"{"\u0069d":7}"#, Some(".id")),
            (r#"{"id":{"deep":[]}}"#, Some(".id")),
            (r#"{"id":["x"]}"#, Some(".id")),
            (r#"{"id":null,"id":"x"}"#, Some(".id")),
            (r#"{"in":[{"text":"yes"},{"text":"no"}]}"#, Some(".in[1].text")),
            (r#"{"text":"no","in":{"text":"\ud83c"},"id":null}"#, None),
            (r#"{"own":[{"x":{"id":"x"}}]}"#, None),
            (r#""id""#, None),
        ] {
            assert_eq!(refused(text.as_bytes(), judge).unwrap().as_deref(), path, "{text}");
        }
        refused(b"[1,", judge).unwrap_err();
    }

    #[test]
    fn a_look_at_the_bytes_errs_on_the_side_of_yes() {
        assert!(may_hold(br#"{"id":1}"#, &["\"x\"", "\"id\""]));
        assert!(may_hold(br#"{"\u0069d":1}"#, &["\"id\""]));
        assert!(!may_hold(br#"{"idea":"\u4f60 id"}"#, &["\"id\""]));
    }
}
