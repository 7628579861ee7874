//! Verbatim: what is learned from answers that pass by.

use super::{Dialect, error, usage::RawUsage};
use crate::{
    body,
    chat::Raw,
    json::{self, Token, skim},
    provider::{Asked, Observed, Relay, StreamObserver, tier::Served},
    wire::Wire,
};

/// What a text holds at first sight.
#[derive(Default)]
struct Glance<'a> {
    usage: bool,
    error: bool,
    finish_reason: Option<&'a [u8]>,
    service_tier: Served,
    output_bytes: u64,
}

/// The member that holds what the model wrote: `content`, or `text` in legacy completions.
fn written(wire: Wire) -> &'static [u8] {
    if wire == Wire::OpenAiCompletions { b"text" } else { b"content" }
}

fn glance(wire: Wire, data: &[u8]) -> Glance<'_> {
    let written = written(wire);
    let mut glance = Glance::default();
    skim(data, |token| match token {
        Token::Name(b"usage") => glance.usage = true,
        Token::Name(b"error") => glance.error = true,
        Token::Text { name: b"finish_reason", text } => {
            glance.finish_reason.get_or_insert(text);
        }
        Token::Text { name: b"service_tier", text } => {
            glance.service_tier = Served::of(&String::from_utf8_lossy(text));
        }
        Token::Text { name: b"reasoning_content" | b"reasoning" | b"arguments" | b"refusal", text } => {
            glance.output_bytes += text.len() as u64;
        }
        Token::Text { name, text } if name == written => glance.output_bytes += text.len() as u64,
        _ => {}
    });
    glance
}

fn finish_reason(glance: &Glance<'_>) -> Option<String> {
    glance.finish_reason.map(|reason| String::from_utf8_lossy(reason).into_owned())
}

/// Reads one member; lone surrogates do no harm.
fn read<T: serde::de::DeserializeOwned>(value: &[u8]) -> Option<T> {
    let mut scratch = Vec::new();
    json::parse::<Option<T>>(value, &mut scratch).ok().flatten()
}

/// A plain answer.
pub(super) fn plain(dialect: &Dialect, wire: Wire, body: &[u8]) -> Observed {
    let glance = glance(wire, body);
    let mut observed = Observed {
        finish_reason: finish_reason(&glance),
        output_bytes: glance.output_bytes,
        service_tier: glance.service_tier.0,
        ..Observed::default()
    };
    if let Ok(members) = body::members(body) {
        let find =
            |name| members.iter().find(|member| member.is(body, name)).map(|member| member.value(body));
        observed.usage = find("usage").and_then(read::<RawUsage>).map(|usage| usage.normalise(dialect));
        observed.usage_complete = observed.usage.is_some();
        observed.terminated = true;
        observed.error = find("error")
            .and_then(read::<Raw>)
            .as_ref()
            .and_then(error::inside)
            .or_else(|| observed.finish_reason.as_deref().and_then(error::gave_up));
    }
    observed
}

/// Watches a stream. Most events are only glanced at.
#[derive(Debug)]
pub(super) struct Observer {
    dialect: Dialect,
    wire: Wire,
    asked: Asked,
    observed: Observed,
}

impl Observer {
    pub(super) fn new(dialect: Dialect, wire: Wire, asked: Asked) -> Self {
        Self { dialect, wire, asked, observed: Observed::default() }
    }

    /// A closer look at a chunk that has usage or an error.
    fn look(&mut self, data: &[u8]) -> Relay {
        let Ok(members) = body::members(data) else { return Relay::Pass };
        let find = |name| members.iter().position(|member| member.is(data, name));
        let value = |index: usize| members.get(index).map(|member| member.value(data)).unwrap_or_default();
        if let Some(error) =
            find("error").and_then(|index| read::<Raw>(value(index))).as_ref().and_then(error::inside)
        {
            self.observed.error.get_or_insert(error);
        }
        let Some(usage) = find("usage") else { return Relay::Pass };
        let alone = find("choices").is_none_or(|index| is_empty_list(value(index)));
        let counted = read::<RawUsage>(value(usage));
        if let Some(counted) = &counted {
            self.observed.usage = Some(counted.normalise(&self.dialect));
            // xAI counts along from the first chunk; only the last count is whole.
            self.observed.usage_complete = self.observed.finish_reason.is_some() || alone;
        }
        if !self.asked.usage {
            return Relay::Pass;
        }
        if counted.is_some() && alone {
            return Relay::Drop;
        }
        event(data.len(), |out| body::cut(data, &members, usage, out))
    }
}

fn is_empty_list(value: &[u8]) -> bool {
    matches!(value, [b'[', inner @ .., b']'] if inner.iter().all(u8::is_ascii_whitespace))
}

/// A whole event with this data. It came as JSON on one or several lines; on one line it means the same.
fn event(length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Relay {
    let mut event = Vec::with_capacity(length + 8);
    event.extend_from_slice(b"data: ");
    write(&mut event);
    if memchr::memchr2(b'\n', b'\r', &event).is_some() {
        event.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    event.extend_from_slice(b"\n\n");
    Relay::Replace(event.into())
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) -> Relay {
        // What ends so ends the chunk itself, so this is its own member and no other's.
        const NO_USAGE: &[u8] = b",\"usage\":null}";
        if data.trim_ascii() == b"[DONE]" {
            self.observed.terminated = true;
            return Relay::Pass;
        }
        let glance = glance(self.wire, data);
        self.observed.output_bytes += glance.output_bytes;
        glance.service_tier.update(&mut self.observed.service_tier);
        let finished = self.observed.finish_reason.is_none() && glance.finish_reason.is_some();
        if finished {
            self.observed.finish_reason = finish_reason(&glance);
        }
        let relay = match data.strip_suffix(NO_USAGE) {
            Some(_) if !self.asked.usage && !glance.error => Relay::Pass,
            Some(rest) if !glance.error => event(data.len(), |out| {
                out.extend_from_slice(rest);
                out.push(b'}');
            }),
            _ if glance.usage || glance.error => self.look(data),
            _ => Relay::Pass,
        };
        if finished && self.observed.error.is_none() {
            self.observed.error = self.observed.finish_reason.as_deref().and_then(error::gave_up);
        }
        relay
    }

    fn observed(&self) -> &Observed {
        &self.observed
    }
}
