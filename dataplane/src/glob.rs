//! Globs over names, in which `*` stands for any characters.

/// Whether `text` matches `pattern`. Linear in practice: backtracks to the last `*` only.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&expected) if expected == byte => {
                p += 1;
                t += 1;
            }
            _ => match last_star {
                Some((star, matched)) => {
                    last_star = Some((star, matched + 1));
                    p = star + 1;
                    t = matched + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("openai/*", "openai/gpt-5-mini", true),
            ("openai/*", "anthropic/claude", false),
            ("*/gpt-*-mini", "openai/gpt-5-mini", true),
            ("*/gpt-*-mini", "openai/gpt-5-nano", false),
            ("a*b*c", "abbbcbc", true),
            ("a*b*c", "abbb", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
