//! Translated: a plain answer, which is a stream of one piece.

use std::collections::BTreeMap;

use super::stream::Decoder;
use crate::{
    chat::{Answer, Content, Event, Part, Response},
    provider::{StreamDecoder as _, Unreadable},
};

pub(super) fn decode(body: &[u8]) -> Result<Response, Unreadable> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    decoder.event(body, &mut events)?;
    let observed = decoder.observed();
    // An answer that breaks off is no answer; an error in its place is one.
    if let (Some(error), Some(_)) = (&observed.error, &observed.finish_reason) {
        return Err(Unreadable(error.message.clone()));
    }
    let mut response =
        Response { usage: observed.usage, service_tier: observed.service_tier, ..Response::default() };
    let mut answers: BTreeMap<u32, Answer> = BTreeMap::new();
    let mut current = 0;
    for event in events {
        match event {
            Event::Start { id, model, .. } => (response.id, response.model) = (id, model),
            Event::Answer(index) => current = index,
            Event::Error(failure) => response.error = Some(failure),
            Event::Usage(_) => {}
            event => said(answers.entry(current).or_default(), event),
        }
    }
    if response.error.is_none() && answers.is_empty() {
        return Err(Unreadable("it has no candidates".to_owned()));
    }
    response.answers = answers.into_values().collect();
    Ok(response)
}

fn said(answer: &mut Answer, event: Event) {
    match event {
        Event::Citation(citation) => answer.citations.push(citation),
        Event::Logprobs(tokens) => answer.logprobs.extend(tokens),
        Event::Finish(finish) => answer.finish = Some(finish),
        event => part(&mut answer.parts, event),
    }
}

/// Appends what an event says to what the ones before it said.
fn part(parts: &mut Vec<Part>, event: Event) {
    let last = parts.last_mut().map(|part| &mut part.content);
    match (event, last) {
        (Event::Text(text), Some(Content::Text(all))) => all.push_str(&text),
        (Event::Thinking(text), Some(Content::Thinking { text: all, signature: None })) => {
            all.push_str(&text);
        }
        (Event::Signature(signed), Some(Content::Thinking { signature: open @ None, .. })) => {
            *open = Some(signed);
        }
        (Event::ToolArguments { text, .. }, Some(Content::ToolCall { arguments, .. })) => {
            arguments.push_str(&text);
        }
        (Event::Text(text), _) => parts.push(Content::Text(text).into()),
        (Event::Thinking(text), _) => parts.push(Content::Thinking { text, signature: None }.into()),
        (Event::Signature(signed), _) => {
            parts.push(Content::Thinking { text: String::new(), signature: Some(signed) }.into());
        }
        (Event::Refusal(text), _) => parts.push(Content::Refusal(text).into()),
        (Event::ToolCall { id, name, signature, .. }, _) => {
            let call = Content::ToolCall { id, name, arguments: String::new() };
            parts.push(Part { signature, ..call.into() });
        }
        _ => {}
    }
}
