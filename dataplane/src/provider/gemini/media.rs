//! Pictures, sound and documents as Gemini takes them.

use base64::Engine as _;

use super::files;
use crate::{
    chat::{Content, Source},
    json::Object,
};

/// Types by the ending of a path, for what comes as an address alone.
const TYPES: [(&str, &str); 18] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("mov", "video/mov"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
];

/// Writes a picture, sound or document as a member of a part.
pub(super) fn write(part: &mut Object<'_>, content: &Content) -> Result<(), &'static str> {
    match content {
        Content::Image { source, .. } | Content::File { source, .. } => write_source(part, source),
        Content::Audio { data, format } => {
            inline(part, &format!("audio/{format}"), data);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn write_source(part: &mut Object<'_>, source: &Source) -> Result<(), &'static str> {
    match source {
        Source::Base64 { media_type, data } => inline(part, media_type, data),
        Source::Text(text) => {
            inline(part, "text/plain", &base64::engine::general_purpose::STANDARD.encode(text));
        }
        Source::Id(uri) | Source::Url(uri) if files::is_public(uri) => file(part, uri),
        Source::Id(_) => {
            return Err(
                "a file in a provider's account, which all tenants share, cannot be sent to Gemini: send its data instead",
            );
        }
        Source::Url(_) => {
            return Err(
                "an address that is sent to Gemini must be a public web address, not that of a file in the provider's account, which all tenants share",
            );
        }
    }
    Ok(())
}

pub(super) fn inline(part: &mut Object<'_>, media_type: &str, data: &str) {
    let mut blob = Object::open(part.name("inlineData"));
    blob.string("mimeType", media_type).string("data", data);
    blob.close();
}

pub(super) fn file(part: &mut Object<'_>, uri: &str) {
    let mut file = Object::open(part.name("fileData"));
    if let Some(media_type) = media_type(uri) {
        file.string("mimeType", media_type);
    }
    file.string("fileUri", uri);
    file.close();
}

fn media_type(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    let (_, ending) = path.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, media_type)| *media_type)
}
