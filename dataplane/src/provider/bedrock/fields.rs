//! Fields of a request that Converse has no place for, and those that nobody gets round the rules with.

use crate::{
    chat::{Raw, Request},
    provider::{
        Refusal,
        rules::{self, Allowed, Rule, rule},
    },
};

/// Fields that change who serves a request or what it costs beyond its tokens: the clients' formats', and Converse's own,
/// which a client may send along.
const RULES: &[Rule] = &[
    rule("serviceTier", Allowed::Nothing, "chooses a service tier with its own price"),
    rule("performanceConfig", Allowed::Nothing, "chooses a latency with its own price"),
    rule("speed", Allowed::Words(&["standard"]), "chooses a speed with its own price"),
    rule("inference_geo", Allowed::Words(&["global"]), "chooses a region with its own price"),
    rule("guardrailConfig", Allowed::Nothing, "runs a guardrail, which is billed by the text"),
    rule("web_search_options", Allowed::Nothing, "turns on web search, which is billed by the call"),
    rule("container", Allowed::Nothing, "uses a container, which is billed by the hour"),
    rule("mcp_servers", Allowed::Empty, "lets the provider call other servers"),
    rule("additionalModelRequestFields", Allowed::Empty, "reaches past what this hub checks"),
    rule("additionalModelResponseFieldPaths", Allowed::Empty, "asks for what this hub does not hand on"),
    rule("promptVariables", Allowed::Empty, "fills in a prompt of the provider's account"),
    rule("projectIdentifier", Allowed::Nothing, "chooses a project of the provider's account"),
    rule("requestMetadata", Allowed::Empty, "writes into the logs of the provider's account"),
];

/// In messages.
const WHO: &str = "Amazon Bedrock";

/// What Converse cannot do, and what stands for not asking for it.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("n", &["1"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("logit_bias", &["{}"]),
    ("audio", &[]),
    ("verbosity", &[r#""medium""#]),
];

/// Checks what a request carries along.
pub(super) fn check(extra: &[(String, Raw)]) -> Result<(), Refusal> {
    rules::check_extra(extra, RULES)?;
    rules::check_unsupported(extra, UNSUPPORTED, WHO)
}

/// Checks what the model has a place for and Converse has not.
pub(super) fn check_own(request: &Request) -> Result<(), Refusal> {
    rules::one_answer(request, "Amazon Bedrock")?;
    rules::no_logprobs(request, "Amazon Bedrock")?;
    if request.stop.iter().any(|text| text.trim().is_empty()) {
        return Err(Refusal {
            field: "stop".to_owned(),
            message: "`stop` may hold no text of white space alone for Amazon Bedrock".to_owned(),
        });
    }
    let zero = |value: &Raw| value.read::<f64>() == Some(0.0);
    for (name, value) in
        [("presence_penalty", &request.presence_penalty), ("frequency_penalty", &request.frequency_penalty)]
    {
        if value.as_ref().is_some_and(|value| !zero(value)) {
            return Err(rules::unsupported(name, WHO));
        }
    }
    if request.seed.is_some() { Err(rules::unsupported("seed", WHO)) } else { Ok(()) }
}
