//! A question and an answer.

use serde_json::json;

use crate::conformance::feature::{Ask, Expect, Feature, Reach};
use crate::conformance::heard::Said;
use crate::conformance::said::Finish;

pub(super) const TEXT: Feature = Feature {
    name: "text, whole and streamed",
    script: "text=one+two+three",
    ask: |_, _| Ask::With(json!({})),
    again: None,
    heard: |heard| {
        let said = heard.turns.len() == 1 && matches!(heard.turns[0].said[..], [Said::Text(_)]);
        Reach::must(said, &heard.turns)
    },
    expect: Expect::Answer(|told, _| {
        let well = told.text == "one two three" && told.finish == Some(Finish::Done) && told.pieces != 1;
        Reach::must(well, told)
    }),
};
