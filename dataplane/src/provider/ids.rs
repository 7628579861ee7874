//! Tool call ids: those that one provider made and another must accept, and those that a provider does not make.

use std::borrow::Cow;

/// The id as it is, or, where it is too long or holds other characters than ASCII letters, digits, `_` and `-`, one
/// made from it: the same each time, so that calls and results still pair.
pub(super) fn fit(id: &str, most: usize) -> Cow<'_, str> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !id.is_empty() && id.len() <= most && id.chars().all(allowed) {
        return Cow::Borrowed(id);
    }
    // The checksum keeps ids apart that differ only in what was replaced or cut.
    let kept: String = id
        .chars()
        .map(|character| if allowed(character) { character } else { '_' })
        .take(most.saturating_sub(9))
        .collect();
    Cow::Owned(format!("{kept}_{:08x}", crc32fast::hash(id.as_bytes())))
}

/// An id for a tool call that came without one: unique across the turns of a conversation where `response` is (an id, a
/// time). `number` tells which of the response's answers it is in.
pub(super) fn made(response: &[u8], number: u32, index: usize) -> String {
    format!("call_{:08x}_{index}", crc32fast::hash(response).wrapping_add(number))
}

#[cfg(test)]
mod tests {
    use super::{fit, made};

    #[test]
    fn calls_of_an_answer_have_ids_of_their_own() {
        assert_eq!(made(b"a", 0, 1), format!("call_{:08x}_1", crc32fast::hash(b"a")));
        assert_ne!(made(b"a", 0, 0), made(b"b", 0, 0));
        assert_ne!(made(b"a", 0, 0), made(b"a", 1, 0));
    }

    #[test]
    fn good_ids_stay_and_others_fit() {
        assert_eq!(fit("call_1-A", 40), "call_1-A");
        assert_eq!(
            fit("functions.f:0", 64),
            "functions_f_0_f9a43c2b"
                .replace("f9a43c2b", &format!("{:08x}", crc32fast::hash(b"functions.f:0")))
        );
        assert_ne!(fit("a.b", 40), fit("a:b", 40));
        let long = fit(&"x".repeat(100), 40).into_owned();
        assert_eq!(long.len(), 40);
        assert!(!fit("", 40).is_empty());
    }
}
