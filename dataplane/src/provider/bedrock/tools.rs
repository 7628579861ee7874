//! What the model may call.
//!
//! | asked for | becomes |
//! |---|---|
//! | a schema for the answer, and the model states no `StructuredOutput`, or it cannot follow this one | one more tool, [`ANSWER`], that it must call: its input is given to the client as the answer's text, and words that stand beside it are not. Beside other tools it must call one of them all; where a tool must be called anyway, there is no answer to give a form to |
//! | `tool_choice: none` | no tools, unless the history has calls: Bedrock refuses those without tools. Then Anthropic's models are told so in their own format, others in the system prompt |
//! | no tools, and the history has calls | the tools that were called, by name, as for `none` |
//! | `parallel_tool_calls: false` | Anthropic's own field; refused elsewhere |

use std::borrow::Cow;

use super::{family::Family, messages};
use crate::{
    chat::{Content, Request, ResponseFormat, Tool, ToolChoice},
    json::{self, Object},
    provider::{Refusal, Target, claude},
};
use aigne_hub_crds::config::ModelFeature;

/// The tool whose input is the answer.
pub(super) const ANSWER: &str = "hub_structured_answer";

/// Said to models that have no other way to be told.
pub(super) const NO_CALLS: &str = "Answer without calling a tool.";

