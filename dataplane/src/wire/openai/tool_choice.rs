//! `tool_choice`. Chat names a tool within `function`, and allowed tools within `allowed_tools`; responses beside the
//! type. Either is read.

use serde::Deserialize;

use crate::{
    chat::{Tool, ToolChoice},
    wire::{
        BadRequest,
        fields::{bad, read},
    },
};

/// What the model must or may call.
#[derive(Debug)]
pub(in crate::wire) struct Choice {
    pub(in crate::wire) choice: ToolChoice,
    /// The only tools that it leaves.
    allowed: Option<Vec<String>>,
}

impl Choice {
    /// Leaves the tools that may be called: the others need not be shown.
    pub(in crate::wire) fn narrow(&self, tools: &mut Vec<Tool>) {
        if let Some(names) = &self.allowed {
            tools.retain(|tool| names.contains(&tool.name));
        }
    }

    pub(in crate::wire) fn read(param: &str, raw: &str) -> Result<Self, BadRequest> {
        if raw.starts_with('"') {
            return Ok(Self { choice: word(param, &read::<String>(param, raw)?)?, allowed: None });
        }
        let object: Object = read(param, raw)?;
        let allowed = object.allowed_tools.unwrap_or(Allowed { mode: object.mode, tools: object.tools });
        match (object.r#type.as_str(), object.tool.name(), allowed.tools) {
            ("function", Some(name), _) => Ok(Self { choice: ToolChoice::Tool(name), allowed: None }),
            ("allowed_tools", _, Some(tools)) => Ok(Self {
                choice: word(param, allowed.mode.as_deref().unwrap_or("auto"))?,
                allowed: Some(tools.into_iter().filter_map(Named::name).collect()),
            }),
            (other, ..) => Err(bad(
                &format!("{param}.type"),
                format!("{other:?} is not supported where a request is translated"),
            )),
        }
    }
}

fn word(param: &str, word: &str) -> Result<ToolChoice, BadRequest> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        other => Err(bad(param, format!("{other:?} is not known"))),
    }
}

#[derive(Deserialize)]
struct Object {
    r#type: String,
    #[serde(flatten)]
    tool: Named,
    mode: Option<String>,
    tools: Option<Vec<Named>>,
    allowed_tools: Option<Allowed>,
}

#[derive(Deserialize)]
struct Allowed {
    mode: Option<String>,
    tools: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
}

impl Named {
    fn name(self) -> Option<String> {
        self.name.or_else(|| self.function?.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<(ToolChoice, Option<Vec<String>>), String> {
        let read = Choice::read("tool_choice", raw);
        read.map(|read| (read.choice, read.allowed)).map_err(|error| error.param.unwrap_or_default())
    }

    #[test]
    fn both_formats_mean_the_same() {
        let tool = |name: &str| ToolChoice::Tool(name.to_owned());
        assert_eq!(read(r#""required""#), Ok((ToolChoice::Required, None)));
        for raw in [r#"{"type":"function","function":{"name":"f"}}"#, r#"{"type":"function","name":"f"}"#] {
            assert_eq!(read(raw), Ok((tool("f"), None)), "{raw}");
        }
        for raw in [
            r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
            r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#,
        ] {
            assert_eq!(read(raw), Ok((ToolChoice::Required, Some(vec!["f".to_owned()]))), "{raw}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert_eq!(read(r#""any""#), Err("tool_choice".to_owned()));
        for raw in
            [r#"{"type":"custom","name":"f"}"#, r#"{"type":"function"}"#, r#"{"type":"allowed_tools"}"#]
        {
            assert_eq!(read(raw), Err("tool_choice.type".to_owned()), "{raw}");
        }
    }
}
