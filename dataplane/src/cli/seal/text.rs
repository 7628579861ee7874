//! Replaces values in a manifest's text and leaves every other character as it was, comments included.
//!
//! The parser says where each value begins; the end is found here, for values that stand on one line and for block
//! scalars. The new text is read again: unless it says exactly what was meant, nothing is written.

use aigne_hub_crds::{
    config::SecretRef,
    manifest::{Body, Error, Manifests, Object, Place, Secret},
};
use anyhow::{anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

use crate::{
    secret::{
        SecretValue,
        seal::{self, SealKey},
    },
    source::{resolve::ENVIRONMENT_PREFIX, secrets},
};

/// The new text, and how many values were sealed.
pub(super) struct Sealed {
    pub(super) text: String,
    pub(super) values: usize,
}

/// One value to be replaced.
struct Replacement {
    place: Place,
    /// Whether the value is base64, as under `data`.
    encoded: bool,
    value: String,
}

/// Seals every plain value of every Secret in `text`.
pub(super) fn seal(name: &str, text: &str, key: &SealKey) -> anyhow::Result<Sealed> {
    let before = parse(name, text)?;
    let mut replacements = Vec::new();
    for (object, secret) in secrets_of(&before) {
        for data_key in secret.values.keys() {
            replacements.extend(replacement(object, secret, data_key, key)?);
        }
    }
    // From the end, so that places before it stay right.
    replacements.sort_by_key(|replacement| std::cmp::Reverse(replacement.place));
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    for replacement in &replacements {
        let token =
            if replacement.encoded { BASE64.encode(&replacement.value) } else { replacement.value.clone() };
        if replace(&mut lines, replacement.place, &format!("\"{token}\"")).is_none() {
            bail!(
                "{name}:{}: this value's form cannot be replaced: write it on one line",
                replacement.place.line
            );
        }
    }
    let sealed = lines.concat();
    if !parse(name, &sealed).is_ok_and(|after| says_the_same(&before, &after, key)) {
        bail!("{name}: its values cannot be replaced as they are written: write each on its own line");
    }
    Ok(Sealed { text: sealed, values: replacements.len() })
}

fn parse(name: &str, text: &str) -> anyhow::Result<Manifests> {
    let manifests = Manifests::read([(name, text)]);
    if manifests.errors.is_empty() {
        return Ok(manifests);
    }
    let lines: Vec<_> = manifests.errors.iter().map(Error::to_string).collect();
    Err(anyhow!("{}", lines.join("\n")))
}

fn secrets_of(manifests: &Manifests) -> impl Iterator<Item = (&Object, &Secret)> {
    manifests.objects.iter().filter_map(|object| match &object.body {
        Body::Secret(secret) => Some((object, secret)),
        _ => None,
    })
}

/// `None` for a value that is not plain.
fn replacement(
    object: &Object,
    secret: &Secret,
    data_key: &str,
    key: &SealKey,
) -> anyhow::Result<Option<Replacement>> {
    let field = secrets::field_of(object, data_key);
    let Some(text) = secret.values.get(data_key).and_then(plain_text) else {
        bail!("{}: {field}: only text can be sealed", object.location(&field));
    };
    if text.is_empty() || text.starts_with(ENVIRONMENT_PREFIX) || text.starts_with(seal::PREFIX) {
        return Ok(None);
    }
    let sealed = key.seal(&place_of(object, data_key), &SecretValue::new((*text).clone()))?;
    Ok(Some(Replacement {
        place: object.places.find(&field),
        encoded: !field.starts_with("stringData"),
        value: sealed,
    }))
}

fn plain_text(value: &aigne_hub_crds::manifest::SecretValue) -> Option<Zeroizing<String>> {
    std::str::from_utf8(value.expose()).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn place_of(object: &Object, data_key: &str) -> SecretRef {
    secrets::reference(&object.key, data_key)
}

/// Replaces the scalar that begins at `place`; `None` where its end cannot be told.
fn replace(lines: &mut Vec<String>, place: Place, token: &str) -> Option<()> {
    let index = place.line.checked_sub(1)?;
    let line = lines.get(index)?.clone();
    let start = line.char_indices().nth(place.column.checked_sub(1)?)?.0;
    let (head, rest) = line.split_at(start);
    if head.trim().is_empty()
        && let Some((header, key)) = block_header(lines, index)
    {
        let line_end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
        let new = format!("{key}{token}{line_end}");
        lines.splice(header..block_end(lines, header), [new]);
        return Some(());
    }
    let length = match rest.chars().next()? {
        '"' => double_quoted(rest)?,
        '\'' => single_quoted(rest)?,
        '&' | '*' | '!' => return None,
        _ => plain(head, rest),
    };
    let new = format!("{head}{token}{}", rest.get(length..)?);
    *lines.get_mut(index)? = new;
    Some(())
}

/// The line that ends with `|` or `>` before a block scalar's text, and what stands before that sign.
fn block_header(lines: &[String], first: usize) -> Option<(usize, String)> {
    let (index, line) = lines.iter().enumerate().take(first).rfind(|(_, line)| !line.trim().is_empty())?;
    let sign = line.rfind(['|', '>'])?;
    let (before, after) = (&line[..sign], line[sign + 1..].trim());
    let indicators = after.split('#').next().unwrap_or(after);
    let is_header = before.trim_end().ends_with(':')
        && indicators.trim().chars().all(|character| matches!(character, '+' | '-' | '1'..='9'));
    is_header.then(|| (index, before.to_owned()))
}

/// The line after a block scalar: the first that is indented no deeper than the line where it begins. Blank lines
/// behind it stay.
fn block_end(lines: &[String], header: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let outer = lines.get(header).map_or(0, |line| indent(line));
    let mut end = header + 1;
    for (index, line) in lines.iter().enumerate().skip(header + 1) {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) <= outer {
            break;
        }
        end = index + 1;
    }
    end
}

fn double_quoted(rest: &str) -> Option<usize> {
    let mut escaped = false;
    rest.char_indices().skip(1).find_map(|(at, character)| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at + 1)
    })
}

