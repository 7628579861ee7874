//! `hub.aigne.io/v1alpha1`: what people write.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The provider's own API dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each variant is the provider's own name")]
pub enum ProviderType {
    OpenAI,
    Anthropic,
    Bedrock,
    Gemini,
    DeepSeek,
    Ollama,
    OpenRouter,
    XAI,
    Doubao,
    Poe,
    OpenAICompatible,
}

/// Which endpoints serve a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each variant is the endpoint's own name")]
pub enum ModelType {
    Chat,
    Embedding,
    Image,
    Video,
    Speech,
    Transcription,
}

/// What a model can do, where that matters to translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each variant is the feature's own name")]
pub enum ModelFeature {
    Tools,
    Vision,
    StructuredOutput,
    Reasoning,
    /// Anthropic's newest models choose their thinking budget themselves and refuse `budget_tokens`.
    AdaptiveThinking,
}

/// How usage is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum BillingMode {
    /// The organisation pays the providers; the hub says who caused what.
    #[default]
    Attribution,
    /// Prepaid balance.
    Credits,
}

/// A calendar period in the budget's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each variant is the period's own name")]
pub enum Period {
    Day,
    /// From Monday.
    Week,
    Month,
}

/// What happens when a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum BudgetAction {
    /// Requests are refused.
    #[default]
    Block,
    /// A condition and an event, no refusal.
    Alert,
}

/// What to do when a client leaves before its answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ClientGone {
    /// Cancel upstream; usage is estimated from what was relayed.
    Cancel,
    /// Read the answer to its end; usage is exact.
    Finish,
}

/// What to do when the ledger cannot take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum LedgerUnavailable {
    /// Answer 503.
    Refuse,
    /// Serve, and say in a metric and a log line that usage may be lost.
    Allow,
}
