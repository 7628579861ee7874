//! What must change in a request that is relayed.

use super::Checked;
use crate::{
    body::Edit,
    json,
    media::{Request, transcription::Format},
    payload::Payload,
    provider::{Refusal, Target, rules},
};

/// The changes, or why not to send it: model name, and that the answer says what was used.
pub fn relay(
    checked: Checked,
    request: &Request,
    payload: &Payload,
    target: Target<'_>,
) -> Result<Vec<Edit>, Refusal> {
    for (name, raw) in payload.members() {
        checked.0.iter().try_for_each(|rules| rules::check_member(name, &raw, rules))?;
    }
    let mut edits = Vec::new();
    let model = json::quoted(&target.model.upstream_model);
    if payload.raw("model").as_deref() != Some(model.as_str()) {
        edits.push(Edit::Set("model", model));
    }
    // A bare text would not say how long the sound was; the hub makes one of the answer's.
    if let Request::Transcription(request) = request
        && request.format == Format::Text
        && !request.stream
    {
        edits.push(Edit::Set("response_format", "\"json\"".to_owned()));
    }
    // What is charged is what is asked for, whatever the provider would take for nothing said.
    if let Request::Video(request) = request
        && payload.raw("seconds").is_none_or(|raw| raw == "null")
    {
        edits.push(Edit::Set("seconds", json::quoted(&request.seconds.to_string())));
    }
    Ok(edits)
}
