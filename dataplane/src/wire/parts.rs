//! Parts of a message that `OpenAI`'s wires write alike.

use serde::Deserialize;

use super::{
    BadRequest,
    fields::{self, bad, read},
};
use crate::chat::{Content, Raw, Source};

/// A picture's address, or its data.
pub(super) fn url(param: &str, url: String) -> Result<Source, BadRequest> {
    if url.starts_with("data:") {
        let (media_type, data) =
            fields::data_url(&url).ok_or_else(|| bad(param, "is not a base64 data URL"))?;
        return Ok(Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() });
    }
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Source::Url(url));
    }
    Err(bad(param, "must be an http(s) or a data URL"))
}

/// A document: its data, its id, or its address.
pub(super) fn file(
    data: Option<String>,
    id: Option<String>,
    url: Option<String>,
    name: Option<String>,
) -> Result<Content, BadRequest> {
    let source = match (data, id, url) {
        (Some(data), None, None) => match fields::data_url(&data) {
            Some((media_type, data)) => {
                Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() }
            }
            // The format also takes bare base64; only PDF documents are sent so.
            None => Source::Base64 { media_type: "application/pdf".to_owned(), data },
        },
        (None, Some(id), None) => Source::Id(id),
        (None, None, Some(url)) => self::url("file_url", url)?,
        _ => return Err(bad("", "needs either data, an id or an address")),
    };
    Ok(Content::File { source, name })
}

/// Sound.
pub(super) fn audio(raw: &str) -> Result<Content, BadRequest> {
    #[derive(Deserialize)]
    struct Audio {
        data: String,
        format: String,
    }
    let audio: Audio = read("input_audio", raw)?;
    Ok(Content::Audio { data: audio.data, format: audio.format })
}

/// `OpenAI`'s mark for "the prompt up to here may be cached", as the mark that the model carries.
pub(super) fn breakpoint(mark: Option<&Raw>) -> Option<Raw> {
    mark.filter(|mark| mark.is_object()).and_then(|_| Raw::parse(r#"{"type":"ephemeral"}"#))
}
