//! `extra_content` of a tool call: how `OpenAI`-shaped formats carry Gemini's `thoughtSignature`, after Google's own
//! compatibility layer.

use serde::Deserialize;

use crate::json::Object;

/// What stands in `extra_content`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ExtraContent {
    #[serde(default)]
    google: Option<Google>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Google {
    #[serde(default)]
    thought_signature: Option<String>,
}

impl ExtraContent {
    /// The call's signature.
    pub fn signature(self) -> Option<String> {
        self.google?.thought_signature
    }

    /// Writes the member.
    pub(crate) fn write(call: &mut Object<'_>, signature: &str) {
        let mut extra = Object::open(call.name("extra_content"));
        let mut google = Object::open(extra.name("google"));
        google.string("thought_signature", signature);
        google.close();
        extra.close();
    }
}
