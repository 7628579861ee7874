//! Translated: a stream. A whole answer is read as a stream of one piece.

use std::collections::BTreeMap;

use super::{
    answer::{self, Answer, Call, Candidate, Feedback, Logprobs, Part, Source},
    error,
    usage::RawUsage,
};
use crate::{
    chat::{Event, FinishReason, Raw, signature},
    json::Object,
    provider::{Observed, StreamDecoder, Unreadable, failure::failure},
};

#[derive(Debug, Default)]
pub(super) struct Decoder {
    observed: Observed,
    started: bool,
    /// What makes the ids of this response's calls its own.
    seed: u32,
    /// The one that was spoken of last.
    current: u32,
    answers: BTreeMap<u32, Said>,
}

/// What has come of one candidate.
#[derive(Debug, Default)]
struct Said {
    /// What makes the ids of its calls its own.
    seed: u32,
    calls: u32,
    /// Something for the client has come.
    anything: bool,
    finished: bool,
    /// Pages that were named already: later pieces may name them again.
    cited: Vec<String>,
}

impl Decoder {
    fn start(&mut self, answer: &mut Answer, data: &[u8], events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let id = answer.response_id.take();
        self.seed = crc32fast::hash(id.as_deref().map_or(data, str::as_bytes));
        let usage = answer.usage_metadata.as_ref().map(RawUsage::normalise);
        events.push(Event::Start { id, model: answer.model_version.take(), usage });
    }

    /// `alone`: no other came with it.
    fn candidate(&mut self, candidate: Candidate, alone: bool, events: &mut Vec<Event>) {
        let index = candidate.index.unwrap_or_default();
        if index != self.current {
            self.current = index;
            events.push(Event::Answer(index));
        }
        let said = self.answers.entry(index).or_default();
        said.seed = self.seed.wrapping_add(index);
        let tokens = candidate.logprobs_result.map(Logprobs::tokens).filter(|tokens| !tokens.is_empty());
        events.extend(tokens.map(Event::Logprobs));
        for part in candidate.content.unwrap_or_default().parts.into_iter().flatten() {
            said.part(part, events);
        }
        let sources = candidate.citation_metadata.and_then(|citations| citations.citation_sources);
        for source in sources.into_iter().flatten() {
            said.cite(source, events);
        }
        if let Some(reason) = candidate.finish_reason.filter(|_| !std::mem::replace(&mut said.finished, true))
        {
            let alone = alone && self.answers.len() == 1;
            self.end(index, reason, candidate.finish_message, alone, events);
        }
    }

    fn end(
        &mut self,
        index: u32,
        reason: String,
        message: Option<String>,
        alone: bool,
        events: &mut Vec<Event>,
    ) {
        let (calls, anything) =
            self.answers.get(&index).map(|said| (said.calls, said.anything)).unwrap_or_default();
        let finish = finish(&reason, calls > 0);
        let nothing = finish == FinishReason::Error && !anything;
        if nothing && alone && !provoked(&reason) {
            // Nothing came of it: the client would take an empty answer for the model's last word.
            let error = error::gave_up(&reason, message);
            events.push(Event::Error(failure(&error)));
            self.observed.error.get_or_insert(error);
        } else {
            if nothing {
                let message = message.as_deref().map(error::cleaned).filter(|message| !message.is_empty());
                events.push(Event::Refusal(
                    message.unwrap_or_else(|| format!("The model gave up without an answer ({reason}).")),
                ));
            }
            events.push(Event::Finish(finish.into()));
        }
        self.observed.finish_reason.get_or_insert(reason);
    }

    fn blocked(&mut self, feedback: Feedback, events: &mut Vec<Event>) {
        let Some(reason) = feedback.block_reason.filter(|_| self.observed.finish_reason.is_none()) else {
            return;
        };
        let message = feedback.block_reason_message.filter(|message| !message.is_empty());
        events.push(Event::Refusal(
            message.unwrap_or_else(|| format!("The provider blocked the prompt ({reason}).")),
        ));
        events.push(Event::Finish(FinishReason::ContentFilter.into()));
        self.observed.finish_reason = Some(reason);
    }
}

