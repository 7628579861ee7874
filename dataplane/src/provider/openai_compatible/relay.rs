//! Verbatim: what must change in a client's body.

use bytes::Bytes;

use super::{Dialect, MaxTokens, TOOLS};
use crate::{
    body::{self, Body, Edit},
    json,
    provider::{Asked, Refusal, Target, rules},
};

pub(super) fn relay(
    dialect: &Dialect,
    body: &Body,
    target: Target<'_>,
) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, dialect.rules, TOOLS)?;
    let mut edits = model(body, target);
    let asked = Asked { usage: stream(body)? && ask_for_usage(body, &mut edits) };
    if dialect.usage_include {
        edits.push(Edit::Set("usage", r#"{"include":true}"#.to_owned()));
    }
    if dialect.max_tokens == MaxTokens::Plain && body.raw("max_completion_tokens").is_some() {
        edits.push(Edit::Rename("max_completion_tokens", "max_tokens"));
    }
    if !dialect.json_schema && wants_schema(body) {
        return Err(no_schema());
    }
    if !dialect.developer_role
        && let Some(messages) = body.raw("messages").and_then(without_developers)
    {
        edits.push(Edit::Set("messages", messages));
    }
    Ok((edits, asked))
}

/// The provider's own name of the model.
pub(super) fn model(body: &Body, target: Target<'_>) -> Vec<Edit> {
    let model = json::quoted(&target.model.upstream_model);
    if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] }
}

/// Whether a stream is wanted. What a provider might take for `true` and we for nothing would not be metered, so
/// only booleans are accepted.
pub(super) fn stream(body: &Body) -> Result<bool, Refusal> {
    match body.raw("stream") {
        None | Some("false" | "null") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            Err(Refusal { field: "stream".to_owned(), message: "`stream` must be true or false".to_owned() })
        }
    }
}

/// Sees to it that the stream tells its usage; true where the client had not asked for it.
fn ask_for_usage(body: &Body, edits: &mut Vec<Edit>) -> bool {
    let ask = |options: Option<&Body>| match options {
        Some(options) => {
            let options = body::apply(options, &[Edit::Set("include_usage", "true".to_owned())]);
            String::from_utf8_lossy(&options).into_owned()
        }
        None => r#"{"include_usage":true}"#.to_owned(),
    };
    let options =
        body.raw("stream_options").and_then(|raw| body::scan(Bytes::copy_from_slice(raw.as_bytes())).ok());
    if options.as_ref().and_then(|options| options.raw("include_usage")) == Some("true") {
        return false;
    }
    edits.push(Edit::Set("stream_options", ask(options.as_ref())));
    true
}

fn wants_schema(body: &Body) -> bool {
    #[derive(serde::Deserialize)]
    struct Format {
        r#type: String,
    }
    body.get::<Format>("response_format").is_some_and(|format| format.r#type == "json_schema")
}

pub(super) fn no_schema() -> Refusal {
    Refusal {
        field: "response_format".to_owned(),
        message: "this provider writes JSON but follows no schema: ask for it in the prompt (with \
                  `response_format: json_object` in OpenAI's format)"
            .to_owned(),
    }
}

/// The messages with `developer` turned into `system`; `None` where there is no such role, or no such list.
fn without_developers(messages: &str) -> Option<String> {
    memchr::memmem::find(messages.as_bytes(), b"\"developer\"")?;
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(messages).ok()?;
    let mut out = Vec::with_capacity(messages.len());
    json::list(&mut out, list, |out, message| {
        let message = Bytes::copy_from_slice(message.get().as_bytes());
        match body::scan(message.clone()) {
            Ok(scanned) if scanned.get::<String>("role").as_deref() == Some("developer") => {
                out.extend_from_slice(&body::apply(&scanned, &[Edit::Set("role", "\"system\"".to_owned())]));
            }
            _ => out.extend_from_slice(&message),
        }
    });
    String::from_utf8(out).ok()
}
