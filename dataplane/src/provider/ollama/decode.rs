//! A plain answer.

use super::answer::{finish, read};
use crate::{
    chat::{Answer, Content, Part, Response},
    provider::{Observed, Unreadable, failure::failure},
};

pub(super) fn decode(body: &[u8]) -> Result<Response, Unreadable> {
    let answer = read(body)?;
    let error = answer.error().map(|error| failure(&error));
    let usage = answer.usage();
    let Some(message) = answer.message else {
        return match error {
            Some(_) => Ok(Response { model: answer.model, error, usage, ..Response::default() }),
            None => Err(Unreadable("it has no message".to_owned())),
        };
    };
    let made_of = answer.created_at.unwrap_or_default();
    let parts: Vec<Part> = message.contents(&made_of, 0).into_iter().map(Part::from).collect();
    let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let finish = Some(finish(answer.done_reason.as_deref(), called));
    let answers = vec![Answer { parts, finish, ..Answer::default() }];
    Ok(Response { model: answer.model, answers, usage, error, ..Response::default() })
}

/// What is learned from it.
pub(super) fn observe(body: &[u8]) -> Observed {
    let Ok(answer) = read(body) else { return Observed::default() };
    let (error, usage) = (answer.error(), answer.usage());
    let output_bytes = answer.message.map(|message| message.contents("", 0)).unwrap_or_default();
    Observed {
        usage,
        usage_complete: usage.is_some(),
        output_bytes: output_bytes.iter().map(Content::output_bytes).sum(),
        finish_reason: answer.done_reason,
        error,
        ..Observed::default()
    }
}
