//! Reads a request.

use super::super::{
    BadRequest,
    fields::{bad, number, read, texts},
    openai::StreamOptions,
};
use crate::{
    body::Body,
    chat::{Content, Message, Request, Role},
};

pub(in crate::wire) fn decode(body: &Body) -> Result<Request, BadRequest> {
    let mut request = Request::default();
    for (name, raw) in body.members().filter(|(_, raw)| *raw != "null") {
        match name {
            "model" => request.model = read(name, raw)?,
            "prompt" => {
                let text = Content::Text(prompt(raw)?);
                request.messages = vec![Message::new(Role::User, vec![text.into()])];
            }
            "max_tokens" => request.max_output_tokens = Some(read(name, raw)?),
            "temperature" => request.temperature = Some(number(name, raw)?),
            "top_p" => request.top_p = Some(number(name, raw)?),
            "top_k" => request.top_k = Some(number(name, raw)?),
            "presence_penalty" => request.presence_penalty = Some(number(name, raw)?),
            "frequency_penalty" => request.frequency_penalty = Some(number(name, raw)?),
            "seed" => request.seed = Some(number(name, raw)?),
            "stop" => request.stop = texts(name, raw)?,
            "user" => request.user = Some(read(name, raw)?),
            "stream" => request.stream = read(name, raw)?,
            "stream_options" => request.include_usage = read::<StreamOptions>(name, raw)?.include_usage(),
            "echo" if raw == "false" => {}
            "best_of" if raw == "1" => {}
            "suffix" if raw == r#""""# => {}
            "echo" | "best_of" | "suffix" | "logprobs" => {
                return Err(bad(
                    name,
                    "is not supported by the provider that serves this model, which knows only chat",
                ));
            }
            _ => request.extra.push((name.to_owned(), read(name, raw)?)),
        }
    }
    if request.messages.is_empty() {
        return Err(bad("prompt", "is missing"));
    }
    Ok(request)
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
