//! The items of a relayed `input`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    body::{self, Edit},
    chat::Sealed,
    json,
    provider::{
        Refusal,
        stored::{self, Found},
    },
};

/// Items that mean only what they say. Others refer to what is stored, or belong to tools that the provider runs.
const KNOWN: [&str; 14] = [
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "computer_call",
    "computer_call_output",
    "compaction",
    "compaction_summary",
];

/// Items of a provider's own thoughts: without the sealed text, their id stands for what is stored.
const THOUGHTS: [&str; 3] = ["reasoning", "compaction", "compaction_summary"];

#[derive(Deserialize)]
struct Item {
    r#type: Option<String>,
    role: Option<String>,
    encrypted_content: Option<String>,
    id: Option<IgnoredAny>,
}

/// Refuses items that refer to what is stored. The text to send instead, where reasoning must be left out that the
/// hub sealed for a provider of another kind.
pub(super) fn check(raw: &str) -> Result<Option<String>, Refusal> {
    let refuse = |field: String, message: &str| {
        let message = format!("`{field}` {message}");
        Err(Refusal { field, message })
    };
    if !raw.starts_with('[') {
        if raw.starts_with('"') {
            return Ok(None);
        }
        return refuse("input".to_owned(), "must be a text or a list of items");
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        return refuse("input".to_owned(), "cannot be read as a list of items");
    };
    let mut kept = Vec::with_capacity(items.len());
    let mut changed = false;
    for (index, text) in items.into_iter().enumerate() {
        let unreadable = || refuse(format!("input[{index}]"), "cannot be read as an item");
        let bytes = text.get().as_bytes();
        let (mut scratch, mut again) = (Vec::new(), Vec::new());
        let (Ok(item), Ok(found)) =
            (json::parse::<Item>(bytes, &mut scratch), json::parse::<Found>(bytes, &mut again))
        else {
            return unreadable();
        };
        match Known::of(&item, found) {
            Known::Yes => kept.push(Cow::Borrowed(text.get())),
            Known::Foreign => changed = true,
            Known::Stored => {
                let Ok(item) = body::scan(Bytes::copy_from_slice(bytes)) else { return unreadable() };
                let item = body::apply(&item, &[Edit::Remove("id")]);
                kept.push(Cow::Owned(String::from_utf8_lossy(&item).into_owned()));
                changed = true;
            }
            Known::File => {
                return Err(stored::file(&format!("input[{index}]")));
            }
            Known::No => {
                return refuse(
                    format!("input[{index}].type"),
                    "refers to an item in the provider's account, which all tenants share, or belongs to a tool \
                     that the provider runs: this hub does not allow it; send the item itself (SDKs do so with \
                     `store: false`)",
                );
            }
        }
    }
    Ok(changed.then(|| format!("[{}]", kept.join(","))))
}

/// What becomes of an item.
enum Known {
    Yes,
    No,
    /// It refers to a file.
    File,
    /// Reasoning of a provider of another kind.
    Foreign,
    /// Its id would be read for what is stored; what it says itself may be sent.
    Stored,
}

impl Known {
    fn of(item: &Item, found: Found) -> Self {
        let kind = item.r#type.as_deref().or_else(|| item.role.as_ref().map(|_| "message"));
        let Some(kind) = kind.filter(|kind| KNOWN.contains(kind)) else { return Self::No };
        if found.file {
            return Self::File;
        }
        let sealed = item.encrypted_content.as_deref().filter(|sealed| !sealed.trim().is_empty());
        match sealed {
            Some(sealed) if Sealed::open(sealed).is_some() => Self::Foreign,
            None if THOUGHTS.contains(&kind) && item.id.is_some() => Self::Stored,
            _ => Self::Yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_stored_cannot_be_referred_to() {
        for item in [
            r#"{"type":"item_reference","id":"msg_1"}"#,
            r#"{"id":"msg_1"}"#,
            r#"{"type":"web_search_call","id":"ws_1"}"#,
            r#"{"type":"additional_tools","role":"developer","tools":[{"type":"web_search"}]}"#,
        ] {
            assert_eq!(check(&format!("[{item}]")).unwrap_err().field, "input[0].type", "{item}");
        }
        for part in
            [r#""content":[{"type":"input_file","file_id":"f"}]"#, r#""content":[{"file\u005fid":"f"}]"#]
        {
            let error = check(&format!(r#"[{{"role":"user",{part}}}]"#)).unwrap_err();
            assert_eq!(error.field, "input[0].file_id");
        }
        for item in [
            r#"{"type":"computer_call_output","output":{"type":"computer_screenshot","file_id":"file-x"}}"#,
            r#"{"role":"user","content":[{"type":"input_file","file_id":"file-x","file_id":"file-x"}]}"#,
            r#"{"role":"user","content":[{"type":"input_file","file_id":"file-x","file_id":null}]}"#,
            r#"{"type":"function_call_output","call_id":"c","output":[[{"a":{"file_id":["file-x"]}}]]}"#,
        ] {
            assert_eq!(check(&format!("[{item}]")).unwrap_err().field, "input[0].file_id", "{item}");
        }
        for unreadable in [r#"{"role":"user","role":"user"}"#, r#""text""#, "7"] {
            assert_eq!(check(&format!("[{unreadable}]")).unwrap_err().field, "input[0]", "{unreadable}");
        }
        check("7").unwrap_err();
        check("[1,").unwrap_err();
    }

    #[test]
    fn the_id_of_a_thought_that_is_not_there_itself_is_cut_out() {
        for (item, sent) in [
            (r#"{"type":"reasoning","id":"rs_1","summary":[]}"#, r#"{"type":"reasoning","summary":[]}"#),
            (
                r#"{"type":"reasoning","\u0069d":"rs_1","encrypted_content":""}"#,
                r#"{"type":"reasoning","encrypted_content":""}"#,
            ),
            (
                r#"{"type":"compaction","id":"c_1","encrypted_content":null}"#,
                r#"{"type":"compaction","encrypted_content":null}"#,
            ),
        ] {
            let all = format!(r#"[{{"role":"user","content":"a"}},{item}]"#);
            assert_eq!(check(&all).unwrap().unwrap(), format!(r#"[{{"role":"user","content":"a"}},{sent}]"#));
        }
    }

    #[test]
    fn what_says_all_itself_passes_untouched() {
        for input in [
            r#""Hi""#,
            r#"[{"role":"user","content":"file_id item_reference"}]"#,
            r#"[{"role":"user","content":[{"type":"input_image","image_url":"https://x","file_id":null}]}]"#,
            r#"[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},{"type":"function_call","call_id":"c","name":"f","arguments":"{\"file_id\":\"x\"}"},{"type":"function_call_output","call_id":"c","output":"\ud83c"}]"#,
        ] {
            assert_eq!(check(input).unwrap(), None, "{input}");
        }
    }

    #[test]
    fn what_the_hub_sealed_is_left_out() {
        let input = r#"[ {"role":"user","content":"a"}, {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"aigne-hub.thinking.c2ln"} ]"#;
        assert_eq!(check(input).unwrap().unwrap(), r#"[{"role":"user","content":"a"}]"#);
    }
}
