//! What comes back: whole, or piece by piece.

use std::borrow::Cow;

use super::{Part, Raw, TokenLogprob};
use crate::usage::{Usage, Word};

/// What a provider gives back, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The provider's id.
    pub id: Option<String>,
    /// The provider's name of the model.
    pub model: Option<String>,
    /// As many as were asked for; none where the provider failed.
    pub answers: Vec<Answer>,
    /// The provider's count, of all answers; `None` where it sent none.
    pub usage: Option<Usage>,
    /// The service tier that served, where it says so.
    pub service_tier: Option<Word>,
    /// The provider failed although its status said otherwise (`OpenRouter` answers 200 with an error body).
    pub error: Option<Failure>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Text, thinking, tool calls, refusals.
    pub parts: Vec<Part>,
    /// What belongs to its text, as the provider wrote it; see [`Citation`](super::Citation).
    pub citations: Vec<Raw>,
    /// Of its text's tokens, where they were asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// Why it ended.
    pub finish: Option<Finish>,
}

impl Answer {
    /// Why it ended, where it matters that it did.
    pub fn reason(&self) -> FinishReason {
        self.finish.as_ref().map_or(FinishReason::Stop, |finish| finish.reason)
    }
}

impl Response {
    /// The answer for a format that has one.
    pub fn first(&self) -> Cow<'_, Answer> {
        self.answers.first().map_or_else(|| Cow::Owned(Answer::default()), Cow::Borrowed)
    }

    /// Bytes that the model wrote: the base of an estimate.
    pub fn output_bytes(&self) -> u64 {
        let parts = self.answers.iter().flat_map(|answer| &answer.parts);
        parts.map(|part| part.content.output_bytes()).sum()
    }
}

/// One piece of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Comes first.
    Start {
        /// The provider's id.
        id: Option<String>,
        /// The provider's name of the model.
        model: Option<String>,
        /// What is known of usage so far (Anthropic tells the prompt's first).
        usage: Option<Usage>,
    },
    /// What follows belongs to this answer, counted from 0; until it comes, to the first.
    Answer(u32),
    /// Of the tokens of the text that follows.
    Logprobs(Vec<TokenLogprob>),
    /// Text.
    Text(String),
    /// Something that belongs to the text (a citation), as the provider wrote it; see [`Citation`](super::Citation).
    Citation(Raw),
    /// Reasoning.
    Thinking(String),
    /// Ends a piece of reasoning.
    Signature(String),
    /// Reasoning that only the provider can read.
    RedactedThinking(String),
    /// The model declines.
    Refusal(String),
    /// A tool call begins.
    ToolCall {
        /// Counts the calls of this answer from 0.
        index: u32,
        /// Pairs it with its result.
        id: String,
        /// The tool.
        name: String,
        /// Gemini's `thoughtSignature`.
        signature: Option<String>,
    },
    /// A tool call's arguments go on.
    ToolArguments {
        /// The call's.
        index: u32,
        /// A piece of JSON text.
        text: String,
    },
    /// Why it ended.
    Finish(Finish),
    /// The provider's count so far; a later one replaces it.
    Usage(Usage),
    /// The answer broke off.
    Error(Failure),
}

impl Event {
    /// Bytes that the model wrote: the base of an estimate.
    pub fn output_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Text(text)
            | Self::Thinking(text)
            | Self::Refusal(text)
            | Self::ToolArguments { text, .. } => text.len(),
            Self::ToolCall { name, .. } => name.len(),
            _ => 0,
        };
        bytes as u64
    }
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// In our words.
    pub reason: FinishReason,
    /// The stop text that was met, where the provider says which.
    pub stop_sequence: Option<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// A stop text was met.
    StopSequence,
    /// `max_tokens`, or the context's end.
    Length,
    /// Tools are to be called.
    ToolCalls,
    /// Withheld by a filter, or refused.
    ContentFilter,
    /// The provider paused a long turn, which goes on when it is sent back.
    Pause,
    /// The provider failed.
    Error,
}

impl From<FinishReason> for Finish {
    fn from(reason: FinishReason) -> Self {
        Self { reason, stop_sequence: None }
    }
}

/// What went wrong, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides the error type that each wire writes.
    pub kind: FailureKind,
    /// A sentence.
    pub message: String,
    /// The provider's own code.
    pub code: Option<String>,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request's fault.
    Request,
    /// Too many requests.
    Throttled,
    /// The provider has too much to do.
    Overloaded,
    /// It took too long.
    Timeout,
    /// Anything else on the other side.
    Provider,
}
