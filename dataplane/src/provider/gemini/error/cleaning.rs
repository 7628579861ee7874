//! Error events without what names the hub's own account with Google.

use serde_json::Value;

use crate::{json, provider::cleaning::cleaned};

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
