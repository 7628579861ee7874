//! Time series: the labels, and the numbers that one core writes for them.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use aigne_hub_crds::config::ProviderType;

use super::metric::{Counter, DURATION, FIRST_TOKEN, Histogram, TOKENS};
use crate::{ledger::Status, usage::Source, wire::Operation};

/// All series of all cores. Locked when a core sees a combination of labels for the first time, and by a scrape.
#[derive(Debug, Default)]
pub(super) struct Cores {
    pub(super) each: List<CoreSeries>,
    pub(super) targets: List<TargetSeries>,
    pub(super) outcomes: List<OutcomeSeries>,
    pub(super) requests: List<RequestSeries>,
    pub(super) refusals: List<RefusalSeries>,
    /// Lines that the access log could not take; any thread adds to it.
    pub(super) access_log_dropped: AtomicU64,
}

/// Grows only; its members are shared with the core that writes them.
#[derive(Debug)]
pub(super) struct List<T>(Mutex<Vec<Arc<T>>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> List<T> {
    pub(super) fn push(&self, series: T) -> Arc<T> {
        let series = Arc::new(series);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&series));
        series
    }

    pub(super) fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Cores {
    pub(super) fn access_log_dropped(&self) -> u64 {
        self.access_log_dropped.load(Relaxed)
    }
}

/// What a core has without labels.
#[derive(Debug, Default)]
pub(super) struct CoreSeries {
    pub(super) connections: Counter,
    pub(super) streams: Counter,
}

/// Where a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetLabels {
    pub(super) operation: Operation,
    /// `namespace/name` of the `AIProvider`.
    pub(super) provider: Arc<str>,
    pub(super) provider_type: ProviderType,
    pub(super) model: Arc<str>,
}

#[derive(Debug)]
pub(super) struct TargetSeries {
    pub(super) labels: TargetLabels,
    pub(super) input: Histogram,
    pub(super) output: Histogram,
    pub(super) first_token: Histogram,
    /// In the order of [`TOKEN_KINDS`].
    pub(super) tokens: [Counter; 5],
    /// Nano-dollars.
    pub(super) cost: Counter,
    /// Nano-dollars.
    pub(super) price: Counter,
    /// In the order of [`SOURCES`].
    pub(super) rows: [Counter; 3],
}

pub(super) const TOKEN_KINDS: [&str; 5] = ["input", "cached_input", "cache_write", "output", "reasoning"];
pub(super) const SOURCES: [&str; 3] = ["provider", "estimated", "bound"];

pub(super) fn source_index(source: Source) -> usize {
    match source {
        Source::Provider => 0,
        Source::Estimated => 1,
        Source::Bound => 2,
    }
}

impl TargetSeries {
    pub(super) fn new(labels: TargetLabels) -> Self {
        Self {
            labels,
            input: Histogram::new(&TOKENS),
            output: Histogram::new(&TOKENS),
            first_token: Histogram::new(&FIRST_TOKEN),
            tokens: Default::default(),
            cost: Counter::default(),
            price: Counter::default(),
            rows: Default::default(),
        }
    }
}

/// How attempts against a target ended.
#[derive(Debug)]
pub(super) struct OutcomeSeries {
    pub(super) target: TargetLabels,
    pub(super) status: Status,
    /// 0 where the provider sent none.
    pub(super) http_status: u16,
    pub(super) duration: Histogram,
}

impl OutcomeSeries {
    pub(super) fn new(target: TargetLabels, status: Status, http_status: u16) -> Self {
        Self { target, status, http_status, duration: Histogram::new(&DURATION) }
    }
}

/// How requests were answered.
#[derive(Debug)]
pub(super) struct RequestSeries {
    pub(super) labels: RequestLabels,
    pub(super) duration: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestLabels {
    /// Absent where the path was not ours.
    pub(super) operation: Option<Operation>,
    /// Absent where the request was refused before a provider was chosen.
    pub(super) target: Option<TargetLabels>,
    pub(super) http_status: u16,
    pub(super) error: Option<&'static str>,
}

impl RequestSeries {
    pub(super) fn new(labels: RequestLabels) -> Self {
        Self { labels, duration: Histogram::new(&DURATION) }
    }
}

#[derive(Debug)]
pub(super) struct RefusalSeries {
    pub(super) reason: &'static str,
    pub(super) count: Counter,
}

/// `gen_ai.operation.name`.
pub(super) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "chat",
        Operation::CountTokens => "count_tokens",
        Operation::Embeddings => "embeddings",
        Operation::Images => "image_generation",
        Operation::ImageEdits => "image_edit",
        Operation::Speech => "speech",
        Operation::Transcription => "transcription",
        Operation::Translation => "translation",
        Operation::Videos => "video_generation",
    }
}

/// `gen_ai.provider.name`: the conventions' own words where they have one.
pub(super) fn provider_name(provider: ProviderType) -> &'static str {
    match provider {
        ProviderType::OpenAI => "openai",
        ProviderType::Anthropic => "anthropic",
        ProviderType::Bedrock => "aws.bedrock",
        ProviderType::Gemini => "gcp.gemini",
        ProviderType::DeepSeek => "deepseek",
        ProviderType::Ollama => "ollama",
        ProviderType::OpenRouter => "openrouter",
        ProviderType::XAI => "x_ai",
        ProviderType::Doubao => "doubao",
        ProviderType::Poe => "poe",
        ProviderType::OpenAICompatible => "openai_compatible",
    }
}

pub(super) fn outcome_name(status: Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::ClientGone => "client_gone",
        Status::Failed => "failed",
        Status::Broken => "broken",
        Status::Unreachable => "unreachable",
        Status::Interrupted => "interrupted",
    }
}
