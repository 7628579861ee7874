//! Verbatim: what is learned from answers that pass by.

use serde::Deserialize;

use super::{
    error::{self, Inner},
    usage::RawUsage,
};
use crate::{
    json::{self, Token, skim},
    provider::{Observed, Relay, StreamObserver},
};

/// The parts of an event, or of a plain answer, that matter to us.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    r#type: String,
    message: Option<Begun>,
    usage: Option<RawUsage>,
    delta: Option<Delta>,
    stop_reason: Option<String>,
    error: Option<Inner>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begun {
    usage: Option<RawUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    stop_reason: Option<String>,
}

/// A plain answer.
pub(super) fn plain(body: &[u8]) -> Observed {
    let mut observed = Observed { output_bytes: output_bytes(body), ..Observed::default() };
    let mut scratch = Vec::new();
    if let Ok(seen) = json::parse::<Seen>(body, &mut scratch) {
        observed.service_tier = seen.usage.as_ref().and_then(|usage| usage.service_tier.0);
        observed.usage = seen.usage.map(|usage| usage.normalise());
        observed.usage_complete = observed.usage.is_some();
        observed.finish_reason = seen.stop_reason;
        observed.terminated = true;
        if seen.r#type == "error" {
            observed.error = Some(error::inside(seen.error.unwrap_or_default()));
        }
    }
    observed
}

/// Bytes that the model wrote, as they are escaped.
fn output_bytes(data: &[u8]) -> u64 {
    let mut bytes = 0;
    skim(data, |token| {
        if let Token::Text { name: b"text" | b"thinking" | b"partial_json", text } = token {
            bytes += text.len() as u64;
        }
    });
    bytes
}

/// Watches a stream. Deltas are only glanced at.
#[derive(Debug, Default)]
pub(super) struct Observer {
    usage: RawUsage,
    observed: Observed,
}

impl Observer {
    fn take(&mut self, usage: Option<&RawUsage>) {
        if let Some(usage) = usage {
            self.usage.update(usage);
            self.observed.usage = Some(self.usage.normalise());
            self.observed.service_tier = self.usage.service_tier.0;
        }
    }
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        let mut matters = false;
        let mut bytes = 0;
        skim(data, |token| match token {
            Token::Text {
                name: b"type",
                text: b"message_start" | b"message_delta" | b"message_stop" | b"error",
            } => {
                matters = true;
            }
            Token::Text { name: b"text" | b"thinking" | b"partial_json", text } => bytes += text.len() as u64,
            _ => {}
        });
        self.observed.output_bytes += bytes;
        let mut scratch = Vec::new();
        let seen = if matters { json::parse::<Seen>(data, &mut scratch).ok() } else { None };
        let Some(seen) = seen else { return Relay::Pass };
        match seen.r#type.as_str() {
            "message_start" => self.take(seen.message.unwrap_or_default().usage.as_ref()),
            "message_delta" => {
                self.take(seen.usage.as_ref());
                self.observed.usage_complete |= seen.usage.is_some();
                if let Some(reason) = seen.delta.unwrap_or_default().stop_reason {
                    self.observed.finish_reason.get_or_insert(reason);
                }
            }
            "message_stop" => self.observed.terminated = true,
            "error" => {
                let error = error::inside(seen.error.unwrap_or_default());
                self.observed.error.get_or_insert(error);
            }
            _ => {}
        }
        Relay::Pass
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