/// What is sent of tools.
pub(super) struct Plan<'a> {
    tools: Cow<'a, [Tool]>,
    choice: Option<ToolChoice>,
    serial: bool,
    family: Family,
    native_schemas: bool,
    schema: Option<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(request: &'a Request, target: Target<'_>, family: Family) -> Result<Self, Refusal> {
        let native_schemas = target.model.features.contains(&ModelFeature::StructuredOutput);
        let called = called(request);
        let mut choice = request.tool_choice.clone();
        let mut tools = Cow::Borrowed(request.tools.as_slice());
        if let Some(called) = &called {
            if tools.is_empty() {
                tools = Cow::Owned(called.clone());
                choice = Some(ToolChoice::None);
            }
        } else if choice == Some(ToolChoice::None) {
            tools = Cow::Borrowed(&[]);
        }
        if tools.is_empty() {
            choice = None;
        }
        if tools.iter().any(|tool| tool.name == ANSWER) {
            let message =
                format!("`tools` must not have one named {ANSWER:?}: this hub uses that name itself");
            return Err(Refusal { field: "tools".to_owned(), message });
        }
        let must_call = matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_)));
        let native = match &request.response_format {
            Some(ResponseFormat::JsonSchema { schema, .. }) if native_schemas => claude::followed(schema),
            _ => None,
        };
        if let Some(ResponseFormat::JsonSchema { description, schema, .. }) = &request.response_format
            && native.is_none()
            && !must_call
        {
            // More models can be told to call any tool than to call this one.
            let only = choice == Some(ToolChoice::None);
            choice = Some(if only { ToolChoice::Tool(ANSWER.to_owned()) } else { ToolChoice::Required });
            tools.to_mut().push(Tool {
                name: ANSWER.to_owned(),
                description: Some(answer_description(description.as_deref())),
                parameters: Some(schema.clone()),
                strict: None,
                cache: None,
            });
        }
        let serial = request.parallel_tool_calls == Some(false) && !request.tools.is_empty();
        if serial && family != Family::Claude {
            return Err(Refusal {
                field: "parallel_tool_calls".to_owned(),
                message: "`parallel_tool_calls` cannot be turned off for this model of Amazon Bedrock"
                    .to_owned(),
            });
        }
        Ok(Self { tools, choice, serial, family, native_schemas, schema: native })
    }

    /// The model must call a tool.
    pub(super) fn forces(&self) -> bool {
        matches!(self.choice, Some(ToolChoice::Required | ToolChoice::Tool(_)))
    }

    /// The answer's form is seen to by [`ANSWER`].
    pub(super) fn answers(&self) -> bool {
        self.tools.last().is_some_and(|tool| tool.name == ANSWER)
    }

    /// The answer's schema, where the model follows it itself.
    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// A sentence for the system prompt.
    pub(super) fn sentence(&self) -> Option<&'static str> {
        (self.choice == Some(ToolChoice::None) && self.family != Family::Claude).then_some(NO_CALLS)
    }

    /// `toolConfig`
    pub(super) fn write(&self, body: &mut Object<'_>) -> Result<(), Refusal> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let mut config = Object::open(body.name("toolConfig"));
        let mut checked = Ok(());
        json::list(config.name("tools"), self.tools.iter(), |out, tool| {
            self.tool(out, tool);
            if let Some(cache) = &tool.cache {
                if checked.is_ok() {
                    checked = messages::check_cache(cache);
                }
                if self.family.caches() {
                    out.push(b',');
                    out.extend_from_slice(messages::CACHE_POINT.as_bytes());
                }
            }
        });
        if !self.is_native() {
            let choice = match &self.choice {
                None | Some(ToolChoice::None) => None,
                Some(ToolChoice::Auto) => Some(("auto", None)),
                Some(ToolChoice::Required) => Some(("any", None)),
                Some(ToolChoice::Tool(name)) => Some(("tool", Some(name))),
            };
            if let Some((word, name)) = choice {
                let mut outer = Object::open(config.name("toolChoice"));
                let mut inner = Object::open(outer.name(word));
                if let Some(name) = name {
                    inner.string("name", name);
                }
                inner.close();
                outer.close();
            }
        }
        config.close();
        checked
    }

    /// The choice is one that only Anthropic's own format has.
    fn is_native(&self) -> bool {
        self.family == Family::Claude && (self.serial || self.choice == Some(ToolChoice::None))
    }

    /// Anthropic's `tool_choice`, among the model's own fields.
    pub(super) fn write_native(&self, fields: &mut super::encode::Additional) {
        if !self.is_native() {
            return;
        }
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        match &self.choice {
            None | Some(ToolChoice::Auto) => object.string("type", "auto"),
            Some(ToolChoice::Required) => object.string("type", "any"),
            Some(ToolChoice::None) => object.string("type", "none"),
            Some(ToolChoice::Tool(name)) => object.string("type", "tool").string("name", name),
        };
        if self.serial && self.choice != Some(ToolChoice::None) {
            object.raw("disable_parallel_tool_use", "true");
        }
        object.close();
        fields.add("tool_choice", &String::from_utf8_lossy(&out));
    }

    fn tool(&self, out: &mut Vec<u8>, tool: &Tool) {
        let mut outer = Object::open(out);
        let mut spec = Object::open(outer.name("toolSpec"));
        spec.string("name", &tool.name);
        if let Some(description) = tool.description.as_deref().filter(|text| !text.trim().is_empty()) {
            spec.string("description", description);
        }
        // Models that have no such guarantee refuse to be asked for it.
        let strict = tool.strict.filter(|_| self.native_schemas);
        let mut input = Object::open(spec.name("inputSchema"));
        input.raw("json", &claude::tool_schema(tool, strict == Some(true)));
        input.close();
        if let Some(strict) = strict {
            spec.raw("strict", if strict { "true" } else { "false" });
        }
        spec.close();
        outer.close();
    }
}

/// Whether a body has [`ANSWER`] among its tools. Each [`tool`](Plan::tool) begins so, and no text within can, as its
/// quotes are escaped.
pub(super) fn answers(sent: &[u8]) -> bool {
    let begun = format!(r#""toolSpec":{{"name":"{ANSWER}""#);
    memchr::memmem::find(sent, begun.as_bytes()).is_some()
}

fn answer_description(description: Option<&str>) -> String {
    const WHAT: &str = "Gives the final answer to the user: its input is the whole answer.";
    match description.filter(|text| !text.trim().is_empty()) {
        Some(description) => format!("{WHAT} {description}"),
        None => WHAT.to_owned(),
    }
}

/// The tools that the history calls; `None` where it has neither calls nor results.
fn called(request: &Request) -> Option<Vec<Tool>> {
    let mut names: Vec<&str> = Vec::new();
    let mut any = false;
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match &part.content {
            Content::ToolCall { name, .. } => {
                any = true;
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            Content::ToolResult { .. } => any = true,
            _ => {}
        }
    }
    if any && names.is_empty() {
        names.push("tool");
    }
    let tool = |name: &&str| Tool {
        name: (*name).to_owned(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
    };
    any.then(|| names.iter().map(tool).collect())
}
