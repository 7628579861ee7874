//! Verbatim: what is learned from answers that pass by.

use bytes::Bytes;

use super::{Dialect, error, usage::RawUsage};
use crate::{
    body::{self, Edit},
    chat::Raw,
    json::{self, Token, skim},
    provider::{Asked, Observed, Relay, StreamObserver},
};

/// The parts of a chunk, or of a plain answer, that matter to us.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Seen {
    choices: Option<Vec<serde::de::IgnoredAny>>,
    usage: Option<RawUsage>,
    error: Option<Raw>,
}

/// What a text holds at first sight.
#[derive(Default)]
struct Glance<'a> {
    usage: bool,
    error: bool,
    finish_reason: Option<&'a [u8]>,
    output_bytes: u64,
}

fn glance(data: &[u8]) -> Glance<'_> {
    let mut glance = Glance::default();
    skim(data, |token| match token {
        Token::Name(b"usage") => glance.usage = true,
        Token::Name(b"error") => glance.error = true,
        Token::Text { name: b"finish_reason", text } => {
            glance.finish_reason.get_or_insert(text);
        }
        Token::Text {
            name: b"content" | b"reasoning_content" | b"reasoning" | b"arguments" | b"refusal",
            text,
        } => {
            glance.output_bytes += text.len() as u64;
        }
        _ => {}
    });
    glance
}

fn finish_reason(glance: &Glance<'_>) -> Option<String> {
    glance.finish_reason.map(|reason| String::from_utf8_lossy(reason).into_owned())
}

/// A plain answer.
pub(super) fn plain(dialect: &Dialect, body: &[u8]) -> Observed {
    let glance = glance(body);
    let mut observed = Observed {
        finish_reason: finish_reason(&glance),
        output_bytes: glance.output_bytes,
        ..Observed::default()
    };
    let mut scratch = Vec::new();
    if let Ok(seen) = json::parse::<Seen>(body, &mut scratch) {
        observed.usage = seen.usage.map(|usage| usage.normalise(dialect));
        observed.usage_complete = observed.usage.is_some();
        observed.terminated = true;
        observed.error = seen.error.as_ref().and_then(error::inside);
    }
    observed
}

/// Watches a stream. Most events are only glanced at.
#[derive(Debug)]
pub(super) struct Observer {
    dialect: Dialect,
    asked: Asked,
    observed: Observed,
}

impl Observer {
    pub(super) fn new(dialect: Dialect, asked: Asked) -> Self {
        Self { dialect, asked, observed: Observed::default() }
    }

    /// The event without its usage; dropped where it carries nothing else.
    fn strip(data: &[u8], seen: &Seen) -> Relay {
        if seen.usage.is_some() && seen.choices.as_ref().is_some_and(Vec::is_empty) {
            return Relay::Drop;
        }
        let Ok(chunk) = body::scan(Bytes::copy_from_slice(data)) else { return Relay::Pass };
        if chunk.raw("usage").is_none() {
            return Relay::Pass;
        }
        let stripped = body::apply(&chunk, &[Edit::Remove("usage")]);
        let mut event = Vec::with_capacity(stripped.len() + 8);
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(&stripped);
        event.extend_from_slice(b"\n\n");
        Relay::Replace(event.into())
    }
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        if data == b"[DONE]" {
            self.observed.terminated = true;
            return Relay::Pass;
        }
        let glance = glance(data);
        self.observed.output_bytes += glance.output_bytes;
        if self.observed.finish_reason.is_none() {
            self.observed.finish_reason = finish_reason(&glance);
        }
        if !glance.usage && !glance.error {
            return Relay::Pass;
        }
        let mut scratch = Vec::new();
        let Ok(seen) = json::parse::<Seen>(data, &mut scratch) else { return Relay::Pass };
        if let Some(usage) = &seen.usage {
            self.observed.usage = Some(usage.normalise(&self.dialect));
            // xAI counts along from the first chunk; only the last count is whole.
            self.observed.usage_complete =
                self.observed.finish_reason.is_some() || seen.choices.as_ref().is_none_or(Vec::is_empty);
        }
        if let Some(error) = seen.error.as_ref().and_then(error::inside) {
            self.observed.error.get_or_insert(error);
        }
        if self.asked.usage && glance.usage { Self::strip(data, &seen) } else { Relay::Pass }
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
