//! Usage rows, as `aigne-hub usage --rows --output json` prints them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// The answer's `x-request-id`.
    pub request_id: String,
    /// Counts the attempts of a request.
    pub attempt: u32,
    /// `namespace/name`.
    pub tenant: String,
    /// The key's name within its tenant.
    pub key: String,
    /// As the client said.
    #[serde(default)]
    pub user: Option<String>,
    /// As the client said.
    #[serde(default)]
    pub project: Option<String>,
    /// Which provider was asked.
    pub provider: String,
    /// Which model was asked for.
    pub model: String,
    /// Uncached input.
    pub input_tokens: u64,
    /// Input read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Input written to the provider's cache.
    pub cache_write_tokens: u64,
    /// All output.
    pub output_tokens: u64,
    /// The part of it that was reasoning.
    pub reasoning_tokens: u64,
    /// `Provider`, `Estimated` or `Bound`.
    pub source: String,
    /// What became of the attempt.
    #[serde(default)]
    pub status: Value,
    /// Billionths of a US dollar.
    #[serde(default)]
    pub cost_nanos: Option<i64>,
    /// Billionths of a US dollar.
    #[serde(default)]
    pub price_nanos: Option<i64>,
    /// The price sheet that applied.
    #[serde(default)]
    pub price_revision: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

impl Row {
    /// Uncached, cached, cache write, output, reasoning.
    pub fn tokens(&self) -> [u64; 5] {
        [
            self.input_tokens,
            self.cached_input_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
        ]
    }
}

/// Reads a JSON array or one object a line.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Row>> {
    if text.trim_start().starts_with('[') {
        return Ok(serde_json::from_str(text)?);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}
