//! Messages and what they consist of.

use super::Raw;

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks. Tool results are parts of a user's message.
    pub role: Role,
    /// The speaker's name, where several share a role.
    pub name: Option<String>,
    /// In order.
    pub parts: Vec<Part>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the roles' own names")]
pub enum Role {
    System,
    /// What newer `OpenAI` models take instead of `System`.
    Developer,
    User,
    Assistant,
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub content: Content,
    /// Anthropic's `cache_control`: the prompt up to here may be cached.
    pub cache: Option<Raw>,
    /// Gemini's `thoughtSignature` on a call or a text: with it the model goes on with what it thought.
    pub signature: Option<String>,
}

/// What a piece of a message is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// `OpenAI`'s `low`, `high` …
        detail: Option<String>,
    },
    /// A document.
    File {
        /// Where it is.
        source: Source,
        /// Its name or title.
        name: Option<String>,
        /// The answer is to say what it takes from where in it.
        cited: bool,
    },
    /// What the client's own search has found.
    SearchResult {
        /// Its address, or another name for where it is.
        source: String,
        /// Of what was found.
        title: String,
        /// Pieces that can be told apart when they are cited.
        texts: Vec<String>,
        /// The answer is to say what it takes from it.
        cited: bool,
    },
    /// Sound.
    Audio {
        /// Base64.
        data: String,
        /// `wav`, `mp3` …
        format: String,
    },
    /// The model calls a tool.
    ToolCall {
        /// Pairs it with its result.
        id: String,
        /// The tool.
        name: String,
        /// JSON text, as the model wrote it; may be empty.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The call's.
        id: String,
        /// Text, images and documents.
        content: Vec<Part>,
        /// The tool failed.
        is_error: bool,
    },
    /// The model's reasoning.
    Thinking {
        /// May be empty where it is not shown.
        text: String,
        /// Lets the provider check that it is its own.
        signature: Option<String>,
    },
    /// Reasoning that only the provider can read.
    RedactedThinking(String),
    /// The model declines.
    Refusal(String),
}

/// Where an image or a document is.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In the request.
    Base64 {
        /// For example `image/png`.
        media_type: String,
        /// Without any prefix.
        data: String,
    },
    /// For the provider to fetch; the hub never does.
    Url(String),
    /// Uploaded to the provider before.
    Id(String),
    /// Plain text in the request.
    Text(String),
}

impl From<Content> for Part {
    fn from(content: Content) -> Self {
        Self { content, cache: None, signature: None }
    }
}

impl Message {
    /// A message of these parts.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, name: None, parts }
    }
}

impl Content {
    /// Bytes that the model wrote.
    pub fn output_bytes(&self) -> u64 {
        let bytes = match self {
            Self::Text(text) | Self::Refusal(text) | Self::Thinking { text, .. } => text.len(),
            Self::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
            _ => 0,
        };
        bytes as u64
    }
}
