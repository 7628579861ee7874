//! The internal chat model that wires and providers both speak.
//!
//! Numbers, schemas and everything that we only carry are kept as the JSON text they came in ([`Raw`]): what is
//! not understood is not changed. Top-level fields that no format of ours knows survive in [`Request::extra`].

mod answer;
mod citation;
pub mod estimate;
mod extra;
mod likelihood;
mod message;
mod raw;
mod reasoning_details;
mod sealed;
mod settings;
pub mod signature;
pub mod strict;
mod wrapped;

pub use answer::{Answer, Event, Failure, FailureKind, Finish, FinishReason, Response};
pub use citation::{Citation, Passage, Unit};
pub use extra::ExtraContent;
pub use likelihood::{Likelihood, Logprobs, TokenLogprob};
pub use message::{Content, Message, Part, Role, Source};
pub use raw::Raw;
pub use reasoning_details::Detail;
pub use sealed::Sealed;
pub use settings::{Effort, Reasoning, ResponseFormat, Thinking, Tool, ToolChoice};
pub use wrapped::Wrapped;

/// A chat request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model name as the client wrote it.
    pub model: String,
    /// In the client's order, system messages included.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice>,
    /// Several calls in one answer.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens to generate.
    pub max_output_tokens: Option<u64>,
    /// A number, as written.
    pub temperature: Option<Raw>,
    /// A number, as written.
    pub top_p: Option<Raw>,
    /// A number, as written.
    pub top_k: Option<Raw>,
    /// A number, as written.
    pub presence_penalty: Option<Raw>,
    /// A number, as written.
    pub frequency_penalty: Option<Raw>,
    /// A number, as written.
    pub seed: Option<Raw>,
    /// How many answers, 1 or more; one where it is not said.
    pub n: Option<u32>,
    /// The log probabilities of the answer's tokens are wanted.
    pub logprobs: Option<Logprobs>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The form of the answer's text.
    pub response_format: Option<ResponseFormat>,
    /// How much to think.
    pub reasoning: Option<Reasoning>,
    /// The end user on whose behalf the client asks.
    pub user: Option<String>,
    /// The client wants a stream.
    pub stream: bool,
    /// The client wants usage in the stream.
    pub include_usage: bool,
    /// Other top-level fields of the client's wire, in their order. `null` counts as absent.
    pub extra: Vec<(String, Raw)>,
}

impl Request {
    /// More than one answer is asked for.
    pub fn asks_for_several(&self) -> bool {
        self.n.is_some_and(|n| n > 1)
    }

    /// A field that the model has no place for.
    pub fn extra(&self, name: &str) -> Option<&Raw> {
        self.extra.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}
