//! The head of one part.

use super::File;

/// Name and file of a part. Everything else that is said there is dropped, but nothing that changes what the bytes mean.
pub(super) fn read(head: &[u8]) -> Result<(String, Option<File>), &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "it is not UTF-8")?;
    let (mut disposition, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        if line.contains(['\r', '\n', '\0']) {
            return Err("it has stray control characters");
        }
        let (name, value) = line.split_once(':').ok_or("a line has no colon")?;
        let place = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            "content-transfer-encoding" => match value.trim().to_ascii_lowercase().as_str() {
                "binary" | "8bit" | "7bit" => continue,
                _ => return Err("values must not be encoded (content-transfer-encoding)"),
            },
            _ => continue,
        };
        if place.replace(value.trim()).is_some() {
            return Err("a line is given twice");
        }
    }
    let disposition = disposition.ok_or("there is no content-disposition")?;
    let (kind, rest) = disposition.split_once(';').ok_or("the content-disposition names nothing")?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err("the content-disposition is not form-data");
    }
    let (mut name, mut filename, mut extended) = (None, None, None);
    for (key, value) in parameters(rest).ok_or("the content-disposition cannot be read")? {
        let place = match key.as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            "filename*" => &mut extended,
            _ => return Err("the content-disposition has a parameter that is not known"),
        };
        if place.replace(value).is_some() {
            return Err("a parameter is given twice");
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or("the field has no name")?;
    if name.contains(['"', '\\', '%']) || name.trim() != name {
        return Err("the field has a name that readers take differently");
    }
    let extended = extended.map(|text| decoded(&text).ok_or("the filename* cannot be read")).transpose()?;
    let file = filename.or(extended).map(|name| File {
        name,
        content_type: content_type.filter(|text| is_media_type(text)).map(str::to_owned),
    });
    Ok((name, file))
}

/// `; name=value; name="value"`, names in lower case; `None` where it is anything else.
pub(super) fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        if rest.is_empty() {
            break;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after.get(..end)?.trim().to_owned(), after.get(end..)?)
            }
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
    }
    Some(found)
}

/// The text up to the closing quote, and what follows it. Only a quote or a backslash is taken to be escaped: browsers
/// write a Windows path as it is.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => value.push(next),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

/// RFC 5987: `utf-8''na%C3%AFve.txt`.
fn decoded(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let text = percent_encoding::percent_decode_str(encoded).decode_utf8().ok()?;
    (!text.contains(['\r', '\n', '\0'])).then(|| text.into_owned())
}

/// What may be written into a head again.
fn is_media_type(text: &str) -> bool {
    text.len() <= 255 && text.contains('/') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
