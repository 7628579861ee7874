//! Changes top-level members and leaves every other byte as it was.

use std::borrow::Cow;

use bytes::Bytes;

use super::{Body, Member};

/// One change of a top-level member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Sets the member to this raw JSON text, whether it is there or not.
    Set(&'static str, String),
    /// Takes the member out.
    Remove(&'static str),
    /// Gives the member another name and keeps its value; nothing happens where it is absent. A member that
    /// already has the new name gives way.
    Rename(&'static str, &'static str),
}

/// The body with the changes applied in order; the same bytes where there are none.
pub fn apply(body: &Body, edits: &[Edit]) -> Bytes {
    if edits.is_empty() {
        return body.bytes.clone();
    }
    let mut plan: Vec<Entry<'_>> = body
        .members
        .iter()
        .map(|member| Entry {
            origin: Some(member),
            name: Cow::Borrowed(body.name(member)),
            renamed: false,
            value: None,
        })
        .collect();
    // Removed members keep their place, so that the white space around the others stays theirs.
    let mut removed = vec![false; plan.len()];
    for edit in edits {
        let find = |plan: &[Entry<'_>], removed: &[bool], name: &str| {
            (0..plan.len()).find(|index| !removed[*index] && plan[*index].name == name)
        };
        match edit {
            Edit::Set(name, value) => {
                if let Some(index) = find(&plan, &removed, name) {
                    plan[index].value = Some(value);
                } else {
                    plan.push(Entry {
                        origin: None,
                        name: Cow::Borrowed(name),
                        renamed: true,
                        value: Some(value),
                    });
                    removed.push(false);
                }
            }
            Edit::Remove(name) => {
                if let Some(index) = find(&plan, &removed, name) {
                    removed[index] = true;
                }
            }
            Edit::Rename(from, to) => {
                if from != to
                    && let Some(index) = find(&plan, &removed, from)
                {
                    if let Some(other) = find(&plan, &removed, to) {
                        removed[other] = true;
                    }
                    plan[index].name = Cow::Borrowed(to);
                    plan[index].renamed = true;
                }
            }
        }
    }
    write(body, &plan, &removed)
}

/// Takes one of the members out of a text; appends what is left.
pub(crate) fn cut(text: &[u8], members: &[Member], index: usize, out: &mut Vec<u8>) {
    // With the comma before it, or, where it is the first, the one after it.
    let end = |index: usize| members.get(index).map(|member| member.whole.end);
    let start = |index: usize| members.get(index).map(|member| member.whole.start);
    let (from, to) = match (index.checked_sub(1).and_then(end), start(index), start(index + 1), end(index)) {
        (Some(from), _, _, Some(to))
        | (None, Some(from), Some(to), _)
        | (None, Some(from), None, Some(to)) => (from, to),
        _ => (text.len(), text.len()),
    };
    out.extend_from_slice(text.get(..from).unwrap_or_default());
    out.extend_from_slice(text.get(to..).unwrap_or_default());
}

/// What becomes of one member.
struct Entry<'a> {
    /// Where it comes from; `None` for a new one.
    origin: Option<&'a Member>,
    name: Cow<'a, str>,
    renamed: bool,
    /// Another value than its own.
    value: Option<&'a str>,
}

fn write(body: &Body, plan: &[Entry<'_>], removed: &[bool]) -> Bytes {
    let bytes: &[u8] = &body.bytes;
    let added: usize = plan.iter().map(|entry| entry.name.len() + entry.value.map_or(0, str::len) + 8).sum();
    let mut out = Vec::with_capacity(bytes.len() + added);
    let open = bytes.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let first = body.members.first().map_or(open, |member| member.whole.start);
    let last = body.members.last().map_or(open, |member| member.whole.end);
    out.extend_from_slice(&bytes[..first]);
    let mut before = first;
    let mut empty = true;
    for (entry, removed) in plan.iter().zip(removed) {
        let gap = before..entry.origin.map_or(before, |member| member.whole.start);
        if let Some(member) = entry.origin {
            before = member.whole.end;
        }
        if *removed {
            continue;
        }
        if !std::mem::take(&mut empty) {
            // The member's own comma and white space; an added one gets just a comma.
            match entry.origin {
                Some(_) if !gap.is_empty() => out.extend_from_slice(&bytes[gap]),
                _ => out.push(b','),
            }
        }
        match entry.origin {
            Some(member) if !entry.renamed => {
                out.extend_from_slice(&bytes[member.whole.start..member.value.start]);
            }
            Some(member) => {
                crate::json::string(&mut out, &entry.name);
                out.extend_from_slice(&bytes[member.name.end + 1..member.value.start]);
            }
            None => {
                crate::json::string(&mut out, &entry.name);
                out.push(b':');
            }
        }
        match (entry.value, entry.origin) {
            (Some(value), _) => out.extend_from_slice(value.as_bytes()),
            (None, Some(member)) => out.extend_from_slice(&bytes[member.value.clone()]),
            (None, None) => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(&bytes[last..]);
    out.into()
}
