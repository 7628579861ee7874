//! Verbatim: what is learned from answers that pass by.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    error::{self, Inner},
    usage::RawUsage,
};
use crate::{
    json,
    provider::{Observed, Relay, StreamObserver},
};

/// The members of an answer, or of a piece of one, that matter to us. Texts are measured, not read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Seen<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<RawUsage>,
    error: Option<Inner>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    finish_reason: Option<String>,
    index: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

impl Seen<'_> {
    /// An error may come as the only item of a list.
    fn read<'a>(data: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<Seen<'a>> {
        if data.trim_ascii_start().first() == Some(&b'[') {
            return json::parse::<Vec<Seen<'a>>>(data, scratch).ok()?.into_iter().next();
        }
        json::parse(data, scratch).ok()
    }

    /// Bytes that the model wrote, as they are escaped.
    fn output_bytes(&self) -> u64 {
        let length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len().saturating_sub(2) as u64);
        self.candidates
            .iter()
            .flatten()
            .filter_map(|candidate| candidate.content.as_ref()?.parts.as_ref())
            .flatten()
            .map(|part| length(part.text) + length(part.function_call))
            .sum()
    }
}

/// A plain answer.
pub(super) fn plain(body: &[u8]) -> Observed {
    let mut watch = Observer::default();
    watch.look(body);
    // Whatever it says of usage is all that will ever be said.
    Observed { usage_complete: watch.observed.usage.is_some(), terminated: true, ..watch.observed }
}

/// Watches a stream, which has no end of its own but a last piece with a reason.
#[derive(Debug, Default)]
pub(super) struct Observer {
    observed: Observed,
    /// Candidates that began, and whether they have ended.
    ended: BTreeMap<u32, bool>,
}

impl Observer {
    fn look(&mut self, data: &[u8]) {
        let mut scratch = Vec::new();
        let Some(seen) = Seen::read(data, &mut scratch) else { return };
        let observed = &mut self.observed;
        observed.output_bytes += seen.output_bytes();
        if let Some(error) = seen.error {
            observed.error.get_or_insert_with(|| error::inside(error));
            return;
        }
        let mut finished = None;
        for candidate in seen.candidates.into_iter().flatten() {
            *self.ended.entry(candidate.index.unwrap_or_default()).or_default() |=
                candidate.finish_reason.is_some();
            finished = finished.or(candidate.finish_reason);
        }
        let blocked = seen.prompt_feedback.and_then(|feedback| feedback.block_reason);
        if let Some(reason) = finished.or(blocked) {
            observed.finish_reason.get_or_insert(reason);
        }
        if let Some(usage) = seen.usage_metadata {
            usage.service_tier.update(&mut observed.service_tier);
            observed.usage = Some(usage.normalise());
            observed.usage_complete =
                observed.finish_reason.is_some() && self.ended.values().all(|ended| *ended);
        }
    }
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        self.look(data);
        error::event(data).map_or(Relay::Pass, |event| Relay::Replace(event.into()))
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
