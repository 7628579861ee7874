//! Verbatim: what must change in a client's body: only the model's name.

use super::{RULES, TOOLS};
use crate::{
    body::{Body, Edit},
    json,
    provider::{
        Asked, Refusal, Target, cache,
        deep::{self, Seen, Verdict},
        rules, stored,
    },
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
        if let Some(raw) = body.raw(field) {
            stored::check(field, raw)?;
            check_definitions(field, raw)?;
        }
    }
    let model = json::quoted(&target.model.upstream_model);
    let edits =
        if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] };
    Ok((edits, Asked::default()))
}

/// Tools may be defined in the middle of a conversation, too (`tool_addition`), where nobody looks at their types.
fn check_definitions(field: &str, raw: &str) -> Result<(), Refusal> {
    if !deep::may_hold(raw.as_bytes(), &["\"tool_definition\""]) {
        return Ok(());
    }
    let judge = |parent: &str, name: &str, value: Seen<'_>| match (parent, name, value) {
        ("content", "input", _) => Verdict::Own,
        ("tool", "type", Seen::Text("tool_definition")) => Verdict::Refused,
        _ => Verdict::Fine,
    };
    let Ok(Some(path)) = deep::refused(raw.as_bytes(), judge) else { return Ok(()) };
    let field = format!("{field}{path}");
    let message =
        format!("`{field}` defines a tool where this hub does not look for one: send it in `tools`");
    Err(Refusal { field, message })
}
