//! Tools, the answer's form, and how much to think.

use super::Raw;

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Unique in the request.
    pub name: String,
    /// For the model.
    pub description: Option<String>,
    /// A JSON schema.
    pub parameters: Option<Raw>,
    /// The arguments must follow the schema.
    pub strict: Option<bool>,
    /// Anthropic's `cache_control`.
    pub cache: Option<Raw>,
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// It may.
    Auto,
    /// It must not.
    None,
    /// It must call one.
    Required,
    /// It must call this one.
    Tool(String),
}

/// The form of the answer's text.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Anything.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// `OpenAI` wants one.
        name: Option<String>,
        /// For the model.
        description: Option<String>,
        /// The JSON schema.
        schema: Raw,
        /// It must follow it exactly.
        strict: Option<bool>,
    },
}

/// How much to think.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Anthropic's `thinking`.
    pub thinking: Option<Thinking>,
    /// How hard to try.
    pub effort: Option<Effort>,
    /// Anthropic's `display`: `summarized` or `omitted`.
    pub display: Option<String>,
}

/// Whether to think, and how that is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all.
    Disabled,
    /// At most this many tokens.
    Budget(u64),
    /// As the model sees fit.
    Adaptive,
}

/// How hard to try, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the providers' own names")]
pub enum Effort {
    /// No reasoning at all.
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// As the formats write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads what the formats write.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }

    /// The tokens of thinking that an effort stands for where a model wants a number. Buckets of our own: the
    /// providers publish none.
    pub fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1024,
            Self::Medium => 4096,
            Self::High => 16_384,
            Self::XHigh | Self::Max => 32_768,
        }
    }

    /// The effort that a budget stands for where a model wants a word.
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0..=2047 => Self::Low,
            2048..=8191 => Self::Medium,
            _ => Self::High,
        }
    }
}
