//! One record of a segment, as bytes.
//!
//! ```text
//! length u32 │ crc32 u32 │ kind u8 │ payload        (little endian; length counts kind and payload)
//! ```
//!
//! The checksum covers length, kind and payload and starts from the segment's sequence number, so what an
//! earlier use of the same file left behind never reads as a record. Payloads are the fields in a fixed order;
//! a later version may append fields, which an older reader passes over. Strings are a `u16` length and UTF-8;
//! `u16::MAX` stands for none.

use std::sync::Arc;

use uuid::Uuid;

use crate::ledger::leases::{Draw, Draws, Place};
use crate::ledger::{Charge, Intent, Nanos, Outcome, Status};
use crate::usage::{ImageKind, Source, Usage, Word};

/// Bytes before the kind.
const PREFIX: usize = 8;
const INTENT: u8 = 1;
const OUTCOME: u8 = 2;
const NO_STRING: u16 = u16::MAX;

/// Bytes of an outcome record with tokens of text and audio alone, prefix included.
#[cfg(test)]
pub(crate) const PLAIN_OUTCOME_LEN: u64 = 127;

/// The most bytes of an outcome record that names no job, prefix included: what an intent keeps free for it.
pub(crate) const OUTCOME_LEN: u64 = 127 + 5 * 8 + 2 * (1 + Word::MOST as u64);

/// What a segment holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// An attempt is about to begin.
    Intent(Intent),
    /// It has ended.
    Outcome(Outcome),
}

/// Replaces `out` with the record; [`seal`] completes it.
pub(super) fn encode_intent(out: &mut Vec<u8>, intent: &Intent) {
    begin(out, INTENT);
    put_key(out, intent.request_id, intent.attempt, intent.at);
    put_usage(out, &intent.bound);
    put_charge(out, intent.bound_charge);
    for text in [&intent.tenant, &intent.account, &intent.key, &intent.provider, &intent.model] {
        put_string(out, Some(text));
    }
    put_string(out, intent.user.as_deref());
    put_string(out, intent.project.as_deref());
    put_string(out, intent.price_revision.as_deref());
    put_draws(out, &intent.draws);
    put_units(out, &intent.bound, false);
}

/// Replaces `out` with the record; [`seal`] completes it.
pub(super) fn encode_outcome(out: &mut Vec<u8>, outcome: &Outcome) {
    begin(out, OUTCOME);
    put_key(out, outcome.request_id, outcome.attempt, outcome.at);
    out.push(status_code(outcome.status));
    out.extend(outcome.http_status.to_le_bytes());
    out.push(source_code(outcome.source));
    put_usage(out, &outcome.usage);
    put_charge(out, outcome.charge);
    out.push(u8::from(outcome.first_byte_ms.is_some()));
    out.extend(outcome.first_byte_ms.unwrap_or(0).to_le_bytes());
    put_units(out, &outcome.usage, outcome.job.is_some());
    if outcome.job.is_some() {
        put_string(out, outcome.job.as_deref());
    }
}

/// Writes length and checksum for the segment with this sequence number.
pub(super) fn seal(record: &mut [u8], sequence: u64) {
    let Some((prefix, body)) = record.split_first_chunk_mut::<PREFIX>() else { return };
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let crc = checksum(sequence, length, body).to_le_bytes();
    let [l0, l1, l2, l3] = length;
    let [c0, c1, c2, c3] = crc;
    *prefix = [l0, l1, l2, l3, c0, c1, c2, c3];
}

/// The body (kind and payload) of the record at the start of `bytes`, and how long the record is; none where
/// no whole record was written.
pub(super) fn unseal(bytes: &[u8], sequence: u64) -> Option<(&[u8], usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let body_len = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let body = rest.get(..body_len)?;
    let whole = !body.is_empty() && checksum(sequence, *length, body) == u32::from_le_bytes(*crc);
    whole.then_some((body, PREFIX + body_len))
}

