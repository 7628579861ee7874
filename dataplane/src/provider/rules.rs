//! Fields that nobody gets round the rules with: those that choose another model, a service tier, a paid tool or
//! another server. Each is refused by name unless it asks for what costs nothing extra.

use super::Refusal;
use crate::{
    body::{self, Body},
    chat::Raw,
};

/// One field that is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// A top-level member.
    pub(crate) field: &'static str,
    /// What may stand there. Absent and `null` always may.
    pub(crate) allowed: Allowed,
    /// What the field would do, for the refusal: "chooses …".
    pub(crate) effect: &'static str,
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowed {
    /// Nothing.
    Nothing,
    /// One of these strings.
    Words(&'static [&'static str]),
    /// A list of these strings.
    Each(&'static [&'static str]),
    /// `false` only.
    False,
    /// An empty list, object or string only.
    Empty,
    /// An object with these members only.
    Members(&'static [&'static str]),
}

/// Beside chat, nothing is served from a tier with a price of its own. In a chat, the price sheet says which may be asked for:
/// see [`wire::tier`](crate::wire::tier).
pub(crate) const TIER: &[Rule] = &[rule(
    "service_tier",
    Allowed::Words(&["auto", "default"]),
    "chooses a service tier with its own price",
)];

/// A rule.
pub(crate) const fn rule(field: &'static str, allowed: Allowed, effect: &'static str) -> Rule {
    Rule { field, allowed, effect }
}

/// Checks a body that is relayed verbatim.
pub(crate) fn check(body: &Body, rules: &[Rule], tools: Tools) -> Result<(), Refusal> {
    // One pass over the members, as there are fewer of them than rules.
    for (name, raw) in body.members() {
        check_member(name, raw, rules)?;
        if name == "tools" {
            check_tools(raw, tools)?;
        }
    }
    Ok(())
}

/// Checks a body's fields alone.
pub(crate) fn check_members(body: &Body, rules: &[Rule]) -> Result<(), Refusal> {
    body.members().try_for_each(|(name, raw)| check_member(name, raw, rules))
}

/// Checks what a translated request carries along.
pub(crate) fn check_extra(extra: &[(String, Raw)], rules: &[Rule]) -> Result<(), Refusal> {
    extra.iter().try_for_each(|(name, raw)| check_member(name, raw.get(), rules))
}

/// Checks one field.
pub(super) fn check_member(name: &str, raw: &str, rules: &[Rule]) -> Result<(), Refusal> {
    match rules.iter().find(|rule| rule.field == name) {
        Some(rule) if !rule.allows(raw) => Err(rule.refusal()),
        _ => Ok(()),
    }
}

impl Rule {
    fn allows(&self, raw: &str) -> bool {
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        raw == "null"
            || match self.allowed {
                Allowed::Nothing => false,
                Allowed::Words(words) => {
                    serde_json::from_str::<String>(raw).is_ok_and(|word| words.contains(&word.as_str()))
                }
                Allowed::Each(words) => serde_json::from_str::<Vec<String>>(raw)
                    .is_ok_and(|list| list.iter().all(|word| words.contains(&word.as_str()))),
                Allowed::False => raw == "false",
                Allowed::Empty => raw.starts_with(['[', '{', '"']) && inner.trim().is_empty(),
                Allowed::Members(names) => body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes()))
                    .is_ok_and(|object| object.members().all(|(name, _)| names.contains(&name))),
            }
    }

    fn refusal(&self) -> Refusal {
        let but = match self.allowed {
            Allowed::Words(words) | Allowed::Each(words) | Allowed::Members(words) => {
                format!("; allowed: {}", words.join(", "))
            }
            _ => String::new(),
        };
        Refusal {
            field: self.field.to_owned(),
            message: format!("`{}` {}, which this hub does not allow{but}", self.field, self.effect),
        }
    }
}

/// Which tools a client may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tools {
    /// Values of a tool's `type` that mean the client's own tool. A tool with another type is run, and billed, by
    /// the provider.
    pub(crate) own: &'static [&'static str],
    /// Prefixes of further types that the client runs itself (Anthropic's `bash_…`, versioned by date).
    pub(crate) own_prefixes: &'static [&'static str],
    /// A tool without a type is the client's own (Anthropic).
    pub(crate) untyped: bool,
}

#[derive(serde::Deserialize)]
struct Typed {
    #[serde(default)]
    r#type: Option<String>,
}

fn check_tools(raw: &str, tools: Tools) -> Result<(), Refusal> {
    let Ok(Some(list)) = serde_json::from_str::<Option<Vec<Typed>>>(raw) else {
        // `null`, or something that is not a list of tools: only the former passes.
        return if raw == "null" { Ok(()) } else { Err(no_list()) };
    };
    for (index, tool) in list.iter().enumerate() {
        let own = match tool.r#type.as_deref() {
            None => tools.untyped,
            Some(kind) => {
                tools.own.contains(&kind) || tools.own_prefixes.iter().any(|prefix| kind.starts_with(prefix))
            }
        };
        if !own {
            let kind = tool.r#type.as_deref().unwrap_or("none");
            return Err(Refusal {
                field: format!("tools[{index}].type"),
                message: format!(
                    "`tools[{index}].type` is {kind:?}: tools that the provider runs itself are not allowed by this hub"
                ),
            });
        }
    }
    Ok(())
}

fn no_list() -> Refusal {
    Refusal {
        field: "tools".to_owned(),
        message: "`tools` must be a list of objects with a `type`".to_owned(),
    }
}
