//! Verbatim: what must change in a client's body: the model's name where one is written beside the path, and signatures
//! that another provider made.

use memchr::memmem;

use super::{messages::UNSIGNED, model::Generation, model_path, rules};
use crate::{
    body::{self, Body, Edit},
    chat::Wrapped,
    json,
    provider::{
        Asked, Refusal, Target,
        foreign::{self, Goes, Verdict},
    },
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
    let generation = Generation::of(&target.model.upstream_model);
    let mut called = false;
    let contents = body.raw("contents").and_then(|turns| {
        foreign::judged(
            turns,
            ("parts", Goes::Turn),
            |text| may_be_foreign(text, generation),
            |index, part| {
                called &= index > 0;
                judge(part, generation, &mut called)
            },
        )
    });
    edits.extend(contents.map(|contents| Edit::Set("contents", contents)));
    Ok((edits, Asked::default()))
}

const SIGNATURE: [&str; 2] = ["thoughtSignature", "thought_signature"];
const CALL: [&str; 2] = ["functionCall", "function_call"];

/// Signatures that the hub has wrapped, and calls that nobody signed, where a signature is needed.
fn may_be_foreign(text: &str, generation: Generation) -> bool {
    let wrapped = format!("\"{}", Wrapped::START);
    SIGNATURE.iter().any(|name| foreign::has(text, &json::quoted(name), &[&wrapped]))
        || (generation.is_new()
            && CALL.iter().any(|name| memmem::find(text.as_bytes(), json::quoted(name).as_bytes()).is_some()))
}

/// `called`: whether the turn has a call before this part.
fn judge(part: &Body, generation: Generation, called: &mut bool) -> Verdict {
    let name = SIGNATURE.into_iter().find(|name| part.raw(name).is_some());
    let signed = name.and_then(|name| part.get::<String>(name)).filter(|signed| !signed.is_empty());
    let foreign = signed.as_deref().is_some_and(|signed| Wrapped::open(signed).is_some());
    let calls = CALL.into_iter().any(|name| part.raw(name).is_some_and(|raw| raw != "null"));
    let first = calls && !std::mem::replace(called, *called || calls);
    if first && generation.is_new() && (foreign || signed.is_none()) {
        return Verdict::Change(vec![Edit::Set(name.unwrap_or("thoughtSignature"), json::quoted(UNSIGNED))]);
    }
    match name.filter(|_| foreign) {
        None => Verdict::Keep,
        // Others' thinking says nothing to Gemini.
        Some(_) if part.raw("thought") == Some("true") || part.raw("text") == Some(r#""""#) => Verdict::Drop,
        Some(name) => Verdict::Change(vec![Edit::Remove(name)]),
    }
}
