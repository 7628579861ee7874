//! What lies in a provider's account is shared by all tenants: whoever names it gets what it means. So no request may.

use super::{
    Refusal,
    deep::{self, Seen, Verdict},
};

/// Why, for refusals.
pub(super) const STORED: &str = "means what is stored in the provider's account, which all tenants share";

/// Refuses a list of messages that names files (`file_id`) or earlier sounds (`audio.id`).
pub(super) fn check(field: &str, raw: &str) -> Result<(), Refusal> {
    if !deep::may_hold(raw.as_bytes(), &["\"file_id\"", "\"audio\""]) {
        return Ok(());
    }
    match deep::refused(raw.as_bytes(), judge) {
        Ok(None) => Ok(()),
        Ok(Some(path)) => {
            let field = format!("{field}{path}");
            let message = format!("`{field}` {STORED}: send its data instead");
            Err(Refusal { field, message })
        }
        Err(error) => {
            Err(Refusal { field: field.to_owned(), message: format!("`{field}` cannot be read: {error}") })
        }
    }
}

pub(super) fn judge(parent: &str, name: &str, value: Seen<'_>) -> Verdict {
    match (parent, name, value) {
        // The arguments of a call.
        ("content", "input", _) => Verdict::Own,
        (_, "file_id", Seen::Null) | ("audio", "id", Seen::Null) => Verdict::Fine,
        (_, "file_id", _) | ("audio", "id", _) => Verdict::Refused,
        _ => Verdict::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_stored_can_be_named() {
        for (messages, field) in [
            (
                r#"[{"content":[{"type":"file","file":{"file_id":"file-1"}}]}]"#,
                "m[0].content[0].file.file_id",
            ),
            (
                r#"[{"content":[{"type":"image","source":{"type":"file","file\u005fid":"file_1"}}]}]"#,
                "m[0].content[0].source.file_id",
            ),
            (r#"[{"content":[{"type":"container_upload","file_id":"f"}]}]"#, "m[0].content[0].file_id"),
            (
                r#"[{"content":[{"content":[{"source":{"file_id":"f"}}]}]}]"#,
                "m[0].content[0].content[0].source.file_id",
            ),
            (r#"[{"role":"assistant","audio":{"id":"audio_1"}}]"#, "m[0].audio.id"),
            (r#"[{"input":[{"file_id":"f"}]}]"#, "m[0].input[0].file_id"),
            (r#"[{"file_id":"f"},"#, "m"),
        ] {
            assert_eq!(check("m", messages).unwrap_err().field, field, "{messages}");
        }
        for fine in [
            r#"[{"content":"file_id"}]"#,
            r#"[{"content":[{"type":"file","file":{"file_id":null,"file_data":"data:x"}}],"audio":null}]"#,
            r#"[{"content":[{"type":"tool_use","input":{"file_id":"the client's own"}}]}]"#,
            r#"[{"content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]"#,
        ] {
            check("m", fine).unwrap();
        }
    }
}
