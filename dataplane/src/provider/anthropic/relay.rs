//! Verbatim: what must change in a client's body: the model's name, and thinking that another provider made.

use memchr::memmem;

use super::{RULES, TOOLS};
use crate::{
    body::{Body, Edit},
    chat::signature,
    json,
    provider::{
        Asked, Refusal, Target, cache,
        deep::{self, Seen},
        foreign::{self, Goes},
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
    let mut edits =
        if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] };
    let messages = body.raw("messages").and_then(|turns| {
        foreign::judged(turns, ("content", Goes::Turn), may_be_foreign, |_, block| judge(block))
    });
    edits.extend(messages.map(|messages| Edit::Set("messages", messages)));
    Ok((edits, Asked::default()))
}

/// Tools may be defined in the middle of a conversation, too (`tool_addition`), where nobody looks at their types.
fn check_definitions(field: &str, raw: &str) -> Result<(), Refusal> {
    if !deep::may_hold(raw.as_bytes(), &["\"tool_definition\""]) {
        return Ok(());
    }
    let judge = |parent: &str, name: &str, value: Seen<'_>| match (parent, name, value) {
        ("content", "input", _) => deep::Verdict::Own,
        ("tool", "type", Seen::Text("tool_definition")) => deep::Verdict::Refused,
        _ => deep::Verdict::Fine,
    };
    let Ok(Some(path)) = deep::refused(raw.as_bytes(), judge) else { return Ok(()) };
    let field = format!("{field}{path}");
    let message =
        format!("`{field}` defines a tool where this hub does not look for one: send it in `tools`");
    Err(Refusal { field, message })
}

/// What the hub writes where another provider signs nothing, or signs itself; sealed thinking is rare.
fn may_be_foreign(text: &str) -> bool {
    foreign::has(text, r#""signature""#, &[r#""""#, r#""gemini:"#])
        || memmem::find(text.as_bytes(), br#""redacted_thinking""#).is_some()
}

fn judge(block: &Body) -> foreign::Verdict {
    let text = |name: &str| block.get::<String>(name).filter(|text| !text.is_empty());
    let own = match text("type").as_deref() {
        Some("thinking") => signature::is_anthropics(text("signature").as_deref()),
        Some("redacted_thinking") => text("data").is_none_or(|data| signature::is_sealed_by_anthropic(&data)),
        _ => true,
    };
    if own { foreign::Verdict::Keep } else { foreign::Verdict::Drop }
}
