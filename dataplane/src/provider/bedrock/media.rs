//! Pictures, documents and sound: their bytes, in the formats that Converse names. It fetches nothing, and neither does
//! the hub: an address is refused by the name of its field.

use std::collections::HashSet;

use base64::Engine as _;

use crate::{chat::Source, json::Object, provider::Refusal};

/// Says that what is taken from a source is to be cited.
pub(super) const CITED: &str = r#"{"enabled":true}"#;

/// Longest document name that is sent.
const NAME: usize = 200;

fn refuse<T>(field: &str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { field: field.to_owned(), message: message.into() })
}

/// `{"format": …, "source": {"bytes": …}}`
pub(super) fn image(block: &mut Object<'_>, source: &Source) -> Result<(), Refusal> {
    const FIELD: &str = "image_url";
    match source {
        Source::Base64 { media_type, data } => {
            let format = match media_type.as_str() {
                "image/png" => "png",
                "image/jpeg" | "image/jpg" => "jpeg",
                "image/gif" => "gif",
                "image/webp" => "webp",
                other => {
                    return refuse(
                        FIELD,
                        format!("`image_url` is {other}: Amazon Bedrock takes PNG, JPEG, GIF and WebP"),
                    );
                }
            };
            let mut image = Object::open(block.name("image"));
            bytes(&mut image, format, data);
            image.close();
            Ok(())
        }
        Source::Url(_) => refuse(
            FIELD,
            "`image_url` must hold the picture itself (`data:image/png;base64,…`): neither Amazon Bedrock nor this hub \
             fetches addresses",
        ),
        Source::Id(_) | Source::Text(_) => {
            refuse(FIELD, "`image_url` must hold the picture itself as base64 for Amazon Bedrock")
        }
    }
}

/// `{"format": …, "name": …, "source": {"bytes": …}, "citations": {"enabled": true}}`
pub(super) fn document(
    block: &mut Object<'_>,
    source: &Source,
    name: Option<&str>,
    cited: bool,
    names: &mut Names,
) -> Result<(), Refusal> {
    const FIELD: &str = "file";
    let (format, data) = match source {
        Source::Base64 { media_type, data } => match format(media_type) {
            Some(format) => (format, data.clone()),
            None => {
                return refuse(
                    FIELD,
                    format!(
                        "`file` is {media_type}: Amazon Bedrock takes PDF, CSV, Word, Excel, HTML, Markdown and plain text"
                    ),
                );
            }
        },
        Source::Text(text) => ("txt", base64::engine::general_purpose::STANDARD.encode(text)),
        Source::Url(_) => {
            return refuse(
                FIELD,
                "`file` must hold the document itself as base64: neither Amazon Bedrock nor this hub fetches addresses",
            );
        }
        Source::Id(_) => {
            return refuse(
                "file_id",
                "`file_id` names a file that was uploaded to another provider: send the document itself to Amazon Bedrock",
            );
        }
    };
    let mut document = Object::open(block.name("document"));
    document.string("name", &names.fit(name));
    bytes(&mut document, format, &data);
    if cited {
        document.raw("citations", CITED);
    }
    document.close();
    Ok(())
}

fn format(media_type: &str) -> Option<&'static str> {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    Some(match bare {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/markdown" => "md",
        text if text.starts_with("text/") => "txt",
        _ => return None,
    })
}

/// `{"format": …, "source": {"bytes": …}}`. The format is `OpenAI`'s word, which is Converse's too where it has one.
pub(super) fn audio(block: &mut Object<'_>, format: &str, data: &str) -> Result<(), Refusal> {
    const FORMATS: [&str; 15] = [
        "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga",
        "pcm", "webm",
    ];
    let Some(format) = FORMATS.into_iter().find(|known| *known == format) else {
        return refuse(
            "input_audio.format",
            format!("`input_audio.format` {format:?} is not known to Amazon Bedrock"),
        );
    };
    let mut audio = Object::open(block.name("audio"));
    bytes(&mut audio, format, data);
    audio.close();
    Ok(())
}

fn bytes(object: &mut Object<'_>, format: &str, data: &str) {
    object.string("format", format);
    let mut source = Object::open(object.name("source"));
    source.string("bytes", data);
    source.close();
}

/// The names of a request's documents: Converse wants each to have one of its own, of a few characters only.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    fn fit(&mut self, name: Option<&str>) -> String {
        let allowed = |character: char| {
            if character.is_ascii_alphanumeric() || "-()[]".contains(character) { character } else { ' ' }
        };
        let text: String = name.unwrap_or_default().chars().map(allowed).collect();
        let mut text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        text.truncate(NAME);
        let base = match text.trim_end() {
            "" => "document",
            text => text,
        };
        let mut name = base.to_owned();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{base} {number}");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_names_that_converse_takes() {
        let mut names = Names::default();
        assert_eq!(names.fit(Some("Q3 report_(final).pdf")), "Q3 report (final) pdf");
        assert_eq!(names.fit(Some("Q3 report_(final).pdf")), "Q3 report (final) pdf 2");
        assert_eq!(names.fit(None), "document");
        assert_eq!(names.fit(Some("报告.pdf")), "pdf");
        assert_eq!(names.fit(Some(&"x".repeat(300))).len(), NAME);
    }
}
