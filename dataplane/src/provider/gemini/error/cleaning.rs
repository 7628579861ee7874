//! Cuts out what names the hub's own account with Google.

use serde_json::Value;

use crate::json;

/// What stands before a key or a project, in Google's messages and in the metadata of its details.
const MARKS: [&str; 5] = ["api_key:", "project_number:", "projects/", "project:", "project="];

/// How Google's keys begin, wherever they stand.
const KEY: &str = "AIza";

const CUT: &str = "(left out)";

/// The text without keys and projects.
pub(in crate::provider::gemini) fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let mark = MARKS.into_iter().find(|mark| begins(rest, mark));
        let start = match mark {
            Some(mark) => mark.len(),
            None if rest.starts_with(KEY) => 0,
            None => {
                out.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                continue;
            }
        };
        let (kept, after) = rest.split_at_checked(start).unwrap_or((rest, ""));
        let value = after.find(|letter: char| !is_of_a_name(letter)).unwrap_or(after.len());
        out.push_str(kept);
        if value > 0 {
            out.push_str(CUT);
        }
        rest = after.get(value..).unwrap_or_default();
    }
    out
}

fn begins(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// The whole error event to send in the place of one that names the account, or that is the only item of a list, which
/// Google's own clients do not know for an error; `None` where it can stay as it is, or where it is no error.
pub(in crate::provider::gemini) fn event(data: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(data, b"\"error\"")?;
    let mut scratch = Vec::new();
    let mut value: Value = json::parse(data, &mut scratch).ok()?;
    let only = value.as_array_mut().and_then(|list| (!list.is_empty()).then(|| list.swap_remove(0)));
    let was_listed = only.is_some();
    value = only.unwrap_or(value);
    value.get("error").filter(|error| !error.is_null())?;
    if !clean(&mut value) && !was_listed {
        return None;
    }
    Some(format!("data: {value}\n\n").into_bytes())
}

/// Cleans every text; whether one had to be.
fn clean(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let clean = cleaned(text);
            let changed = clean != *text;
            *text = clean;
            changed
        }
        Value::Array(list) => list.iter_mut().fold(false, |changed, value| clean(value) | changed),
        Value::Object(members) => members.values_mut().fold(false, |changed, value| clean(value) | changed),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_projects_are_cut_out() {
        for (text, clean) in [
            (
                "Permission denied: Consumer 'api_key:AIzaSyA-1_b' has been suspended.",
                "Permission denied: Consumer 'api_key:(left out)' has been suspended.",
            ),
            ("of consumer 'project_number:1234'.", "of consumer 'project_number:(left out)'."),
            ("see ?project=1234&x=1, Projects/ab-1", "see ?project=(left out)&x=1, Projects/(left out)"),
            ("key AIzaSyA-1_b\u{fc}", "key (left out)\u{fc}"),
            ("an \u{fc}\u{2026} api_key: none", "an \u{fc}\u{2026} api_key: none"),
        ] {
            assert_eq!(cleaned(text), clean);
        }
    }

    #[test]
    fn an_event_is_replaced_only_where_it_names_the_account_or_is_a_list() {
        let event = |data: &str| event(data.as_bytes()).map(|event| String::from_utf8(event).unwrap());
        assert_eq!(
            event(r#"{"error":{"code":403,"message":"Consumer \u0027api_key:AIzaX\u0027"}}"#).unwrap(),
            "data: {\"error\":{\"code\":403,\"message\":\"Consumer 'api_key:(left out)'\"}}\n\n"
        );
        assert!(event(r#"[{"error":{"details":[{"metadata":{"consumer":"projects/1"}}]}}]"#).is_some());
        assert_eq!(event(r#"{"error":{"code":503,"message":"overloaded"}}"#), None);
        assert_eq!(event(r#"[{"error":{"code":503}}]"#).unwrap(), "data: {\"error\":{\"code\":503}}\n\n");
        assert_eq!(event(r#"{"candidates":[{"content":{"parts":[{"text":"\"error\" api_key:x"}]}}]}"#), None);
    }
}
