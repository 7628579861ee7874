//! What a line holds, and how it is written.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    ledger::Charge,
    usage::{Source, Usage},
};

/// What clients send is cut to this many bytes.
const LONGEST: usize = 256;

/// One request. Holds names and numbers, never prompts, answers or keys' values.
#[derive(Clone, Copy, Debug)]
pub struct AccessLine<'a> {
    /// Unix milliseconds at the request's first byte.
    pub at: i64,
    /// Made by the hub.
    pub request_id: Uuid,
    /// The client's own, cut to 256 bytes.
    pub client_request_id: Option<&'a str>,
    /// The HTTP method.
    pub method: &'a str,
    /// Without the query, cut to 256 bytes.
    pub path: &'a str,
    /// What the client got.
    pub status: u16,
    /// `namespace/name` of the Tenant.
    pub tenant: Option<&'a str>,
    /// The key's name.
    pub key: Option<&'a str>,
    /// The end user that the client named, cut to 256 bytes.
    pub user: Option<&'a str>,
    /// `namespace/name` of the last attempt's `AIProvider`.
    pub provider: Option<&'a str>,
    /// The model's name in the hub, or what the client wrote where there is none; cut to 256 bytes.
    pub model: Option<&'a str>,
    /// The answer was streamed.
    pub stream: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// What was used, over all attempts.
    pub usage: Usage,
    /// Where the numbers come from; absent where no attempt was made.
    pub source: Option<Source>,
    /// What it costs, over all attempts.
    pub charge: Charge,
    /// To the answer's last byte.
    pub duration: Duration,
    /// To the answer's first byte.
    pub first_byte: Option<Duration>,
    /// The error's type.
    pub error: Option<&'a str>,
}

impl AccessLine<'_> {
    /// Appends the line with its line end. Names and tokens of attempts that were never made are left out.
    pub(super) fn write(&self, clock: &mut SecondCache, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        clock.write(self.at, out);
        out.extend_from_slice(b"\",\"request_id\":\"");
        let mut id = [0; 36];
        out.extend_from_slice(self.request_id.hyphenated().encode_lower(&mut id).as_bytes());
        out.push(b'"');
        text(out, ",\"client_request_id\":", self.client_request_id);
        text(out, ",\"method\":", Some(self.method));
        text(out, ",\"path\":", Some(self.path));
        number(out, ",\"status\":", u64::from(self.status));
        text(out, ",\"tenant\":", self.tenant);
        text(out, ",\"key\":", self.key);
        text(out, ",\"user\":", self.user);
        text(out, ",\"provider\":", self.provider);
        text(out, ",\"model\":", self.model);
        out.extend_from_slice(if self.stream { b",\"stream\":true" } else { b",\"stream\":false" });
        number(out, ",\"attempts\":", u64::from(self.attempts));
        if let Some(source) = self.source {
            number(out, ",\"input_tokens\":", self.usage.prompt());
            number(out, ",\"cached_tokens\":", self.usage.cached_input);
            number(out, ",\"output_tokens\":", self.usage.output);
            for (name, count) in [
                (",\"images\":", self.usage.images),
                (",\"media_ms\":", self.usage.millis),
                (",\"characters\":", self.usage.characters),
            ] {
                if count > 0 {
                    number(out, name, count);
                }
            }
            text(out, ",\"source\":", Some(source_name(source)));
            signed(out, ",\"cost_nanos\":", self.charge.cost.0);
            signed(out, ",\"price_nanos\":", self.charge.price.0);
        }
        milliseconds(out, ",\"duration_ms\":", self.duration);
        if let Some(first_byte) = self.first_byte {
            milliseconds(out, ",\"first_byte_ms\":", first_byte);
        }
        text(out, ",\"error\":", self.error);
        out.extend_from_slice(b"}\n");
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Provider => "provider",
        Source::Estimated => "estimated",
        Source::Bound => "bound",
    }
}

/// Escapes as JSON asks; nothing where the value is absent.
fn text(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    let end = value.floor_char_boundary(LONGEST);
    out.extend_from_slice(name.as_bytes());
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(out, &value[..end]);
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    let _ = serde_json::to_writer(out, &value);
}

fn signed(out: &mut Vec<u8>, name: &str, value: i64) {
    out.extend_from_slice(name.as_bytes());
    let _ = serde_json::to_writer(out, &value);
}

/// With microseconds as decimals.
fn milliseconds(out: &mut Vec<u8>, name: &str, value: Duration) {
    let micros = value.as_micros();
    number(out, name, u64::try_from(micros / 1_000).unwrap_or(u64::MAX));
    let rest = u16::try_from(micros % 1_000).unwrap_or(0);
    out.push(b'.');
    three_digits(out, rest);
}

fn three_digits(out: &mut Vec<u8>, value: u16) {
    for digit in [value / 100 % 10, value / 10 % 10, value % 10] {
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// Formats the time of day once a second.
#[derive(Default)]
pub(super) struct SecondCache {
    second: i64,
    /// `2026-11-24T13:40:18`
    text: String,
}

impl SecondCache {
    /// RFC 3339 with milliseconds, in UTC.
    fn write(&mut self, at: i64, out: &mut Vec<u8>) {
        let second = at.div_euclid(1_000);
        if self.text.is_empty() || second != self.second {
            let timestamp = jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            self.text = timestamp.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.second = second;
        }
        out.extend_from_slice(self.text.as_bytes());
        out.push(b'.');
        three_digits(out, u16::try_from(at.rem_euclid(1_000)).unwrap_or(0));
        out.push(b'Z');
    }
}