/// Reads a body; none where its kind is not known or a field is missing.
pub(super) fn decode(body: &[u8]) -> Option<Record> {
    let (kind, payload) = body.split_first()?;
    let mut fields = Fields(payload);
    match *kind {
        INTENT => fields.intent().map(Record::Intent),
        OUTCOME => fields.outcome().map(Record::Outcome),
        _ => None,
    }
}

fn checksum(sequence: u64, length: [u8; 4], body: &[u8]) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "only the uses of one file must differ")]
    let mut crc = crc32fast::Hasher::new_with_initial(sequence as u32);
    crc.update(&length);
    crc.update(body);
    crc.finalize()
}

fn begin(out: &mut Vec<u8>, kind: u8) {
    out.clear();
    out.extend([0; PREFIX]);
    out.push(kind);
}

fn put_key(out: &mut Vec<u8>, request_id: Uuid, attempt: u32, at: i64) {
    out.extend(request_id.as_bytes());
    out.extend(attempt.to_le_bytes());
    out.extend(at.to_le_bytes());
}

fn put_usage(out: &mut Vec<u8>, usage: &Usage) {
    let Usage { input, cached_input, cache_write, output, reasoning, audio_input, audio_output, .. } = *usage;
    for count in [input, cached_input, cache_write, output, reasoning, audio_input, audio_output] {
        out.extend(count.to_le_bytes());
    }
    out.push(u8::from(usage.reported_cost_nanos.is_some()));
    out.extend(usage.reported_cost_nanos.unwrap_or(0).to_le_bytes());
}

/// What most attempts have none of, at the end: nothing where there is none, unless something follows.
fn put_units(out: &mut Vec<u8>, usage: &Usage, follows: bool) {
    let counts = [usage.image_input, usage.image_output, usage.images, usage.millis, usage.characters];
    if counts == [0; 5] && usage.image.is_unstated() && !follows {
        return;
    }
    for count in counts {
        out.extend(count.to_le_bytes());
    }
    for word in [usage.image.size, usage.image.quality] {
        let text = word.as_str();
        out.push(u8::try_from(text.len()).unwrap_or(0));
        out.extend(text.as_bytes());
    }
}

