//! Translated: a chat request as `/api/chat` takes it.
//!
//! | of the model | becomes |
//! |---|---|
//! | messages and what is in them | `messages`: [`messages`](super::messages) |
//! | tools | `tools`, in `OpenAI`'s form; none with `tool_choice: none` |
//! | a schema for the answer, `json_object` | `format`: the schema itself, `"json"` |
//! | an effort, a thinking budget | `think`: below 2,048 tokens `"low"`, below 8,192 `"medium"`, else `"high"`; none at all `false`; as the model sees fit `true` |
//! | the most tokens, sampling, penalties, `seed`, stop texts | [`options`](super::options) |
//! | no `max_tokens` | the model's `maxOutputTokens`, where it is known: Ollama itself knows no end but the context's |
//! | a client's own `options` | those that shape the answer; what is said elsewhere, or sets how a model is loaded, is refused |
//! | a client's own `truncate`, `shift` | as they are: whether old messages may be dropped |
//! | a tool that must be called, by name or any | refused by name: Ollama has no such choice. Whoever demands a call and gets a text has another answer than was asked for, so one of the other candidates may serve it |
//! | several answers, log probabilities, `logit_bias`, sound | refused by name: [`fields`](super::fields) |
//! | `parallel_tool_calls` | left out: Ollama's own endpoints take it and ignore it, and each call can still be answered in turn |
//! | `strict` of tools and schemas, marks of the prompt cache, a picture's `detail`, speakers' names, `user`, `verbosity`, and fields that nobody knows | left out: Ollama ignores what it does not know, and caches by itself |

use super::{fields, messages, options};
use crate::{
    chat::{Effort, Reasoning, Request, ResponseFormat, Thinking, Tool, ToolChoice},
    json::{self, Object},
    provider::{Refusal, Target, claude},
};

pub(super) fn encode(request: &Request, target: Target<'_>) -> Result<Vec<u8>, Refusal> {
    fields::check(request)?;
    let mut out = Vec::with_capacity(1024);
    let mut body = Object::open(&mut out);
    body.string("model", &target.model.upstream_model);
    messages::write(body.name("messages"), &request.messages)?;
    if !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None) {
        json::list(body.name("tools"), &request.tools, tool);
    }
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => {
            body.raw("format", r#""json""#);
        }
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            body.raw("format", schema.get());
        }
    }
    if let Some(think) = request.reasoning.as_ref().and_then(think) {
        body.raw("think", think);
    }
    options::write(&mut body, request, target)?;
    for name in ["truncate", "shift"] {
        if let Some(value) = request.extra(name).filter(|value| matches!(value.get(), "true" | "false")) {
            body.raw(name, value.get());
        }
    }
    // Said always: Ollama streams unless it is told not to.
    body.raw("stream", if request.stream { "true" } else { "false" });
    body.close();
    Ok(out)
}

fn tool(out: &mut Vec<u8>, tool: &Tool) {
    let mut object = Object::open(out);
    let mut function = Object::open(object.string("type", "function").name("function"));
    function.string("name", &tool.name);
    if let Some(description) = &tool.description {
        function.string("description", description);
    }
    function.raw("parameters", &claude::tool_schema(tool, false));
    function.close();
    object.close();
}

/// Models that know no words take each as `true`, and those that don't think take `false`.
pub(super) fn think(asked: &Reasoning) -> Option<&'static str> {
    let effort = match (asked.thinking, asked.effort) {
        (Some(Thinking::Disabled), _) | (_, Some(Effort::None)) => return Some("false"),
        (Some(Thinking::Budget(tokens)), None) => Effort::of_budget(tokens),
        (Some(Thinking::Adaptive), None) => return Some("true"),
        (_, effort) => effort?,
    };
    Some(match effort {
        Effort::None | Effort::Minimal | Effort::Low => r#""low""#,
        Effort::Medium => r#""medium""#,
        Effort::High | Effort::XHigh | Effort::Max => r#""high""#,
    })
}
