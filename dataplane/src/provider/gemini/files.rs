//! Files that Google keeps lie in the account that all tenants share: whoever knows a name gets what it means. So only
//! public addresses may stand where a file is named.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{body, provider::Refusal};

/// Levels below a field that are looked at; files stand at most nine below.
const DEEPEST: usize = 16;

/// Whether this is a public web address, and none of Google's own interfaces.
pub(super) fn is_public(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    if !["https", "http"].into_iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Letter by letter, so that nothing is read as another host by Google: no user, no escape, no letter beyond ASCII.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':');
    if authority.is_empty() || !authority.chars().all(plain) {
        return false;
    }
    let host = authority.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let of_google = host == "googleapis.com" || host.ends_with(".googleapis.com");
    !host.is_empty() && (!of_google || host == "storage.googleapis.com")
}

/// Checks a member of a relayed body: contents, an instruction, or anything that nobody knows.
pub(super) fn check(name: &str, raw: &str) -> Result<(), Refusal> {
    // Without an escape, a name stands as it is.
    let may_name = |word: &str| memchr::memmem::find(raw.as_bytes(), word.as_bytes()).is_some();
    if !["fileUri", "file_uri", "mediaProcessing", "media_processing", "\\u"].into_iter().any(may_name) {
        return Ok(());
    }
    walk(name, raw, DEEPEST)
}

fn walk(path: &str, raw: &str, depth: usize) -> Result<(), Refusal> {
    let unreadable = |why: &str| refuse(path, &format!("cannot be read: {why}"));
    if !raw.starts_with(['{', '[']) {
        return Ok(());
    }
    let Some(depth) = depth.checked_sub(1) else { return Err(unreadable("it is nested too deeply")) };
    if raw.starts_with('[') {
        let items: Vec<&RawValue> =
            serde_json::from_str(raw).map_err(|error| unreadable(&error.to_string()))?;
        let mut items = items.into_iter().enumerate();
        return items.try_for_each(|(index, item)| walk(&format!("{path}[{index}]"), item.get(), depth));
    }
    // Refuses what stands twice.
    let object =
        body::scan(Bytes::copy_from_slice(raw.as_bytes())).map_err(|error| unreadable(&error.to_string()))?;
    for (name, raw) in object.members() {
        let inner = format!("{path}.{name}");
        match name {
            "fileUri" | "file_uri" => file(&inner, raw)?,
            "mediaProcessing" | "media_processing" => processing(&inner, raw)?,
            "functionCall" | "function_call" => besides("args", &inner, raw, depth)?,
            "functionResponse" | "function_response" => besides("response", &inner, raw, depth)?,
            _ => walk(&inner, raw, depth)?,
        }
    }
    Ok(())
}

/// A call or its result, one member of which is the client's own and names nothing to Google.
fn besides(own: &str, path: &str, raw: &str, depth: usize) -> Result<(), Refusal> {
    if !raw.starts_with('{') {
        return walk(path, raw, depth);
    }
    let object = body::scan(Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|error| refuse(path, &format!("cannot be read: {error}")))?;
    let mut others = object.members().filter(|(name, _)| *name != own);
    others.try_for_each(|(name, raw)| match name {
        "fileUri" | "file_uri" => file(&format!("{path}.{name}"), raw),
        _ => walk(&format!("{path}.{name}"), raw, depth),
    })
}

fn file(path: &str, raw: &str) -> Result<(), Refusal> {
    match serde_json::from_str::<Option<String>>(raw) {
        Ok(uri) if uri.as_deref().is_none_or(is_public) => Ok(()),
        _ => Err(refuse(path, NOT_PUBLIC)),
    }
}

/// `AGENTIC` lets the model look at a film again and again.
fn processing(path: &str, raw: &str) -> Result<(), Refusal> {
    match raw {
        "null" | r#""STATIC""# | r#""MEDIA_PROCESSING_UNSPECIFIED""# => Ok(()),
        _ => Err(refuse(path, "may only be STATIC: others cost more than is known before")),
    }
}

/// What is said of a file that is no public address.
pub(super) const NOT_PUBLIC: &str = "may only be a public web address: files in the provider's account are shared by all \
                                     tenants, so this hub does not allow them; send the data itself";

fn refuse(path: &str, message: &str) -> Refusal {
    Refusal { field: path.to_owned(), message: format!("`{path}` {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in [
            "https://www.youtube.com/watch?v=x",
            "https://example.com:8443/a.png?x=https://y",
            "HTTP://example.com",
            "https://storage.googleapis.com/public/a.png",
            "https://notgoogleapis.com/a",
        ] {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "",
            "files/abc",
            "gs://bucket/a",
            "abc",
            "ftp://example.com/a",
            "https://",
            "https:generativelanguage.googleapis.com/v1beta/files/a",
            "https://generativelanguage.googleapis.com/v1beta/files/a",
            " https://generativelanguage.googleapis.com/v1beta/files/a",
            "HTTPS://GenerativeLanguage.GoogleApis.com.:443/v1beta/files/a",
            "https://x@generativelanguage.googleapis.com/v1beta/files/a",
            "https://generativelanguage%2egoogleapis.com/v1beta/files/a",
            "https://generativelanguage.googleapis.com\\@example.com/files/a",
            "https://generativelanguage\u{3002}googleapis.com/v1beta/files/a",
            "https://\tgenerativelanguage.googleapis.com/files/a",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }
}