fn put_charge(out: &mut Vec<u8>, charge: Charge) {
    out.extend(charge.cost.0.to_le_bytes());
    out.extend(charge.price.0.to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else { return out.extend(NO_STRING.to_le_bytes()) };
    // Names are bounded far below this; a record is whole even if one is not.
    let text = &text[..text.floor_char_boundary(usize::from(NO_STRING - 1))];
    out.extend(u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
    out.extend(text.as_bytes());
}

/// A number of draws, then each: name, window, flags.
fn put_draws(out: &mut Vec<u8>, draws: &[Draw]) {
    // A handful: one for each budget of the tenant and the key.
    let draws = &draws[..draws.len().min(usize::from(u8::MAX))];
    out.push(u8::try_from(draws.len()).unwrap_or(u8::MAX));
    for Draw { place, reserved } in draws {
        put_string(out, Some(&place.allowance));
        out.extend(place.window.to_le_bytes());
        out.push(u8::from(*reserved));
    }
}

/// Reads fields from the front of a payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn intent(&mut self) -> Option<Intent> {
        let (request_id, attempt, at) = self.key()?;
        let bound = self.usage()?;
        let bound_charge = self.charge()?;
        let mut name = || self.string()?.map(Arc::<str>::from);
        let (tenant, account, key, provider, model) = (name()?, name()?, name()?, name()?, name()?);
        let user = self.string()?.map(str::to_owned);
        let project = self.string()?.map(str::to_owned);
        let price_revision = self.string()?.map(Arc::from);
        let draws = self.draws()?;
        let bound = self.units(bound)?;
        Some(Intent {
            request_id,
            attempt,
            at,
            tenant,
            account,
            key,
            user,
            project,
            provider,
            model,
            price_revision,
            bound,
            bound_charge,
            draws,
        })
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let (request_id, attempt, at) = self.key()?;
        let outcome = Outcome {
            request_id,
            attempt,
            at,
            status: status(self.byte()?)?,
            http_status: u16::from_le_bytes(self.take()?),
            source: source(self.byte()?)?,
            usage: self.usage()?,
            charge: self.charge()?,
            first_byte_ms: self.optional(|fields| fields.take().map(u32::from_le_bytes))?,
            job: None,
        };
        let usage = self.units(outcome.usage)?;
        let job = if self.0.is_empty() { None } else { self.string()?.map(Arc::from) };
        Some(Outcome { usage, job, ..outcome })
    }

    /// None of them in a record that ends before: there were none, or an earlier version wrote it.
    fn units(&mut self, usage: Usage) -> Option<Usage> {
        if self.0.is_empty() {
            return Some(usage);
        }
        let mut count = || self.take().map(u64::from_le_bytes);
        let (image_input, image_output) = (count()?, count()?);
        let (images, millis, characters) = (count()?, count()?, count()?);
        let image = ImageKind { size: self.word()?, quality: self.word()? };
        Some(Usage { image_input, image_output, images, image, millis, characters, ..usage })
    }

    fn word(&mut self) -> Option<Word> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Word::new)
    }

    /// None in a record of an earlier version, which ends before.
    fn draws(&mut self) -> Option<Draws> {
        let count = if self.0.is_empty() { 0 } else { self.byte()? };
        let mut draw = || {
            let allowance = self.string()??.into();
            let window = i64::from_le_bytes(self.take()?);
            Some(Draw { place: Place { allowance, window }, reserved: self.byte()? & 1 == 1 })
        };
        (0..count).map(|_| draw()).collect()
    }

    fn key(&mut self) -> Option<(Uuid, u32, i64)> {
        let request_id = Uuid::from_bytes(self.take()?);
        Some((request_id, u32::from_le_bytes(self.take()?), i64::from_le_bytes(self.take()?)))
    }

    fn usage(&mut self) -> Option<Usage> {
        let mut count = || self.take().map(u64::from_le_bytes);
        Some(Usage {
            input: count()?,
            cached_input: count()?,
            cache_write: count()?,
            output: count()?,
            reasoning: count()?,
            audio_input: count()?,
            audio_output: count()?,
            reported_cost_nanos: self.optional(|fields| fields.take().map(i64::from_le_bytes))?,
            ..Usage::default()
        })
    }

    fn charge(&mut self) -> Option<Charge> {
        let mut nanos = || self.take().map(|bytes| Nanos(i64::from_le_bytes(bytes)));
        Some(Charge { cost: nanos()?, price: nanos()? })
    }

    /// The outer option: whether it could be read; the inner one: whether there is a value.
    #[expect(clippy::option_option, reason = "both can be absent")]
    fn optional<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        let present = self.byte()? == 1;
        let value = value(self)?;
        Some(present.then_some(value))
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }
}

impl<'a> Fields<'a> {
    #[expect(clippy::option_option, reason = "both can be absent")]
    fn string(&mut self) -> Option<Option<&'a str>> {
        let length = u16::from_le_bytes(self.take()?);
        if length == NO_STRING {
            return Some(None);
        }
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Some)
    }
}

fn status_code(status: Status) -> u8 {
    match status {
        Status::Completed => 0,
        Status::ClientGone => 1,
        Status::Failed => 2,
        Status::Broken => 3,
        Status::Unreachable => 4,
        Status::Interrupted => 5,
    }
}

fn status(code: u8) -> Option<Status> {
    Some(match code {
        0 => Status::Completed,
        1 => Status::ClientGone,
        2 => Status::Failed,
        3 => Status::Broken,
        4 => Status::Unreachable,
        5 => Status::Interrupted,
        _ => return None,
    })
}

fn source_code(source: Source) -> u8 {
    match source {
        Source::Provider => 0,
        Source::Estimated => 1,
        Source::Bound => 2,
    }
}

fn source(code: u8) -> Option<Source> {
    Some(match code {
        0 => Source::Provider,
        1 => Source::Estimated,
        2 => Source::Bound,
        _ => return None,
    })
}
