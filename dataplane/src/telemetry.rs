//! What the process says of itself: logs, metrics and the access log.
//!
//! Names follow OpenTelemetry's GenAI conventions in their Prometheus form. Tenants and keys are no labels: they
//! are in the ledger, and an organisation has more of them than a time series database likes.
//!
//! Each core records into numbers that only it writes ([`Recorder`]): no lock, no shared cache line. A scrape
//! adds the cores up.

use std::sync::Arc;

use prometheus_client::registry::Registry;

pub mod access;
pub mod log;

mod exposition;
mod metric;
mod process;
mod recorder;
mod series;
mod shared;

pub use recorder::{Attempt, Recorder, Request, Target};
pub use shared::{
    ConfigMetrics, ExportMetrics, IdentityMetrics, JobMetrics, JournalMetrics, LedgerMetrics, Shared,
    TlsMetrics,
};

/// All metrics of the process.
pub struct Telemetry {
    registry: Registry,
    cores: Arc<series::Cores>,
    shared: Shared,
}

impl Telemetry {
    /// Empty metrics. One for the process (tests make their own).
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let cores = Arc::new(series::Cores::default());
        let shared = Shared::register(&mut registry);
        registry.register_collector(Box::new(exposition::CoresCollector(Arc::clone(&cores))));
        registry.register_collector(Box::new(process::ProcessCollector));
        Self { registry, cores, shared }
    }

    /// What a core records its requests with: one for each core, never shared.
    pub fn recorder(&self) -> Recorder {
        Recorder::new(Arc::clone(&self.cores))
    }

    /// Metrics off the request path, which any thread may set.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Everything as `OpenMetrics` text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

/// The content type of [`Telemetry::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests;
