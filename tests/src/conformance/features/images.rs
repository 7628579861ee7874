//! Pictures.

use serde_json::{Value, json};

use super::{TEXT_ALONE, said};
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::wire::Wire;

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ADDRESSED: &str = "https://pictures.example/a.png";

/// A user's message of a text and one more part.
pub(super) fn beside(wire: Wire, text: &str, part: &Value) -> Ask {
    match wire {
        Wire::Chat | Wire::Messages => Ask::With(json!({"messages":
            [{"role": "user", "content": [{"type": "text", "text": text}, part]}]})),
        Wire::Responses => Ask::With(json!({"input":
            [{"role": "user", "content": [{"type": "input_text", "text": text}, part]}]})),
        Wire::Gemini => Ask::With(json!({"contents": [{"role": "user", "parts": [{"text": text}, part]}]})),
        Wire::Completions => TEXT_ALONE,
    }
}

pub(super) const INLINE: Feature = Feature {
    name: "image in the request",
    script: "",
    ask: |wire, text| {
        let url = format!("data:image/png;base64,{PIXEL}");
        let part = match wire {
            Wire::Chat => json!({"type": "image_url", "image_url": {"url": url}}),
            Wire::Responses => json!({"type": "input_image", "image_url": url}),
            Wire::Messages => {
                json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}})
            }
            _ => json!({"inlineData": {"mimeType": "image/png", "data": PIXEL}}),
        };
        beside(wire, text, &part)
    },
    again: None,
    heard: |heard| said(heard, &Said::Image(format!("image/png {PIXEL}"))),
    expect: Expect::Answer(|_, _| Reach::Whole),
};

pub(super) const ADDRESS: Feature = Feature {
    name: "image by its address",
    script: "",
    ask: |wire, text| {
        let part = match wire {
            Wire::Chat => json!({"type": "image_url", "image_url": {"url": ADDRESSED}}),
            Wire::Responses => json!({"type": "input_image", "image_url": ADDRESSED}),
            Wire::Messages => json!({"type": "image", "source": {"type": "url", "url": ADDRESSED}}),
            _ => json!({"fileData": {"mimeType": "image/png", "fileUri": ADDRESSED}}),
        };
        beside(wire, text, &part)
    },
    again: None,
    heard: |heard| said(heard, &Said::Image(ADDRESSED.into())),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
