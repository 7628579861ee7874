//! One choice of a stream.

use super::{Chunk, finish_reason};
use crate::{
    chat::{Content, Detail, ExtraContent, Finish, TokenLogprob},
    json::{self, Object},
    wire::openai_chat::encode,
};

/// What was sent of it.
#[derive(Default)]
pub(super) struct Choice {
    /// Characters of text.
    pub(super) length: u64,
    /// Of the text that comes next.
    pub(super) logprobs: Vec<TokenLogprob>,
    /// The current piece of thinking, to be repeated with its signature.
    thinking: String,
    /// Pieces of thinking that were sent whole.
    details: usize,
    /// Calls whose arguments have begun.
    arguments: Vec<bool>,
    pub(super) finish: Option<Finish>,
}

impl Choice {
    pub(super) fn text(&mut self, text: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        self.length += text.chars().count() as u64;
        self.said("content", text, chunk, out);
    }

    pub(super) fn refusal(&mut self, text: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        self.said("refusal", text, chunk, out);
    }

    /// With the log probabilities of its tokens.
    fn said(&mut self, name: &str, text: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        let tokens = std::mem::take(&mut self.logprobs);
        let delta = |delta: &mut Object<'_>| {
            delta.string(name, text);
        };
        if tokens.is_empty() {
            return chunk.delta(out, delta);
        }
        chunk.write(out, delta, |choice| {
            encode::logprobs(choice.name("logprobs"), &tokens, name == "content");
            choice.raw("finish_reason", "null");
        });
    }

    pub(super) fn thinking(&mut self, text: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        self.thinking.push_str(text);
        chunk.delta(out, |delta| {
            delta.string("reasoning_content", text);
        });
    }

    pub(super) fn signature(&mut self, signature: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.thinking);
        self.detail(&Content::Thinking { text, signature: Some(signature.to_owned()) }, chunk, out);
    }

    pub(super) fn redacted(&mut self, data: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        self.detail(&Content::RedactedThinking(data.to_owned()), chunk, out);
    }

    /// The thinking that ends here, once more and whole, with what lets a client send it back. Clients that gather
    /// lists piece by piece want an index in each.
    fn detail(&mut self, content: &Content, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        let index = self.details;
        self.details += 1;
        chunk.delta(out, |delta| {
            json::list(delta.name("reasoning_details"), [content], |out, content| {
                Detail::write(out, content, index);
            });
        });
    }

    pub(super) fn call(
        &mut self,
        index: u32,
        id: &str,
        name: &str,
        signature: Option<&str>,
        chunk: Chunk<'_>,
        out: &mut Vec<u8>,
    ) {
        self.end_bare_calls(chunk, out);
        chunk.delta(out, |delta| {
            json::list(delta.name("tool_calls"), [()], |out, ()| {
                let mut call = Object::open(out);
                call.number("index", index).string("id", id).string("type", "function");
                let mut function = Object::open(call.name("function"));
                function.string("name", name).string("arguments", "");
                function.close();
                if let Some(signature) = signature {
                    ExtraContent::write(&mut call, signature);
                }
                call.close();
            });
        });
        let index = index as usize;
        if self.arguments.len() <= index && index < 4096 {
            self.arguments.resize(index + 1, true);
        }
        if let Some(begun) = self.arguments.get_mut(index) {
            *begun = false;
        }
    }

    /// A call without arguments still needs an object's text.
    fn end_bare_calls(&mut self, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        let bare: Vec<u32> =
            (0..).zip(&self.arguments).filter(|(_, begun)| !**begun).map(|(index, _)| index).collect();
        for index in bare {
            self.arguments(index, "{}", chunk, out);
        }
    }

    pub(super) fn arguments(&mut self, index: u32, text: &str, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if let Some(begun) = self.arguments.get_mut(index as usize) {
            *begun = true;
        }
        chunk.delta(out, |delta| {
            json::list(delta.name("tool_calls"), [()], |out, ()| {
                let mut call = Object::open(out);
                let mut function = Object::open(call.number("index", index).name("function"));
                function.string("arguments", text);
                function.close();
                call.close();
            });
        });
    }

    /// Nothing more comes: why it ended, with the log probabilities that no text came for.
    pub(super) fn end(&mut self, chunk: Chunk<'_>, out: &mut Vec<u8>) {
        self.end_bare_calls(chunk, out);
        let tokens = std::mem::take(&mut self.logprobs);
        if self.finish.is_none() && tokens.is_empty() {
            return;
        }
        let reason = self.finish.as_ref().map(|finish| finish_reason(finish.reason));
        chunk.write(
            out,
            |_| (),
            |choice| {
                if !tokens.is_empty() {
                    encode::logprobs(choice.name("logprobs"), &tokens, true);
                }
                match reason {
                    Some(reason) => choice.string("finish_reason", reason),
                    None => choice.raw("finish_reason", "null"),
                };
            },
        );
    }
}
