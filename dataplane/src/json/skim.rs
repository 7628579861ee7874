//! One pass over a JSON text that we don't check, to see which names and strings it holds.

/// What a skim finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A member's name, as it is written.
    Name(&'a [u8]),
    /// A string value (still escaped) and the name of the member that it was last seen after.
    Text { name: &'a [u8], text: &'a [u8] },
}

/// Calls `found` for each name and string. Makes no sense of text that is not JSON, and never fails on it.
pub(crate) fn skim<'a>(text: &'a [u8], mut found: impl FnMut(Token<'a>)) {
    let mut name: &[u8] = b"";
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'"')) {
        let start = at + start + 1;
        let end = string_end(text, start);
        let piece = text.get(start..end).unwrap_or_default();
        at = end + 1;
        let mut next = at;
        while text.get(next).is_some_and(u8::is_ascii_whitespace) {
            next += 1;
        }
        if text.get(next) == Some(&b':') {
            name = piece;
            at = next + 1;
            found(Token::Name(name));
        } else {
            found(Token::Text { name, text: piece });
        }
    }
}

/// Where the string that starts here ends: at its quote, or at the text's end.
fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        at += text.get(at..).map_or(0, super::plain_run);
        match text.get(at) {
            Some(b'"') => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_strings_are_told_apart() {
        let mut seen = Vec::new();
        skim(br#"{"a": {"b" :"x\"y:"}, "c": ["d", 1], "e": null}"#, |token| {
            seen.push(match token {
                Token::Name(name) => format!("{}:", String::from_utf8_lossy(name)),
                Token::Text { name, text } => {
                    format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(text))
                }
            });
        });
        assert_eq!(seen, ["a:", "b:", r#"b=x\"y:"#, "c:", "c=d", "e:"]);
    }

    proptest! {
        #[test]
        fn anything_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            skim(&bytes, |_| ());
        }
    }
}
