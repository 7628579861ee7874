//! What a provider keeps of files and sounds lies in its account, which all tenants share: whoever names an id gets what it
//! means. So messages that are relayed may name none.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Refusal;
use crate::json;

/// Refuses messages, or parts of one, that refer to what is stored; `field` is their own name.
pub(super) fn check(field: &str, raw: &str) -> Result<(), Refusal> {
    // Without an escape, a name stands as it is.
    let may_name = |word: &str| memchr::memmem::find(raw.as_bytes(), word.as_bytes()).is_some();
    if !["file_id", "\"audio\"", "\\u"].into_iter().any(may_name) {
        return Ok(());
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        // A text refers to nothing.
        return if raw.starts_with('"') { Ok(()) } else { Err(unreadable(field)) };
    };
    for (index, item) in items.into_iter().enumerate() {
        let field = format!("{field}[{index}]");
        let (mut scratch, mut again) = (Vec::new(), Vec::new());
        let bytes = item.get().as_bytes();
        let found = json::parse::<Found>(bytes, &mut scratch).map_err(|_| unreadable(&field))?;
        if found.file {
            return Err(file(&field));
        }
        if !item.get().starts_with('{') {
            continue;
        }
        let said = json::parse::<Said>(bytes, &mut again).map_err(|_| unreadable(&field))?;
        if said.audio.is_some() {
            let field = format!("{field}.audio");
            let message = format!("`{field}` names a sound {SHARED}: send its text instead");
            return Err(Refusal { field, message });
        }
    }
    Ok(())
}

const SHARED: &str = "in the provider's account, which all tenants share";

/// What an assistant said aloud: the id of its sound.
#[derive(Deserialize)]
struct Said {
    audio: Option<IgnoredAny>,
}

/// The refusal of a file's id within this.
pub(super) fn file(within: &str) -> Refusal {
    let field = format!("{within}.file_id");
    let message = format!("`{field}` names a file {SHARED}: send its data instead");
    Refusal { field, message }
}

fn unreadable(field: &str) -> Refusal {
    Refusal { field: field.to_owned(), message: format!("`{field}` cannot be read") }
}

/// Whether a value names a file, at any depth and as often as a name stands there; but for a call's `input`, which is
/// the client's own.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) file: bool,
    null: bool,
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Found;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found { null: true, ..Found::default() })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let mut all = Found::default();
        while let Some(item) = list.next_element::<Found>()? {
            all.file |= item.file;
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found, A::Error> {
        let mut all = Found::default();
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            if name == "input" {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = members.next_value::<Found>()?;
            all.file |= value.file || (name == "file_id" && !value.null);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_stored_cannot_be_referred_to() {
        for (message, field) in [
            (r#"{"role":"assistant","audio":{"id":"audio_1"}}"#, "messages[1].audio"),
            (r#"{"role":"assistant","\u0061udio":{"id":"audio_1"}}"#, "messages[1].audio"),
            (
                r#"{"role":"user","content":[{"type":"file","file":{"file_id":"file-x"}}]}"#,
                "messages[1].file_id",
            ),
            (
                r#"{"role":"user","content":[{"type":"image","source":{"type":"file","file\u005fid":"f"}}]}"#,
                "messages[1].file_id",
            ),
            (
                r#"{"role":"user","content":[{"type":"tool_result","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}"#,
                "messages[1].file_id",
            ),
            (r#"{"role":"user","audio":null,"audio":{"id":"audio_1"}}"#, "messages[1]"),
        ] {
            let all = format!(r#"[{{"role":"user","content":"a"}},{message}]"#);
            assert_eq!(check("messages", &all).unwrap_err().field, field, "{message}");
        }
        check("messages", r#"{"file_id":"f"}"#).unwrap_err();
    }

    #[test]
    fn what_says_all_itself_passes() {
        for messages in [
            r#"[{"role":"user","content":"file_id \"audio\" \ud83c"}]"#,
            r#"[{"role":"assistant","audio":null,"content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":"mine"}}]}]"#,
            r#"[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\"file_id\":\"x\"}"}}]}]"#,
            r#""file_id""#,
        ] {
            check("messages", messages).unwrap();
        }
    }
}
