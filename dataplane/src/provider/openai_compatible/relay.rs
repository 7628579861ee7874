//! Verbatim: what must change in a client's body.

use bytes::Bytes;

use super::{Dialect, MaxTokens, NATIVE_DOCUMENTS, ReturnedReasoning, TOOLS, may_have_document, schema};
use crate::{
    body::{self, Body, Edit},
    chat::signature,
    json,
    provider::{
        Asked, Refusal, Target, cache,
        foreign::{self, Goes, Verdict},
        rules::{self, Allowed, Rule, rule},
        stored::{self, STORED},
    },
};

/// Fields of chat completions, whoever speaks them, that reach what is stored, or change what a request costs beyond
/// its tokens (types of OpenAI's SDK 3.57, OpenRouter's 1.3).
pub(super) const RULES: &[Rule] = &[
    rule("moderation", Allowed::Nothing, "lets the provider call another model"),
    rule("previous_response_id", Allowed::Nothing, STORED),
    PROMPT_CACHE,
    rule("audio", Allowed::Within(&[rule("voice", Allowed::Text, STORED)]), ""),
    rule(
        "reasoning",
        Allowed::Within(&[rule("mode", Allowed::Words(&["standard"]), "chooses a mode with its own cost")]),
        "",
    ),
];

/// Twelve hours are written at a higher price than half an hour; two others name what is stored, and write without
/// answering.
pub(super) const PROMPT_CACHE: Rule = rule(
    "prompt_cache_options",
    Allowed::Within(&[
        rule("ttl", Allowed::Words(&["30m"]), "chooses a cache with its own price"),
        rule("comparison_response_id", Allowed::Nothing, STORED),
        rule("prewarm", Allowed::False, "writes a cache without an answer"),
    ]),
    "",
);

pub(super) fn relay(
    dialect: &Dialect,
    body: &Body,
    target: Target<'_>,
) -> Result<(Vec<Edit>, Asked), Refusal> {
    rules::check(body, dialect.rules, TOOLS)?;
    rules::check_members(body, RULES)?;
    if let Some(messages) = body.raw("messages") {
        stored::check("messages", messages)?;
    }
    cache::check(body.bytes())?;
    let mut edits = model(body, target);
    let asked = Asked { usage: stream(body)? && ask_for_usage(body, &mut edits) };
    if dialect.usage_include {
        edits.push(Edit::Set("usage", r#"{"include":true}"#.to_owned()));
    }
    edits.extend(documents(dialect, body.raw("messages")));
    if dialect.max_tokens == MaxTokens::Plain && body.raw("max_completion_tokens").is_some() {
        edits.push(Edit::Rename("max_completion_tokens", "max_tokens"));
    }
    let schema = if dialect.json_schema { None } else { schema::asked(body)? };
    if schema.is_some() {
        edits.push(Edit::Set("response_format", schema::JSON_OBJECT.to_owned()));
    }
    let first = schema.as_deref().map(schema::message);
    if let Some(raw) = body.raw("messages") {
        let unsigned = if dialect.extra_content { None } else { unsigned_calls(raw) };
        let raw = unsigned.as_deref().unwrap_or(raw);
        let owned =
            (dialect.returns_reasoning == ReturnedReasoning::Details).then(|| own_details(raw)).flatten();
        let raw = owned.as_deref().unwrap_or(raw);
        let changed = messages(raw, first.as_deref(), dialect.developer_role);
        edits.extend(changed.or(owned).or(unsigned).map(|messages| Edit::Set("messages", messages)));
    }
    Ok((edits, asked))
}

/// What keeps documents from an engine that is billed apart.
pub(super) fn documents(dialect: &Dialect, messages: Option<&str>) -> Option<Edit> {
    let found = dialect.parses_documents && messages.is_some_and(|raw| may_have_document(raw.as_bytes()));
    found.then(|| Edit::Set("plugins", NATIVE_DOCUMENTS.to_owned()))
}

/// The messages without Gemini's signatures of calls, which a provider that does not know the member may refuse; `None`
/// where there are none.
fn unsigned_calls(messages: &str) -> Option<String> {
    let may_be_signed = |text: &str| foreign::has(text, r#""thought_signature""#, &["\""]);
    foreign::judged(messages, ("tool_calls", Goes::List), may_be_signed, |_, call| {
        if call.raw("extra_content").is_some() {
            Verdict::Change(vec![Edit::Remove("extra_content")])
        } else {
            Verdict::Keep
        }
    })
}

/// The messages without details of thinking that Gemini signed under the hub's mark, which nobody else takes; `None` where
/// there are none.
fn own_details(messages: &str) -> Option<String> {
    let may_be_foreign = |text: &str| foreign::has(text, r#""signature""#, &[r#""gemini:"#]);
    foreign::judged(messages, ("reasoning_details", Goes::List), may_be_foreign, |_, detail| {
        let signed = detail.get::<String>("signature");
        let geminis = signed.as_deref().is_some_and(|signed| signature::for_gemini(signed).is_some());
        if geminis { Verdict::Drop } else { Verdict::Keep }
    })
}

/// The provider's own name of the model.
pub(super) fn model(body: &Body, target: Target<'_>) -> Vec<Edit> {
    let model = json::quoted(&target.model.upstream_model);
    if body.raw("model") == Some(model.as_str()) { Vec::new() } else { vec![Edit::Set("model", model)] }
}

/// Whether a stream is wanted. What a provider might take for `true` and we for nothing would not be metered, so
/// only booleans are accepted.
pub(super) fn stream(body: &Body) -> Result<bool, Refusal> {
    match body.raw("stream") {
        None | Some("false" | "null") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            Err(Refusal { field: "stream".to_owned(), message: "`stream` must be true or false".to_owned() })
        }
    }
}

/// Sees to it that the stream tells its usage; true where the client had not asked for it.
fn ask_for_usage(body: &Body, edits: &mut Vec<Edit>) -> bool {
    let ask = |options: Option<&Body>| match options {
        Some(options) => {
            let options = body::apply(options, &[Edit::Set("include_usage", "true".to_owned())]);
            String::from_utf8_lossy(&options).into_owned()
        }
        None => r#"{"include_usage":true}"#.to_owned(),
    };
    let options =
        body.raw("stream_options").and_then(|raw| body::scan(Bytes::copy_from_slice(raw.as_bytes())).ok());
    if options.as_ref().and_then(|options| options.raw("include_usage")) == Some("true") {
        return false;
    }
    edits.push(Edit::Set("stream_options", ask(options.as_ref())));
    true
}

/// The messages after this one, and with `developer` turned into `system` where that role is not known; `None` where
/// nothing changes, or where it is no such list.
fn messages(messages: &str, first: Option<&str>, developer_role: bool) -> Option<String> {
    let developers = !developer_role && memchr::memmem::find(messages.as_bytes(), b"\"developer\"").is_some();
    if first.is_none() && !developers {
        return None;
    }
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(messages).ok()?;
    let mut out = Vec::with_capacity(messages.len());
    let all = first.into_iter().chain(list.iter().map(|message| message.get()));
    json::list(&mut out, all, |out, message| {
        let message = Bytes::copy_from_slice(message.as_bytes());
        match body::scan(message.clone()) {
            Ok(scanned) if developers && scanned.get::<String>("role").as_deref() == Some("developer") => {
                out.extend_from_slice(&body::apply(&scanned, &[Edit::Set("role", "\"system\"".to_owned())]));
            }
            _ => out.extend_from_slice(&message),
        }
    });
    String::from_utf8(out).ok()
}
