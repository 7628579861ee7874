//! Verbatim: what must change in a client's body: only the model's name.

use super::{RULES, TOOLS};
use crate::{
    body::{Body, Edit},
    json,
    provider::{Asked, Refusal, Target, cache, rules, stored},
};

pub(super) fn relay(body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, RULES, TOOLS)?;
    if !matches!(body.raw("stream"), None | Some("true" | "false" | "null")) {
        return Err(Refusal {
            field: "stream".to_owned(),
            message: "`stream` must be true or false".to_owned(),
        });
    }
    cache::check(body.bytes())?;
    for field in ["messages", "system"] {
        body.raw(field).map_or(Ok(()), |raw| stored::check(field, raw))?;
    }
    let model = json::quoted(&target.model.upstream_model);
    let edits =
        if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] };
    Ok((edits, Asked::default()))
}
