//! Verbatim: what must change in a client's body: nothing but the model's name where one is written beside the path.

use super::{model_path, rules};
use crate::{
    body::{self, Body, Edit},
    json,
    provider::{Asked, Refusal, Target},
};

/// `countTokens` may be given a whole request, which names its model again.
const WHOLE: [&str; 2] = ["generateContentRequest", "generate_content_request"];

pub(super) fn relay(body: &Body, target: Target<'_>) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, target.model)?;
    let mut edits = Vec::new();
    if body.raw("model").is_some() {
        edits.push(Edit::Remove("model"));
    }
    for name in WHOLE {
        let inner = body.raw(name).map(|raw| bytes::Bytes::copy_from_slice(raw.as_bytes()));
        if let Some(Ok(inner)) = inner.map(body::scan) {
            let model = json::quoted(&model_path(&target.model.upstream_model));
            let named = body::apply(&inner, &[Edit::Set("model", model)]);
            edits.push(Edit::Set(name, String::from_utf8_lossy(&named).into_owned()));
        }
    }
    Ok((edits, Asked::default()))
}
