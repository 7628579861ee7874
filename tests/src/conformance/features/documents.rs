//! A document.

use serde_json::json;

use super::{images::beside, said};
use crate::conformance::feature::{Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::wire::Wire;

/// `%PDF-1.4`
const PDF: &str = "JVBERi0xLjQK";

pub(super) const DOCUMENT: Feature = Feature {
    name: "document in the request (PDF)",
    script: "",
    ask: |wire, text| {
        let url = format!("data:application/pdf;base64,{PDF}");
        let part = match wire {
            Wire::Chat => json!({"type": "file", "file": {"filename": "a.pdf", "file_data": url}}),
            Wire::Responses => json!({"type": "input_file", "filename": "a.pdf", "file_data": url}),
            Wire::Messages => json!({"type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}),
            _ => json!({"inlineData": {"mimeType": "application/pdf", "data": PDF}}),
        };
        beside(wire, text, &part)
    },
    again: None,
    heard: |heard| said(heard, &Said::Document(format!("application/pdf {PDF}"))),
    expect: Expect::Answer(|_, _| Reach::Whole),
};
