//! Marks of the prompt cache: one lifetime is priced, so others are refused.

use super::{
    Refusal,
    deep::{self, Seen, Verdict},
};

/// Refuses a mark that asks for another lifetime than the one that is priced: Anthropic's `cache_control`, and `OpenAI`'s
/// `prompt_cache_breakpoint`.
pub(super) fn check(json: &[u8]) -> Result<(), Refusal> {
    if !deep::may_hold(json, &["\"ttl\""]) {
        return Ok(());
    }
    let refuse = |field: &str, message: String| Err(Refusal { field: field.to_owned(), message });
    for (field, only, judge) in [
        ("cache_control.ttl", "5m", of_anthropic as deep::Judge),
        ("prompt_cache_breakpoint.ttl", "30m", of_openai),
    ] {
        match deep::refused(json, judge) {
            Ok(None) => {}
            Ok(Some(_)) => {
                return refuse(
                    field,
                    format!(
                        "`{field}` may only be `{only}`: other cache lifetimes have their own price, which this hub does not \
                         allow"
                    ),
                );
            }
            Err(error) => return refuse(field, format!("`{field}` cannot be read: {error}")),
        }
    }
    Ok(())
}

fn of_anthropic(parent: &str, name: &str, value: Seen<'_>) -> Verdict {
    judge("cache_control", "5m", (parent, name), value)
}

fn of_openai(parent: &str, name: &str, value: Seen<'_>) -> Verdict {
    judge("prompt_cache_breakpoint", "30m", (parent, name), value)
}

fn judge(mark: &str, only: &str, place: (&str, &str), value: Seen<'_>) -> Verdict {
    match place {
        // The arguments of a call.
        ("content", "input") => Verdict::Own,
        (parent, "ttl") if parent == mark && value != Seen::Null && value != Seen::Text(only) => {
            Verdict::Refused
        }
        _ => Verdict::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lifetime_is_priced() {
        for (json, field) in [
            (r#"{"cache_control":{"type":"ephemeral","ttl":"1h"}}"#, "cache_control.ttl"),
            (r#"{"a":[{"cache_control":{"x":{"y":[1]},"t\u0074l":"1h"}}]}"#, "cache_control.ttl"),
            (r#"{"cache_control":{"ttl":"5m","ttl":"1h"}}"#, "cache_control.ttl"),
            (r#"{"cache_control":{"ttl":3600}}"#, "cache_control.ttl"),
            (r#"{"input":[{"prompt_cache_breakpoint":{"ttl":"12h"}}]}"#, "prompt_cache_breakpoint.ttl"),
        ] {
            assert_eq!(check(json.as_bytes()).unwrap_err().field, field, "{json}");
        }
        for fine in [
            r#"{"cache_control":{"type":"ephemeral","ttl":"5m"},"ttl":"1h"}"#,
            r#"{"cache_control":{"type":"ephemeral","ttl":null}}"#,
            r#"{"messages":[{"content":[{"input":{"cache_control":{"ttl":"1h"}}}]}]}"#,
            r#"{"prompt_cache_breakpoint":{"mode":"explicit","ttl":"30m"}}"#,
        ] {
            check(fine.as_bytes()).unwrap();
        }
    }
}
