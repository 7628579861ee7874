//! Reads a request.

use super::super::{
    BadRequest,
    fields::{bad, count, read, texts},
    openai::settings,
};
use crate::{
    body::Body,
    chat::{Content, Logprobs, Message, Request, Role},
};

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    let mut request = Request::default();
    let mut best_of = None;
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "prompt" => {
                let text = Content::Text(prompt(raw)?);
                request.messages = vec![Message::new(Role::User, vec![text.into()])];
            }
            "max_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "logprobs" => request.logprobs = Some(Logprobs { top: read(name, raw)? }),
            "echo" if raw == "false" => {}
            "best_of" => best_of = Some(count(name, raw)?),
            "suffix" if raw == r#""""# => {}
            "echo" | "suffix" => return Err(chat_only(name)),
            _ if settings::of_completions(&mut request, name, raw)? => {}
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    if request.messages.is_empty() {
        return Err(bad("prompt", "is missing"));
    }
    // All of them, where as many are made as are wanted.
    if best_of.is_some_and(|made| made != request.n.unwrap_or(1)) {
        return Err(chat_only("best_of"));
    }
    Ok(request)
}

fn chat_only(name: &str) -> BadRequest {
    bad(name, "is not supported by the provider that serves this model, which knows only chat")
}

/// One text, which may stand in a list.
fn prompt(raw: &str) -> Result<String, BadRequest> {
    const ONE: &str = "must be one text for the provider that serves this model, which knows only chat";
    let mut prompts = texts("prompt", raw).map_err(|_| bad("prompt", ONE))?;
    match (prompts.pop(), prompts.is_empty()) {
        (Some(prompt), true) => Ok(prompt),
        _ => Err(bad("prompt", ONE)),
    }
}
