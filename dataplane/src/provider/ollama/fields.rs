//! Fields of a request that `/api/chat` has no place for, and those that nobody gets round the rules with.

use crate::{
    chat::{Request, ToolChoice},
    provider::{
        Refusal,
        rules::{self, Allowed, Rule, rule},
    },
};

/// Fields that change who serves a request, what it costs beyond its tokens, or the machine that all share. Ollama has no
/// model, tier or tool to choose beside `model` itself, so most of it is what other formats would choose.
pub(in crate::provider) const RULES: &[Rule] = &[
    rule("service_tier", Allowed::Words(&["auto", "default"]), "chooses a service tier with its own price"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
    rule("container", Allowed::Nothing, "uses a container, which is billed by the hour"),
    rule("mcp_servers", Allowed::Empty, "lets the provider call other servers"),
    rule("keep_alive", Allowed::Nothing, "holds a model in the memory that all share, or throws it out"),
    rule("runner", Allowed::Nothing, "chooses the program that runs the model"),
    rule("_debug_render_only", Allowed::False, "asks for the model's template in place of an answer"),
];

/// What `/api/chat` cannot do, and what stands for not asking for it.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("n", &["1"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("logit_bias", &["{}"]),
    ("audio", &[]),
];

/// Ollama's own words for what clients say in their format's: two of them would contradict each other.
const SAID_OTHERWISE: [&str; 2] = ["think", "format"];

/// Checks everything but messages and options.
pub(super) fn check(request: &Request) -> Result<(), Refusal> {
    rules::check_extra(&request.extra, RULES)?;
    rules::one_answer(request, "Ollama")?;
    rules::no_logprobs(request, "Ollama")?;
    rules::no_sources(&request.messages, "Ollama")?;
    rules::check_unsupported(&request.extra, UNSUPPORTED, "Ollama")?;
    let own = request.extra.iter().find(|(name, _)| SAID_OTHERWISE.contains(&name.as_str()));
    if let Some((name, _)) = own {
        return Err(Refusal {
            field: name.clone(),
            message: format!("`{name}` is not a field of this format"),
        });
    }
    if matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
        return Err(Refusal {
            field: "tool_choice".to_owned(),
            message: "`tool_choice` may only be auto or none: Ollama cannot make a model call a tool"
                .to_owned(),
        });
    }
    Ok(())
}
