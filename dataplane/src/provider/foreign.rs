//! What another provider made, in a conversation that is relayed: thinking and its signatures, which only their maker
//! takes back. Where none is there nothing is parsed; where some is, all but the parts around it stays as it was.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;
use serde_json::value::RawValue;

use crate::body::{self, Body, Edit};

/// What becomes of a part of a turn.
pub(super) enum Verdict {
    Keep,
    Drop,
    /// It is sent with these changes.
    Change(Vec<Edit>),
}

/// What goes with the last part of a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    /// The turn: it says nothing else.
    Turn,
    /// The list of parts.
    List,
}

/// The turns to send instead; `None` where nothing changes. `member`: where a turn has its parts. `concerns`: whether a
/// text may hold what is looked for, tried on all turns and then on each. `judge` is told a part's place in its turn.
pub(super) fn judged(
    turns: &str,
    (member, goes): (&'static str, Goes),
    concerns: impl Fn(&str) -> bool,
    mut judge: impl FnMut(usize, &Body) -> Verdict,
) -> Option<String> {
    if !concerns(turns) {
        return None;
    }
    let turns: Vec<&RawValue> = serde_json::from_str(turns).ok()?;
    let mut kept: Vec<Cow<'_, str>> = Vec::with_capacity(turns.len());
    let mut changed = false;
    for turn in turns {
        let text = turn.get();
        let judged = Some(text).filter(|text| concerns(text)).and_then(scan).and_then(|turn| {
            let parts = parts(turn.raw(member)?, &mut judge)?;
            Some((turn, parts))
        });
        let Some((turn, parts)) = judged else {
            kept.push(Cow::Borrowed(text));
            continue;
        };
        changed = true;
        let edit = match parts {
            None if goes == Goes::Turn => continue,
            None => Edit::Remove(member),
            Some(parts) => Edit::Set(member, parts),
        };
        kept.push(Cow::Owned(applied(&turn, &[edit])));
    }
    changed.then(|| format!("[{}]", kept.join(",")))
}

/// The parts to send instead, none of them as `None`; `None` where nothing changes.
#[expect(clippy::option_option, reason = "no change, or no parts")]
fn parts(raw: &str, judge: &mut impl FnMut(usize, &Body) -> Verdict) -> Option<Option<String>> {
    let parts: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let mut kept: Vec<Cow<'_, str>> = Vec::with_capacity(parts.len());
    let mut changed = false;
    for (index, part) in parts.into_iter().enumerate() {
        let text = part.get();
        let part = scan(text);
        match part.as_ref().map_or(Verdict::Keep, |part| judge(index, part)) {
            Verdict::Keep => {
                kept.push(Cow::Borrowed(text));
                continue;
            }
            Verdict::Drop => {}
            Verdict::Change(edits) => kept.extend(part.map(|part| Cow::Owned(applied(&part, &edits)))),
        }
        changed = true;
    }
    changed.then(|| (!kept.is_empty()).then(|| format!("[{}]", kept.join(","))))
}

fn scan(text: &str) -> Option<Body> {
    body::scan(Bytes::copy_from_slice(text.as_bytes())).ok()
}

fn applied(object: &Body, edits: &[Edit]) -> String {
    String::from_utf8_lossy(&body::apply(object, edits)).into_owned()
}

/// Whether a member of this name, written with its quotes, has a value that starts with one of these, at any depth.
pub(super) fn has(text: &str, name: &str, starts: &[&str]) -> bool {
    memmem::find_iter(text.as_bytes(), name.as_bytes()).any(|at| {
        let rest = text.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(':').map(str::trim_ascii_start);
        value.is_some_and(|value| starts.iter().any(|start| value.starts_with(start)))
    })
}
