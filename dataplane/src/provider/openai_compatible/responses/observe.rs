//! What is learned from answers that pass by.

use serde::Deserialize;

use super::super::{
    Dialect, error,
    usage::{PartDetails, RawUsage},
};
use crate::{
    chat::Raw,
    json::{self, Token, skim},
    provider::{Fault, Observed, Relay, StreamObserver, UpstreamError, count::Count, tier::Served},
};

/// An answer: whole, or as the last event of a stream holds it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    status: Option<String>,
    usage: Option<Counted>,
    service_tier: Served,
    error: Option<Raw>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incomplete {
    reason: Option<String>,
}

/// `usage` by this wire's names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    input_tokens: Count,
    input_tokens_details: Option<PartDetails>,
    output_tokens: Count,
    output_tokens_details: Option<PartDetails>,
    total_tokens: Count,
    cost: Option<Raw>,
    cost_in_usd_ticks: Option<Raw>,
}

impl From<Counted> for RawUsage {
    fn from(counted: Counted) -> Self {
        Self {
            prompt_tokens: counted.input_tokens,
            completion_tokens: counted.output_tokens,
            total_tokens: counted.total_tokens,
            prompt_tokens_details: counted.input_tokens_details,
            completion_tokens_details: counted.output_tokens_details,
            cost: counted.cost,
            cost_in_usd_ticks: counted.cost_in_usd_ticks,
            ..Self::default()
        }
    }
}

impl Answer {
    fn take(self, dialect: &Dialect, observed: &mut Observed) {
        if let Some(counted) = self.usage {
            observed.usage = Some(RawUsage::from(counted).normalise(dialect));
            observed.usage_complete = true;
        }
        self.service_tier.update(&mut observed.service_tier);
        let reason = self.incomplete_details.and_then(|details| details.reason).or(self.status);
        if let Some(reason) = reason {
            observed.finish_reason.get_or_insert(reason);
        }
        if let Some(error) = self.error.as_ref().and_then(fault) {
            observed.error.get_or_insert(error);
        }
    }
}

/// An error inside an answer: its code is a word of this wire's own.
fn fault(raw: &Raw) -> Option<UpstreamError> {
    let mut error = error::inside(raw)?;
    error.fault = match error.code.as_deref() {
        Some("rate_limit_exceeded") => Fault::Throttled,
        Some(code) if code.starts_with("invalid_") || code.contains("image") => Fault::Request,
        _ => error.fault,
    };
    Some(error)
}

/// A plain answer.
pub(in super::super) fn plain(dialect: &Dialect, body: &[u8]) -> Observed {
    let mut observed = Observed::default();
    skim(body, |token| {
        if let Token::Text { name: b"text" | b"arguments" | b"refusal" | b"input", text } = token {
            observed.output_bytes += text.len() as u64;
        }
    });
    let mut scratch = Vec::new();
    if let Ok(answer) = json::parse::<Answer>(body, &mut scratch) {
        answer.take(dialect, &mut observed);
        observed.terminated = true;
    }
    observed
}

/// Watches a stream. Most events are only glanced at.
#[derive(Debug)]
pub(in super::super) struct Observer {
    dialect: Dialect,
    observed: Observed,
}

impl Observer {
    pub(in super::super) fn new(dialect: Dialect) -> Self {
        Self { dialect, observed: Observed::default() }
    }
}

/// An event that matters. The `error` event holds its words beside its type, or within.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    r#type: String,
    response: Option<Answer>,
    error: Option<Raw>,
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        let mut matters = false;
        let mut bytes = 0;
        skim(data, |token| match token {
            Token::Text {
                name: b"type",
                text: b"response.completed" | b"response.incomplete" | b"response.failed" | b"error",
            }
            | Token::Name(b"error") => matters = true,
            Token::Text { name: b"delta", text } => bytes += text.len() as u64,
            _ => {}
        });
        self.observed.output_bytes += bytes;
        let mut scratch = Vec::new();
        let seen = if matters { json::parse::<Seen>(data, &mut scratch).ok() } else { None };
        let Some(seen) = seen else { return Relay::Pass };
        match seen.r#type.as_str() {
            "response.completed" | "response.incomplete" | "response.failed" => {
                seen.response.unwrap_or_default().take(&self.dialect, &mut self.observed);
                self.observed.terminated = true;
            }
            "error" => {
                let mut scratch = Vec::new();
                let flat = json::parse::<Raw>(data, &mut scratch).ok();
                if let Some(error) = seen.error.as_ref().and_then(fault).or_else(|| fault(&flat?)) {
                    self.observed.error.get_or_insert(error);
                }
            }
            // A chunk of another kind in place of an event.
            "" => {
                if let Some(error) = seen.error.as_ref().and_then(fault) {
                    self.observed.error.get_or_insert(error);
                }
            }
            _ => {}
        }
        Relay::Pass
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
