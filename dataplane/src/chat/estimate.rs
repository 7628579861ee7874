//! Token counts guessed from bytes, for where no exact number is to be had.
//!
//! Rules of thumb, the same for every model: 4 bytes of ASCII text make a token (English and code lie between 3.5
//! and 4.5 with today's vocabularies), other characters one token each (true for Chinese within a third, too high
//! for European accents). Each message adds 4 tokens of framing. A picture adds 1,500 (what large pictures cost
//! with Anthropic and `OpenAI`), whatever its bytes. The answers are marked `Estimated` wherever they are used.

use crate::{
    body::Body,
    json::{Token, skim},
};

/// Tokens of one picture or document page that came as base64.
pub const MEDIA_TOKENS: u64 = 1500;
/// Tokens around each message.
pub const MESSAGE_TOKENS: u64 = 4;

/// Tokens of a text.
pub fn text(text: &[u8]) -> u64 {
    let ascii = text.iter().filter(|byte| byte.is_ascii()).count();
    // First bytes of multi-byte characters.
    let others = text.iter().filter(|byte| **byte >= 0xC0).count();
    (ascii.div_ceil(4) + others) as u64
}

/// Tokens that a model wrote, from the bytes that were seen of them.
pub fn output(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

/// Tokens of a chat request's prompt, in any wire: messages, system, tools and the answer's schema.
pub fn request(body: &Body) -> u64 {
    const PROMPT: [&str; 16] = [
        "messages",
        "system",
        "tools",
        "functions",
        "response_format",
        "output_config",
        "contents",
        "systemInstruction",
        "system_instruction",
        "generationConfig",
        "generation_config",
        "generateContentRequest",
        "input",
        "instructions",
        "text",
        "prompt",
    ];
    let mut tokens = 0;
    for (_, raw) in body.members().filter(|(name, _)| PROMPT.contains(name)) {
        skim(raw.as_bytes(), |token| {
            tokens += match token {
                Token::Name(b"role") => MESSAGE_TOKENS,
                // The formats' own words say nothing to the model.
                Token::Name(
                    b"type" | b"content" | b"text" | b"source" | b"function" | b"data" | b"url" | b"parts"
                    | b"thought" | b"thoughtSignature" | b"inlineData" | b"fileData" | b"mimeType",
                )
                | Token::Text {
                    name:
                        b"role" | b"type" | b"media_type" | b"detail" | b"signature" | b"mimeType"
                        | b"thoughtSignature" | b"encrypted_content",
                    ..
                } => 0,
                Token::Text { name: b"data" | b"file_data" | b"fileUri" | b"file_uri", .. } => MEDIA_TOKENS,
                Token::Text { name: b"url" | b"image_url", text } if text.starts_with(b"data:") => {
                    MEDIA_TOKENS
                }
                Token::Name(piece) | Token::Text { text: piece, .. } => text(piece),
            }
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> u64 {
        request(&crate::body::scan(json.to_owned().into()).unwrap())
    }

    #[test]
    fn text_is_counted_by_characters_of_its_kind() {
        assert_eq!(text(b""), 0);
        assert_eq!(text(b"Hello world!"), 3);
        assert_eq!(text("你好".as_bytes()), 2);
        assert_eq!(output(10), 3);
    }

    #[test]
    fn a_picture_counts_once_whatever_its_bytes() {
        let picture = |data: &str| {
            of(&format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
            ))
        };
        assert_eq!(picture("AAAA"), picture(&"A".repeat(100_000)));
        assert!(picture("AAAA") >= MEDIA_TOKENS);
    }

    #[test]
    fn only_the_prompt_counts() {
        let bare = of(r#"{"model":"m","messages":[{"role":"user","content":"Hello world!"}]}"#);
        assert_eq!(bare, MESSAGE_TOKENS + 3);
        assert_eq!(
            of(
                r#"{"messages":[{"role":"user","content":"Hello world!"}],"user":"someone with a long name"}"#
            ),
            bare
        );
    }
}
