//! What `OpenRouter` has beside chat: pictures, speech and transcripts (npm and `PyPI` `openrouter` 1.3: `images`, `tts`,
//! `stt`). Each is `OpenAI`'s format with fields of its own, and says what it cost.

mod edits;

pub(in crate::provider) use edits::Edits;

use crate::provider::rules::{Allowed, Rule, rule};

/// Of pictures. What they cost depends on their size, so there is one field for it. They come as bytes, never as an address.
pub(in crate::provider) const IMAGES: &[Rule] = &[
    rule("resolution", Allowed::Nothing, "chooses the size, which `size` does here, with its own price"),
    rule("input_references", Allowed::Empty, "brings pictures along, which /v1/images/edits does here"),
    rule(
        "response_format",
        Allowed::Words(&["b64_json"]),
        "asks for addresses, which this provider does not give",
    ),
    rule("stream", Allowed::False, "asks for events, which most of this provider's models do not send"),
];

/// Of speech.
pub(in crate::provider) const SPEECH: &[Rule] = &[
    rule("input_references", Allowed::Empty, "copies a voice, which has its own price"),
    rule("stream_format", Allowed::Words(&["audio"]), "asks for events, which this provider does not send"),
];

/// Of transcripts: the hub asks for JSON where the client wants bare text.
pub(in crate::provider) const TRANSCRIPTION: &[Rule] = &[
    rule("source_url", Allowed::Nothing, "names sound whose length nobody knows before"),
    rule("input_audio", Allowed::Nothing, "brings sound along beside the file"),
    rule("diarize", Allowed::Words(&["false"]), "tells speakers apart, which may cost extra"),
    rule("keyterms", Allowed::Nothing, "names terms to listen for, which may cost extra"),
    rule("stream", Allowed::Words(&["false"]), "asks for events, which this provider does not send"),
    rule(
        "response_format",
        Allowed::Words(&["json", "verbose_json", "text"]),
        "asks for a format that this provider does not write",
    ),
];
