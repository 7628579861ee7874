//! Marks of the prompt cache: one lifetime is priced, so others are refused.

use crate::{
    json::{Token, skim},
    provider::Refusal,
};

/// Refuses a `cache_control` that asks for another lifetime than the one that is priced.
pub(super) fn check(json: &[u8]) -> Result<(), Refusal> {
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