impl Said {
    /// Without the range, which Google counts in bytes.
    fn cite(&mut self, source: Source, events: &mut Vec<Event>) {
        let Some(uri) = source.uri.filter(|uri| !self.cited.contains(uri)) else { return };
        let mut out = Vec::new();
        let mut citation = Object::open(&mut out);
        citation.string("type", "url_citation").string("url", &uri);
        if let Some(title) = &source.title {
            citation.string("title", title);
        }
        citation.close();
        let raw = std::str::from_utf8(&out).ok().and_then(Raw::parse);
        events.extend(raw.map(Event::Citation));
        self.cited.push(uri);
    }

    fn part(&mut self, part: Part, events: &mut Vec<Event>) {
        let signed = part.thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            return self.call(call, signed, events);
        }
        let text = part.text.filter(|text| !text.is_empty());
        self.anything |= text.is_some();
        let signed = signed.map(|signed| Event::Signature(signature::of_gemini(&signed)));
        if part.thought == Some(true) {
            events.extend(text.map(Event::Thinking));
            events.extend(signed);
        } else {
            // A signature belongs to the thinking before the text that it stands at.
            events.extend(signed);
            events.extend(text.map(Event::Text));
        }
    }

    fn call(&mut self, call: Call, signature: Option<String>, events: &mut Vec<Event>) {
        let index = self.calls;
        self.calls = index.saturating_add(1);
        self.anything = true;
        let id = call.id.filter(|id| !id.is_empty());
        events.push(Event::ToolCall {
            index,
            id: id.unwrap_or_else(|| format!("call_{:08x}_{index}", self.seed)),
            name: call.name.unwrap_or_default(),
            signature,
        });
        let text = call.args.map_or_else(|| "{}".to_owned(), |args| args.one_line());
        events.push(Event::ToolArguments { index, text });
    }
}

impl StreamDecoder for Decoder {
    fn event(&mut self, data: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let mut answer = answer::read(data)?;
        let from = events.len();
        if let Some(error) = answer.error {
            let error = error::inside(error);
            events.push(Event::Error(failure(&error)));
            self.observed.error.get_or_insert(error);
            return Ok(());
        }
        self.start(&mut answer, data, events);
        let candidates = answer.candidates.unwrap_or_default();
        let alone = candidates.len() == 1;
        for candidate in candidates {
            self.candidate(candidate, alone, events);
        }
        if let Some(feedback) = answer.prompt_feedback {
            self.blocked(feedback, events);
        }
        if let Some(usage) = answer.usage_metadata {
            usage.service_tier.update(&mut self.observed.service_tier);
            let usage = usage.normalise();
            self.observed.usage = Some(usage);
            // It counts along.
            self.observed.usage_complete =
                self.observed.finish_reason.is_some() && self.answers.values().all(|said| said.finished);
            events.push(Event::Usage(usage));
        }
        self.observed.output_bytes += events.iter().skip(from).map(Event::output_bytes).sum::<u64>();
        Ok(())
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}

/// Ends that a request can bring about, by asking for calls that there are no tools for: an answer like others, which
/// counts, is not asked for again, and says nothing of the provider's health.
fn provoked(reason: &str) -> bool {
    matches!(
        reason,
        "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MISSING_THOUGHT_SIGNATURE"
    )
}

/// Why it ended, in our words. Gemini says `STOP` although tools are to be called.
fn finish(reason: &str, called: bool) -> FinishReason {
    match reason {
        "STOP" if called => FinishReason::ToolCalls,
        "STOP" | "FINISH_REASON_UNSPECIFIED" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        "CONTINUATION" => FinishReason::Pause,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE"
        | "OTHER" => FinishReason::Error,
        // Nobody knows it: whole calls that came before are still to be answered.
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Error,
    }
}
