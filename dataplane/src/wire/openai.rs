//! What `OpenAI`'s wires have in common: parts of messages, settings, log probabilities, usage, and the error in a stream.

pub(super) mod logprobs;
pub(super) mod settings;
pub(super) mod tool_choice;

use serde::Deserialize;

use super::{
    BadRequest,
    fields::{self, bad, read},
};
use crate::{
    chat::{Content, Failure, FailureKind, Raw, Source},
    json::Object,
    usage::Usage,
};

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
    Ok(Content::File { source, name, cited: false })
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

/// How these wires name a kind of failure.
fn error_type(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Request => "invalid_request_error",
        FailureKind::Throttled => "rate_limit_error",
        FailureKind::Overloaded => "overloaded_error",
        FailureKind::Timeout => "timeout_error",
        FailureKind::Provider => "server_error",
    }
}

/// The whole prompt and the whole completion, with their parts beside them, as `OpenAI` counts.
pub(super) fn usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out);
    object
        .number("prompt_tokens", usage.prompt())
        .number("completion_tokens", usage.output)
        .number("total_tokens", usage.prompt().saturating_add(usage.output));
    let mut prompt = Object::open(object.name("prompt_tokens_details"));
    prompt.number("cached_tokens", usage.cached_input);
    if usage.cache_write > 0 {
        prompt.number("cache_write_tokens", usage.cache_write);
    }
    prompt.number("audio_tokens", usage.audio_input);
    prompt.close();
    let mut completion = Object::open(object.name("completion_tokens_details"));
    completion.number("reasoning_tokens", usage.reasoning).number("audio_tokens", usage.audio_output);
    completion.close();
    object.close();
}

/// The event that says that a stream has failed.
pub(super) fn error(failure: &Failure, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let mut object = Object::open(out);
    let mut error = Object::open(object.name("error"));
    error.string("message", &failure.message).string("type", error_type(failure.kind)).raw("param", "null");
    match &failure.code {
        Some(code) => error.string("code", code),
        None => error.raw("code", "null"),
    };
    error.close();
    object.close();
    out.extend_from_slice(b"\n\n");
}