/// A quote is written twice inside.
fn single_quoted(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            if bytes.get(at + 1) != Some(&b'\'') {
                return Some(at + 1);
            }
            at += 1;
        }
        at += 1;
    }
    None
}

/// Up to a comment, the line's end, or what ends a value between braces.
fn plain(head: &str, rest: &str) -> usize {
    let in_braces = head.contains('{');
    let comment = rest.find(" #").unwrap_or(rest.len());
    let end = match rest.find([',', '}']) {
        Some(end) if in_braces => end.min(comment),
        _ => comment,
    };
    rest[..end].trim_end().len()
}

/// Every object is what it was, and every value opens to what it was.
fn says_the_same(before: &Manifests, after: &Manifests, key: &SealKey) -> bool {
    before.objects.len() == after.objects.len()
        && before.objects.iter().zip(&after.objects).all(|(old, new)| {
            old.key == new.key
                && match (&old.body, &new.body) {
                    (Body::Secret(old_secret), Body::Secret(new_secret)) => {
                        old_secret.labels == new_secret.labels
                            && old_secret.annotations == new_secret.annotations
                            && old_secret.values.keys().eq(new_secret.values.keys())
                            && old_secret.values.iter().zip(new_secret.values.values()).all(
                                |((name, old), now)| {
                                    old == now || opens_to(now, &place_of(new, name), key, old)
                                },
                            )
                    }
                    (old, new) => old == new,
                }
        })
}

fn opens_to(
    now: &aigne_hub_crds::manifest::SecretValue,
    place: &SecretRef,
    key: &SealKey,
    old: &aigne_hub_crds::manifest::SecretValue,
) -> bool {
    let opened = plain_text(now).and_then(|text| key.open(place, &text).ok());
    opened.is_some_and(|opened| opened.expose().as_bytes() == old.expose())
}
