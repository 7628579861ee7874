//! Lone surrogate escapes.

/// The text with each `\uXXXX` that is half a surrogate pair replaced by `\ufffd`; `None` where there is none.
pub(crate) fn without_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        match unit(text, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(text, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                let copy = mended.get_or_insert_with(|| text.to_vec());
                if let Some(digits) = copy.get_mut(at + 2..at + 6) {
                    digits.copy_from_slice(b"fffd");
                }
                at += 6;
            }
            // Any other escape; the character after the backslash may itself be a backslash.
            _ => at += 2,
        }
    }
    mended
}

/// The code unit of the `\uXXXX` at this place.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mend(text: &str) -> String {
        without_lone_surrogates(text.as_bytes())
            .map_or_else(|| text.to_owned(), |mended| String::from_utf8(mended).unwrap())
    }

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        assert_eq!(mend(r#""\ud83c""#), r#""\ufffd""#);
        assert_eq!(mend(r#""\uDF89 and \ud83c\udf89""#), r#""\ufffd and \ud83c\udf89""#);
        assert_eq!(mend(r#""\ud83c\ud83c\udf89""#), r#""\ufffd\ud83c\udf89""#);
        assert_eq!(mend(r#""\\ud83c""#), r#""\\ud83c""#, "an escaped backslash, not an escape");
        assert_eq!(mend(r#""\ud8"#), r#""\ud8"#);
    }
}
