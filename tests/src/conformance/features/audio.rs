//! Sound.

use serde_json::json;

use super::{images::beside, said};
use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::wire::Wire;

/// `RIFF`
const SOUND: &str = "UklGRg==";

pub(super) const AUDIO: Feature = Feature {
    name: "audio in the request",
    script: "",
    ask: |wire, text| {
        let part = match wire {
            Wire::Chat => json!({"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}),
            Wire::Gemini => json!({"inlineData": {"mimeType": "audio/wav", "data": SOUND}}),
            Wire::Responses => return Ask::Not("the Responses API takes no sound"),
            Wire::Messages => return Ask::Not("Anthropic's messages take no sound"),
            Wire::Completions => json!({}),
        };
        beside(wire, text, &part)
    },
    again: None,
    heard: |heard| said(heard, &Said::Audio(format!("audio/wav {SOUND}"))),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
