//! Fields that nobody gets round the rules with: those that choose another model, a service tier, a paid tool or
//! another server. Each is refused by name unless it asks for what costs nothing extra.

use serde_json::value::RawValue;

use super::Refusal;
use crate::{
    body::{self, Body},
    chat::{Content, Message, Part, Raw, Request},
};

/// One field that is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// A top-level member.
    pub(crate) field: &'static str,
    /// What may stand there. Absent and `null` always may.
    pub(crate) allowed: Allowed,
    /// What the field would do, for the refusal: "chooses …". Of [`Allowed::Within`], its members say it.
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
    /// An object, or a list of such, with these members only.
    Items(&'static [&'static str]),
    /// An object, of whose members these are looked at.
    Within(&'static [Rule]),
    /// A text, but no object.
    Text,
    /// A list of objects of these types, each with a date behind it (`clear_thinking_20251015`).
    Dated(&'static [&'static str]),
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

/// Refuses to ask for several answers where `who` gives one.
pub(crate) fn one_answer(request: &Request, who: &str) -> Result<(), Refusal> {
    if !request.asks_for_several() {
        return Ok(());
    }
    Err(Refusal { field: "n".to_owned(), message: format!("`n` must be 1: {who} gives one answer") })
}

/// Refuses to ask for log probabilities where `who` has none.
pub(crate) fn no_logprobs(request: &Request, who: &str) -> Result<(), Refusal> {
    if request.logprobs.is_none() {
        return Ok(());
    }
    let message = format!("`logprobs` asks for log probabilities, which {who} does not give");
    Err(Refusal { field: "logprobs".to_owned(), message })
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

/// Checks what a translated request carries along that `who` cannot do: each field with what stands for not asking for it.
/// Sound among `modalities` is one of them.
pub(crate) fn check_unsupported(
    extra: &[(String, Raw)],
    fields: &[(&str, &[&str])],
    who: &str,
) -> Result<(), Refusal> {
    for (name, value) in extra {
        let harmless = fields
            .iter()
            .find(|(field, _)| field == name)
            .is_none_or(|(_, harmless)| value.get() == "null" || harmless.contains(&value.get()));
        let sound = name == "modalities" && value.get().contains("audio");
        if !harmless || sound {
            return Err(unsupported(name, who));
        }
    }
    Ok(())
}

/// What a provider cannot do.
pub(crate) fn unsupported(field: &str, who: &str) -> Refusal {
    Refusal { field: field.to_owned(), message: format!("`{field}` is not supported by {who}") }
}

/// Checks that there are neither search results nor documents to be cited from, which `who` does not know.
pub(crate) fn no_sources(messages: &[Message], who: &str) -> Result<(), Refusal> {
    fn source(part: &Part) -> Option<&'static str> {
        match &part.content {
            Content::File { cited: true, .. } => Some("citations"),
            Content::SearchResult { .. } => Some("search_result"),
            Content::ToolResult { content, .. } => content.iter().find_map(source),
            _ => None,
        }
    }
    match messages.iter().flat_map(|message| &message.parts).find_map(source) {
        Some(field) => Err(unsupported(field, who)),
        None => Ok(()),
    }
}

/// Checks one field.
pub(super) fn check_member(name: &str, raw: &str, rules: &[Rule]) -> Result<(), Refusal> {
    match rules.iter().find(|rule| rule.field == name) {
        Some(rule) => rule.check(raw),
        None => Ok(()),
    }
}

impl Rule {
    fn check(&self, raw: &str) -> Result<(), Refusal> {
        if raw == "null" {
            return Ok(());
        }
        let object = |raw: &str| body::scan(bytes::Bytes::copy_from_slice(raw.as_bytes())).ok();
        let only = |raw: &str, names: &[&str]| {
            object(raw).is_some_and(|object| object.members().all(|(name, _)| names.contains(&name)))
        };
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        let allowed = match self.allowed {
            Allowed::Nothing => false,
            Allowed::Words(words) => {
                serde_json::from_str::<String>(raw).is_ok_and(|word| words.contains(&word.as_str()))
            }
            Allowed::Each(words) => serde_json::from_str::<Vec<String>>(raw)
                .is_ok_and(|list| list.iter().all(|word| words.contains(&word.as_str()))),
            Allowed::False => raw == "false",
            Allowed::Empty => raw.starts_with(['[', '{', '"']) && inner.trim().is_empty(),
            Allowed::Items(names) if raw.starts_with('[') => serde_json::from_str::<Vec<&RawValue>>(raw)
                .is_ok_and(|list| list.iter().all(|item| only(item.get(), names))),
            Allowed::Members(names) | Allowed::Items(names) => only(raw, names),
            Allowed::Within(rules) => {
                let Some(object) = object(raw) else {
                    let message = format!("`{}` must be an object that names each member once", self.field);
                    return Err(Refusal { field: self.field.to_owned(), message });
                };
                return check_members(&object, rules).map_err(|error| error.within(self.field));
            }
            Allowed::Text => raw.starts_with('"'),
            Allowed::Dated(kinds) => serde_json::from_str::<Vec<Typed>>(raw).is_ok_and(|list| {
                let kinds = |typed: &Typed| typed.r#type.as_deref().is_some_and(|kind| is_dated(kind, kinds));
                list.iter().all(kinds)
            }),
        };
        if allowed { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Refusal {
        let but = match self.allowed {
            Allowed::Words(words)
            | Allowed::Each(words)
            | Allowed::Members(words)
            | Allowed::Items(words)
            | Allowed::Dated(words) => {
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

impl Refusal {
    /// The same of a member of this field.
    fn within(self, field: &str) -> Self {
        let path = format!("{field}.{}", self.field);
        let message = self.message.replacen(&self.field, &path, 1);
        Self { field: path, message }
    }
}

/// Whether this is one of these names with a date behind it (`bash_20250124`).
fn is_dated(kind: &str, names: &[&str]) -> bool {
    kind.rsplit_once('_').is_some_and(|(name, date)| {
        names.contains(&name) && date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Which tools a client may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tools {
    /// Values of a tool's `type` that mean the client's own tool. A tool with another type is run, and billed, by
    /// the provider.
    pub(crate) own: &'static [&'static str],
    /// Further types that the client runs itself, each with a date behind it (Anthropic's `bash_20250124`).
    pub(crate) own_dated: &'static [&'static str],
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
            Some(kind) => tools.own.contains(&kind) || is_dated(kind, tools.own_dated),
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
