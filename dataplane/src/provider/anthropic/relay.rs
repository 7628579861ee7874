//! Verbatim: what must change in a client's body: only the model's name.

use super::{RULES, TOOLS};
use crate::{
    body::{Body, Edit},
    json::{self, Token, skim},
    provider::{Asked, Refusal, Target, rules},
};

pub(super) fn relay(body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, RULES, TOOLS)?;
    if !matches!(body.raw("stream"), None | Some("true" | "false" | "null")) {
        return Err(Refusal {
            field: "stream".to_owned(),
            message: "`stream` must be true or false".to_owned(),
        });
    }
    check_cache(body.bytes())?;
    let model = json::quoted(&target.model.upstream_model);
    let edits =
        if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] };
    Ok((edits, Asked::default()))
}

/// Refuses a `cache_control` that asks for another lifetime than the one that is priced.
pub(super) fn check_cache(json: &[u8]) -> Result<(), Refusal> {
    if !has_long_cache(json) {
        return Ok(());
    }
    Err(Refusal {
        field: "cache_control.ttl".to_owned(),
        message: "`cache_control.ttl` may only be `5m`: other cache lifetimes have their own price, which this hub does not \
                  allow"
            .to_owned(),
    })
}

/// Whether some `cache_control` asks for another lifetime than the one that is priced.
fn has_long_cache(json: &[u8]) -> bool {
    if memchr::memmem::find(json, b"ttl").is_none() && memchr::memmem::find(json, b"\\u").is_none() {
        return false;
    }
    let mut inside = false;
    let mut found = false;
    skim(json, |token| match token {
        Token::Name(name) => {
            let name = unescaped(name);
            inside = name == "cache_control" || (inside && matches!(name.as_ref(), "type" | "ttl"));
        }
        Token::Text { name, text } => found |= inside && unescaped(name) == "ttl" && unescaped(text) != "5m",
    });
    found
}

/// A name as the provider reads it, escapes included.
fn unescaped(text: &[u8]) -> std::borrow::Cow<'_, str> {
    if text.contains(&b'\\') {
        let quoted = [b"\"", text, b"\""].concat();
        return serde_json::from_slice::<String>(&quoted).unwrap_or_default().into();
    }
    String::from_utf8_lossy(text)
}
