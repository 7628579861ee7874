//! Translated: the messages, as `contents`.

use super::{media, model::Generation};
use crate::{
    chat::{Content, Message, Part, Role, signature},
    json::{self, Object},
    provider::Refusal,
};

/// Stands for a signature that nobody has: Gemini takes it for a call that it did not make itself
/// (ai.google.dev/gemini-api/docs/thought-signatures).
pub(super) const UNSIGNED: &str = "skip_thought_signature_validator";

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal { field: "messages".to_owned(), message: message.into() }
}

pub(super) fn write(out: &mut Vec<u8>, messages: &[Message], generation: Generation) -> Result<(), Refusal> {
    // The parts of all messages of one role in a row.
    let mut turns: Vec<(Role, Vec<&Part>)> = Vec::with_capacity(messages.len());
    for message in messages {
        if matches!(message.role, Role::System | Role::Developer) {
            continue;
        }
        match turns.last_mut() {
            Some((role, parts)) if *role == message.role => parts.extend(&message.parts),
            _ => turns.push((message.role, message.parts.iter().collect())),
        }
    }
    let mut writer = Writer { out, generation, calls: Vec::new(), empty: true };
    writer.out.push(b'[');
    for (role, mut parts) in turns {
        // Results answer the turn before them, all in one.
        parts.sort_by_key(|part| !matches!(part.content, Content::ToolResult { .. }));
        writer.turn(role, &parts)?;
    }
    writer.out.push(b']');
    if writer.empty {
        return Err(refuse("Gemini needs a message that is not the system's"));
    }
    Ok(())
}

/// `parts` of the system's instruction.
pub(super) fn system(out: &mut Vec<u8>, parts: &[&Part]) -> Result<(), Refusal> {
    let texts: Vec<&str> = parts
        .iter()
        .map(|part| match &part.content {
            Content::Text(text) => Ok(text.as_str()),
            _ => Err(refuse("a system message may hold only text for Gemini")),
        })
        .collect::<Result<_, _>>()?;
    json::list(out, texts, |out, text| {
        let mut part = Object::open(out);
        part.string("text", text);
        part.close();
    });
    Ok(())
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    generation: Generation,
    /// Id and name of each call so far: a result must name its function.
    calls: Vec<(&'a str, &'a str)>,
    empty: bool,
}

impl<'a> Writer<'a> {
    fn turn(&mut self, role: Role, parts: &[&'a Part]) -> Result<(), Refusal> {
        let before = self.out.len();
        if !self.empty {
            self.out.push(b',');
        }
        let role = if role == Role::Assistant { "model" } else { "user" };
        self.out.extend_from_slice(b"{\"role\":");
        json::string(self.out, role);
        self.out.extend_from_slice(b",\"parts\":[");
        let start = self.out.len();
        self.parts(parts)?;
        if self.out.len() == start {
            // Nothing of it is sent, so neither is the turn.
            self.out.truncate(before);
            return Ok(());
        }
        self.empty = false;
        self.out.extend_from_slice(b"]}");
        Ok(())
    }

    fn parts(&mut self, parts: &[&'a Part]) -> Result<(), Refusal> {
        // A signature belongs to the part after the thinking that it ends.
        let mut pending: Option<&str> = None;
        let mut called = false;
        for part in parts {
            match &part.content {
                Content::Thinking { text, signature } => {
                    // Others' thinking says nothing to Gemini, and its own without a signature nothing new.
                    let Some(own) = signature.as_deref().and_then(signature::for_gemini) else { continue };
                    self.signature_alone(pending.replace(own));
                    if !text.is_empty() {
                        self.part(None, |object| {
                            object.string("text", text).raw("thought", "true");
                        });
                    }
                }
                Content::Text(text) | Content::Refusal(text) => {
                    if !text.is_empty() {
                        let own = part.signature.as_deref();
                        self.signature_alone(pending.take_if(|_| own.is_some()));
                        self.part(own.or(pending.take()), |object| {
                            object.string("text", text);
                        });
                    }
                }
                Content::ToolCall { id, name, arguments } => {
                    self.calls.push((id, name));
                    let own = part.signature.as_deref().or(pending);
                    pending = None;
                    let needs = self.generation.is_new() && !called;
                    called = true;
                    self.part(own.or(needs.then_some(UNSIGNED)), |object| {
                        let mut call = Object::open(object.name("functionCall"));
                        call.string("id", id).string("name", name);
                        call.raw("args", &json::object_or_wrapped(arguments));
                        call.close();
                    });
                }
                Content::ToolResult { id, content, is_error } => self.result(id, content, *is_error)?,
                Content::Image { .. } | Content::File { .. } | Content::Audio { .. } => {
                    self.media(&part.content)?;
                }
                // None is left: see `rules::no_sources`.
                Content::RedactedThinking(_) | Content::SearchResult { .. } => {}
            }
        }
        self.signature_alone(pending);
        Ok(())
    }

    fn signature_alone(&mut self, signature: Option<&str>) {
        if signature.is_some() {
            self.part(signature, |object| {
                object.string("text", "");
            });
        }
    }

    fn part(&mut self, signature: Option<&str>, write: impl FnOnce(&mut Object<'_>)) {
        if self.out.last() == Some(&b'}') {
            self.out.push(b',');
        }
        let mut object = Object::open(self.out);
        write(&mut object);
        if let Some(signature) = signature {
            object.string("thoughtSignature", signature);
        }
        object.close();
    }

    fn media(&mut self, content: &Content) -> Result<(), Refusal> {
        let mut written = Ok(());
        self.part(None, |object| written = media::write(object, content));
        written.map_err(refuse)
    }

    fn result(&mut self, id: &str, content: &[Part], is_error: bool) -> Result<(), Refusal> {
        let Some((_, name)) = self.calls.iter().rfind(|(call, _)| *call == id) else {
            return Err(refuse(format!("there is no call {id:?} before its result")));
        };
        let name = *name;
        let mut texts = Vec::new();
        let mut rest = Vec::new();
        for part in content {
            match &part.content {
                Content::Text(piece) | Content::Refusal(piece) => texts.push(piece.as_str()),
                other => rest.push(other),
            }
        }
        let within = self.generation.is_new() && !rest.is_empty();
        let mut written = Ok(());
        self.part(None, |object| {
            let mut result = Object::open(object.name("functionResponse"));
            result.string("id", id).string("name", name);
            // The names that Gemini itself gives to what a function answered.
            let mut response = Object::open(result.name("response"));
            response.string(if is_error { "error" } else { "output" }, &texts.join("\n"));
            response.close();
            if within {
                json::list(result.name("parts"), &rest, |out, content| {
                    let mut part = Object::open(out);
                    if let Err(message) = media::write(&mut part, content) {
                        written = Err(message);
                    }
                    part.close();
                });
            }
            result.close();
        });
        written.map_err(refuse)?;
        if !within {
            for content in rest {
                self.media(content)?;
            }
        }
        Ok(())
    }
}
