//! Sound: speech, and transcriptions of it.

use bytes::Bytes;

use super::{super::fields::bad, BadRequest, images::blob, values};
use crate::{
    media::{
        Blob, speech,
        transcription::{self, Format},
    },
    payload::Payload,
};

pub(super) fn speech(payload: &Payload) -> Result<speech::Request, BadRequest> {
    let mut request = speech::Request::default();
    let mut given = false;
    for value in values(payload) {
        match value.name {
            "input" => (given, request.input) = (true, value.text()?),
            // An object names a voice of one's own.
            "voice" if value.raw.starts_with('"') => request.voice = Some(value.text()?),
            "instructions" => request.instructions = Some(value.text()?),
            "response_format" => request.format = Some(value.text()?),
            "stream_format" => {
                request.events = match value.text()?.as_str() {
                    "sse" => true,
                    "audio" => false,
                    _ => return Err(bad("stream_format", "must be \"audio\" or \"sse\"")),
                }
            }
            "model" => {}
            other => request.others.push(other.to_owned()),
        }
    }
    if given { Ok(request) } else { Err(bad("input", "is missing")) }
}

pub(super) fn transcription(payload: &Payload) -> Result<transcription::Request, BadRequest> {
    let Payload::Form(form) = payload else {
        return Err(bad("file", "must be a file of a form (multipart/form-data)"));
    };
    let mut request = transcription::Request {
        file: Blob { media_type: String::new(), data: Bytes::new() },
        format: Format::Json,
        stream: false,
    };
    for value in values(payload) {
        match value.name {
            "response_format" => {
                request.format = match value.text()?.as_str() {
                    "json" => Format::Json,
                    "verbose_json" => Format::Verbose,
                    "diarized_json" => Format::Diarized,
                    "text" => Format::Text,
                    "srt" => Format::Srt,
                    "vtt" => Format::Vtt,
                    _ => {
                        let known = "must be json, verbose_json, diarized_json, text, srt or vtt";
                        return Err(bad("response_format", known));
                    }
                }
            }
            "stream" => request.stream = value.flag()?,
            _ => {}
        }
    }
    let mut files = form.fields().iter().filter(|field| field.file.is_some());
    match (files.next(), files.next()) {
        (Some(file), None) if file.name == "file" => request.file = blob(file),
        (Some(other), None) | (_, Some(other)) => {
            return Err(bad(&other.name, "is not a file that is known here"));
        }
        (None, None) => return Err(bad("file", "is missing, or is no file")),
    }
    Ok(request)
}

/// The text of a transcript in JSON, with a line end as `OpenAI` has it.
pub(super) fn text(answer: &[u8]) -> Result<Bytes, String> {
    #[derive(serde::Deserialize)]
    struct Transcript {
        text: String,
    }
    let mut scratch = Vec::new();
    let transcript: Transcript =
        crate::json::parse(answer, &mut scratch).map_err(|error| error.to_string())?;
    Ok((transcript.text + "\n").into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn form(parts: &[(&str, &str)]) -> Result<transcription::Request, BadRequest> {
        transcription(&Payload::Form(crate::form::testing::form(parts)))
    }

    #[test]
    fn a_transcription_has_one_file() {
        let file = ("name=file; filename=a.mp3", "sound");
        let request = form(&[file, ("name=response_format", "srt"), ("name=stream", "true")]).unwrap();
        assert_eq!((request.format, request.stream, &*request.file.data), (Format::Srt, true, &b"sound"[..]));
        for (parts, param) in [
            (&[][..], "file"),
            (&[("name=file", "text")], "file"),
            (&[file, ("name=model; filename=m", "x")], "model"),
            (&[file, ("name=response_format", "odd")], "response_format"),
            (&[file, ("name=stream", "1")], "stream"),
        ] {
            assert_eq!(form(parts).unwrap_err().param.as_deref(), Some(param), "{parts:?}");
        }
    }

    #[test]
    fn characters_are_counted_as_people_would() {
        let body = Bytes::from_static(
            "{\"input\":\"über\",\"voice\":\"alloy\",\"stream_format\":\"sse\",\"speed\":2}".as_bytes(),
        );
        let request = speech(&Payload::Json(crate::body::scan(body).unwrap())).unwrap();
        assert_eq!(
            (request.characters(), request.events, request.others),
            (4, true, vec!["speed".to_owned()])
        );
    }
}
