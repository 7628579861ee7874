//! Fields of a request that mean the same in each of `OpenAI`'s wires.

use serde::Deserialize;

use crate::{
    chat::Request,
    wire::{
        BadRequest,
        fields::{count, number, read, texts},
    },
};

/// Reads one of those that all three have; `false` where it is another.
pub(in crate::wire) fn of_all(request: &mut Request, name: &str, raw: &str) -> Result<bool, BadRequest> {
    match name {
        "model" => request.model = read(name, raw)?,
        "temperature" => request.temperature = Some(number(name, raw)?),
        "top_p" => request.top_p = Some(number(name, raw)?),
        // Not these formats' own (nor, in responses, those below); providers that speak them beside `OpenAI` take them.
        "top_k" => request.top_k = Some(number(name, raw)?),
        "presence_penalty" => request.presence_penalty = Some(number(name, raw)?),
        "frequency_penalty" => request.frequency_penalty = Some(number(name, raw)?),
        "seed" => request.seed = Some(number(name, raw)?),
        "user" => request.user = Some(read(name, raw)?),
        "stream" => request.stream = read(name, raw)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads one of those that both kinds of completions have; `false` where it is another.
pub(in crate::wire) fn of_completions(
    request: &mut Request,
    name: &str,
    raw: &str,
) -> Result<bool, BadRequest> {
    match name {
        "n" => request.n = Some(count(name, raw)?),
        "stop" => request.stop = texts(name, raw)?,
        "stream_options" => {
            request.include_usage = read::<StreamOptions>(name, raw)?.include_usage.unwrap_or_default();
        }
        _ => return of_all(request, name, raw),
    }
    Ok(true)
}

/// What a client asks of its stream.
#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}
