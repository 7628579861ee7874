//! Model globs: `*` stands for any characters, also none.

/// Whether all of `text` matches `glob`.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let Some((prefix, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut text) = text.strip_prefix(prefix) else { return false };
    let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        // The leftmost place leaves the most for the parts that follow.
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn star_is_any_run_of_characters() {
        for (glob, text) in [
            ("gpt-5", "gpt-5"),
            ("*", ""),
            ("*", "anything"),
            ("**", "x"),
            ("gpt-*", "gpt-"),
            ("gpt-*", "gpt-5-mini"),
            ("*-mini", "gpt-5-mini"),
            ("g*5*i", "gpt-5-mini"),
            ("*5*", "gpt-5"),
            ("a*b*b", "abb"),
        ] {
            assert!(matches(glob, text), "{glob} {text}");
        }
    }

    #[test]
    fn all_of_the_text_must_match() {
        for (glob, text) in [
            ("gpt-5", "gpt-5-mini"),
            ("gpt-5", ""),
            ("", "x"),
            ("gpt-*", "gpt"),
            ("*-mini", "gpt-5-mini-2"),
            ("ab*ba", "aba"),
            ("a*b*b", "ab"),
            ("*x*y*", "yx"),
        ] {
            assert!(!matches(glob, text), "{glob} {text}");
        }
    }
}
