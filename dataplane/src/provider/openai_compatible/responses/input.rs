//! The items of a relayed `input`.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{chat::Sealed, json, provider::Refusal};

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

#[derive(Deserialize)]
struct Item<'a> {
    r#type: Option<String>,
    role: Option<String>,
    encrypted_content: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part {
    file_id: Option<serde::de::IgnoredAny>,
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
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else { return Ok(None) };
    let mut kept = Vec::with_capacity(items.len());
    let all = items.len();
    for (index, text) in items.into_iter().enumerate() {
        let Ok(item) =
            json::parse::<Item<'_>>(text.get().as_bytes(), &mut Vec::new()).map(|item| Known::of(&item))
        else {
            return refuse(format!("input[{index}]"), "cannot be read as an item");
        };
        match item {
            Known::Yes => kept.push(text.get()),
            Known::Foreign => {}
            Known::File => {
                return refuse(
                    format!("input[{index}].content.file_id"),
                    "names a file in the provider's account, which all tenants share: send its data instead",
                );
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
    if kept.len() == all {
        return Ok(None);
    }
    Ok(Some(format!("[{}]", kept.join(","))))
}

/// What becomes of an item.
enum Known {
    Yes,
    No,
    /// It refers to a file.
    File,
    /// Reasoning of a provider of another kind.
    Foreign,
}

impl Known {
    fn of(item: &Item<'_>) -> Self {
        let kind = item.r#type.as_deref().or_else(|| item.role.as_ref().map(|_| "message"));
        if !kind.is_some_and(|kind| KNOWN.contains(&kind)) {
            return Self::No;
        }
        let refers = |raw: &RawValue| {
            serde_json::from_str::<Vec<Part>>(raw.get())
                .is_ok_and(|parts| parts.iter().any(|part| part.file_id.is_some()))
        };
        if item.content.is_some_and(refers) || item.output.is_some_and(refers) {
            return Self::File;
        }
        match item.encrypted_content.as_deref().and_then(Sealed::open) {
            Some(_) => Self::Foreign,
            None => Self::Yes,
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
            assert_eq!(error.field, "input[0].content.file_id");
        }
        check("7").unwrap_err();
    }

    #[test]
    fn what_says_all_itself_passes_untouched() {
        for input in [
            r#""Hi""#,
            r#"[{"role":"user","content":"file_id item_reference"}]"#,
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
