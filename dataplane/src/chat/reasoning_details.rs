//! `reasoning_details`: how `OpenAI`-shaped formats carry thinking with its signature, after `OpenRouter`.
//!
//! | detail | part |
//! |---|---|
//! | `reasoning.text` with `text` and `signature` | [`Content::Thinking`] |
//! | `reasoning.summary` with `summary` | [`Content::Thinking`] without a signature |
//! | `reasoning.encrypted` with `data` | [`Content::RedactedThinking`]; where another provider than Anthropic has sealed it, the whole detail as JSON text, since that must come back as it was |

use serde::Deserialize;

use super::{Content, Raw};
use crate::json::Object;

/// One detail, or a piece of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Raw")]
pub struct Detail {
    fields: Fields,
    raw: Raw,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    r#type: String,
    text: Option<String>,
    summary: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    format: Option<String>,
}

impl From<Raw> for Detail {
    fn from(raw: Raw) -> Self {
        Self { fields: raw.read().unwrap_or_default(), raw }
    }
}

impl Detail {
    /// What it means; `None` for what is not known.
    pub fn content(self) -> Option<Content> {
        let fields = self.fields;
        match fields.r#type.as_str() {
            "reasoning.text" => Some(Content::Thinking {
                text: fields.text.unwrap_or_default(),
                signature: fields.signature.filter(|signature| !signature.is_empty()),
            }),
            "reasoning.summary" => Some(Content::Thinking { text: fields.summary?, signature: None }),
            "reasoning.encrypted" => {
                let own = matches!(fields.format.as_deref(), None | Some("unknown" | "anthropic-claude-v1"));
                let data = if own { fields.data? } else { self.raw.get().to_owned() };
                Some(Content::RedactedThinking(data))
            }
            _ => None,
        }
    }

    /// Whether a part can be written as a detail.
    pub(crate) fn holds(content: &Content) -> bool {
        matches!(content, Content::Thinking { signature: Some(_), .. } | Content::RedactedThinking(_))
    }

    /// Writes a part as a detail.
    pub(crate) fn write(out: &mut Vec<u8>, content: &Content, index: usize) {
        const FORMAT: &str = "anthropic-claude-v1";
        if let Content::RedactedThinking(data) = content
            && let Some(whole) = Raw::parse(data).filter(Raw::is_object)
        {
            out.extend_from_slice(whole.one_line().as_bytes());
            return;
        }
        let mut detail = Object::open(out);
        match content {
            Content::Thinking { text, signature } => {
                detail.string("type", "reasoning.text").string("text", text);
                if let Some(signature) = signature {
                    detail.string("signature", signature);
                }
            }
            Content::RedactedThinking(data) => {
                detail.string("type", "reasoning.encrypted").string("data", data);
            }
            _ => {}
        }
        detail.string("format", FORMAT).number("index", index);
        detail.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Content> {
        serde_json::from_str::<Detail>(text).unwrap().content()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let foreign =
            r#"{"type":"reasoning.encrypted","data":"x","id":"call_1","format":"google-gemini-v1"}"#;
        for content in [
            Content::Thinking { text: "a\n".to_owned(), signature: Some("c2ln".to_owned()) },
            Content::RedactedThinking("enc".to_owned()),
            Content::RedactedThinking(foreign.to_owned()),
        ] {
            assert!(Detail::holds(&content));
            let mut out = Vec::new();
            Detail::write(&mut out, &content, 0);
            assert_eq!(read(&String::from_utf8(out).unwrap()), Some(content));
        }
        assert_eq!(read(foreign), Some(Content::RedactedThinking(foreign.to_owned())));
    }

    #[test]
    fn pieces_of_a_stream_are_read() {
        let thinking = |text: &str, signature: Option<&str>| {
            Some(Content::Thinking { text: text.to_owned(), signature: signature.map(str::to_owned) })
        };
        assert_eq!(read(r#"{"type":"reasoning.text","text":"hm","signature":null}"#), thinking("hm", None));
        assert_eq!(read(r#"{"type":"reasoning.text","signature":"s"}"#), thinking("", Some("s")));
        assert_eq!(read(r#"{"type":"reasoning.summary","summary":"hm"}"#), thinking("hm", None));
        assert_eq!(read(r#"{"type":"reasoning.new"}"#), None);
    }
}
